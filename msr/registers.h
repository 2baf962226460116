// RAPL register addresses under their manual names.
//
// Source: Intel SDM vol. 4, "Model-Specific Registers"; vol. 3B, "RAPL Interfaces". AMD PPR (family 17h, 19h, 1Ah),
// "MSRC001_0299 [RAPL Power Unit]" and the two that follow. Cross-checked with Linux arch/x86/include/asm/msr-index.h.
#pragma once

#include <cstdint>

namespace vrapl {

// An MSR number is also the file offset in /dev/cpu/N/msr. AMD's exceed 2^31, so never hold one in an int.
using MsrAddress = uint32_t;

// Energy filtering (CVE-2020-8694). The second register is there only where bits 10 and 11 of the first are set.
// Source: Intel, "Running Average Power Limit Energy Reporting" (INTEL-SA-00389).
inline constexpr MsrAddress kIa32ArchCapabilities = 0x10A;
inline constexpr MsrAddress kIa32MiscPackageCtls = 0xBC;  // bit 0: ENERGY_FILTERING_ENABLE

inline constexpr MsrAddress kMsrRaplPowerUnit = 0x606;
inline constexpr MsrAddress kMsrPkgEnergyStatus = 0x611;
inline constexpr MsrAddress kMsrPkgPowerInfo = 0x614;
inline constexpr MsrAddress kMsrDramEnergyStatus = 0x619;
inline constexpr MsrAddress kMsrPp0EnergyStatus = 0x639;
inline constexpr MsrAddress kMsrPp1EnergyStatus = 0x641;
inline constexpr MsrAddress kMsrPlatformEnergyStatus = 0x64D;

inline constexpr MsrAddress kAmdRaplPowerUnit = 0xC0010299;
inline constexpr MsrAddress kAmdCoreEnergyStatus = 0xC001029A;  // of the physical core of the CPU it is read on
inline constexpr MsrAddress kAmdPkgEnergyStatus = 0xC001029B;

}  // namespace vrapl
