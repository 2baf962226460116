#include "probe/hardware.h"

#include "tests/fakes/fuse_msr.h"
#include "tests/fakes/host_builder.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kSkylakeSp = 0x55;
constexpr int kSapphireRapids = 0x8F;
constexpr int kBayTrail = 0x37;
constexpr int kAvoton = 0x4D;

CpuModel CpuOf(const HostBuilder& host) {
  const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host.root());
  EXPECT_THAT(cpu, IsOk());
  return *cpu;
}

std::map<int, ThermalPower> ThermalPowerOf(const HostBuilder& host) {
  const CpuModel cpu = CpuOf(host);
  return ReadThermalPower(host.root(), cpu, FindRaplModel(cpu.vendor, cpu.family, cpu.model));
}

TEST(ThermalPowerTest, ByTheUnitRuleOfTheModel) {
  VRAPL_NEEDS("fuse");
  struct Row {
    int model;
    uint64_t unit;
    MsrAddress address;
    uint64_t info;
    double watts;
  };
  for (const Row& row : {Row{kSkylakeSp, 0xA0E03, 0x614, 0x1234'0000'0000 | 150 * 8, 150},
                         Row{kBayTrail, 0x505, 0x614, 234, 7.488},  // 2^5 mW
                         Row{kAvoton, 0x505, 0x66E, 625, 20}}) {
    HostBuilder host(CpuVendor::kIntel, 6, row.model);
    host.AddCpu({.cpu = 0});
    FuseMsr msr(host, {0});
    msr.Set(0, kMsrRaplPowerUnit, row.unit);
    msr.Set(0, row.address, row.info);
    const std::map<int, ThermalPower> power = ThermalPowerOf(host);
    ASSERT_TRUE(power.contains(0)) << row.model;
    EXPECT_NEAR(power.at(0).watts, row.watts, 1e-9);
    EXPECT_THAT(power.at(0).origin, HasSubstr("MSR_PKG_POWER_INFO"));
  }
}

TEST(ThermalPowerTest, AFigureThatNoCpuHasIsNone) {
  VRAPL_NEEDS("fuse");
  HostBuilder host(CpuVendor::kIntel, 6, kSkylakeSp);
  host.AddCpu({.cpu = 0});
  FuseMsr msr(host, {0});
  msr.Set(0, kMsrRaplPowerUnit, 0xA0E03);
  msr.Set(0, kMsrPkgPowerInfo, 0);  // as some clients answer
  EXPECT_THAT(ThermalPowerOf(host), IsEmpty());
  msr.Set(0, kMsrPkgPowerInfo, 0x7FFF);  // 4096 W
  EXPECT_THAT(ThermalPowerOf(host), IsEmpty());
}

TEST(ThermalPowerTest, FromPowercapWhereRegistersCannotBeRead) {
  HostBuilder host(CpuVendor::kIntel, 6, kSkylakeSp);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .package = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-1"}).AddZone({.id = "intel-rapl:1", .name = "package-0"});
  host.Write("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/constraint_0_max_power_uw", "125000000\n");
  const std::map<int, ThermalPower> power = ThermalPowerOf(host);
  EXPECT_FALSE(power.contains(0));
  ASSERT_TRUE(power.contains(1));
  EXPECT_DOUBLE_EQ(power.at(1).watts, 125);
}

TEST(EnergyFilteringTest, SgxTurnsItOn) {
  HostBuilder host(CpuVendor::kIntel, 6, kSkylakeSp, "fpu msr sgx");
  host.AddCpu({.cpu = 0});
  const Check check = CheckEnergyFiltering(host.root(), CpuOf(host));
  EXPECT_EQ(check.verdict, Verdict::kLimits);
  EXPECT_THAT(check.finding, AllOf(HasSubstr("SGX"), HasSubstr("noise")));
}

TEST(EnergyFilteringTest, ByItsSwitchWhereTheCpuHasOne) {
  VRAPL_NEEDS("fuse");
  HostBuilder host(CpuVendor::kIntel, 6, kSapphireRapids, "fpu msr arch_capabilities");
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .package = 1});
  FuseMsr msr(host, {0, 1});
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kUnknown) << "0x10A cannot be read";
  for (const int cpu : {0, 1}) msr.Set(cpu, kIa32ArchCapabilities, 1 << 10);  // without its energy filtering bit
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kGood) << "0xBC is not asked";
  for (const int cpu : {0, 1}) msr.Set(cpu, kIa32ArchCapabilities, 3 << 10);
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kUnknown) << "0xBC cannot be read";
  for (const int cpu : {0, 1}) msr.Set(cpu, kIa32MiscPackageCtls, 0);
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kGood);
  msr.Set(1, kIa32MiscPackageCtls, 1);  // one package of two is enough
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kLimits);
}

TEST(EnergyFilteringTest, IsNoneOnAmd) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x01);
  EXPECT_EQ(CheckEnergyFiltering(host.root(), CpuOf(host)).verdict, Verdict::kGood);
}

TEST(VirtualMachineTest, ByTheHypervisorBitOrTheProduct) {
  HostBuilder metal(CpuVendor::kIntel, 6, kSkylakeSp);
  metal.Write("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n")
      .Write("/sys/class/dmi/id/product_name", "PowerEdge R640\n");
  EXPECT_FALSE(InVirtualMachine(CheckVirtualMachine(metal.root(), CpuOf(metal))));

  HostBuilder flagged(CpuVendor::kIntel, 6, kSkylakeSp, "fpu hypervisor");
  EXPECT_TRUE(InVirtualMachine(CheckVirtualMachine(flagged.root(), CpuOf(flagged))));

  HostBuilder hidden(CpuVendor::kIntel, 6, kSkylakeSp);  // kvm=off, but a product that says it
  hidden.Write("/sys/class/dmi/id/sys_vendor", "QEMU\n").Write("/sys/class/dmi/id/product_name", "Standard PC\n");
  EXPECT_TRUE(InVirtualMachine(CheckVirtualMachine(hidden.root(), CpuOf(hidden))));

  HostBuilder xen(CpuVendor::kIntel, 6, kSkylakeSp);
  xen.Write("/sys/hypervisor/type", "xen\n");
  EXPECT_TRUE(InVirtualMachine(CheckVirtualMachine(xen.root(), CpuOf(xen))));
}

}  // namespace
}  // namespace vrapl
