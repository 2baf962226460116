// `vrapl probe --report`: what vrapl reads of a host's hardware, so that somebody without that hardware can see what it
// saw. Unpacked below tests/hosts/ it is a test.
//
// Anonymous by construction: only the files and fields that are named in report.cc go in. No host name, user, VM, UUID,
// MAC address or serial number is among them; paths of this machine are cut off.
//
// The archive:
//   README                            what it is
//   probe.json                        what `vrapl probe --cross-check --json` says, without VMs
//   counters.json                     registers and zones, each read twice, so that a replay knows how fast they move:
//     {seconds, cpus: [{cpu, open_error, registers: [{address, name, value, later, error}]}],
//      zones: [{path, energy_uj, later_uj}]}
//   proc/cpuinfo, sys/...             the files themselves
//
// Threads: any.
#pragma once

#include <string>

#include "base/host_root.h"
#include "probe/archive.h"
#include "probe/cross_check.h"
#include "probe/findings.h"
#include "probe/system.h"

namespace vrapl {

// Takes 100 ms between the two readings of the registers. What cannot be read is left out, or stands there as an error.
FileTree MakeReport(const HostRoot& root, const ProbeFindings& found, const CrossCheck& check,
                    const SystemState& system);

// /proc/cpuinfo with the fields that vrapl, or who reads a report, has a use for, and no others.
std::string AnonymousCpuinfo(absl::string_view cpuinfo);

// "vrapl-report-intel-6-55.tar.gz": vendor, family and model in hexadecimal.
std::string ReportFileName(const ProbeFindings& found);

}  // namespace vrapl
