// What `vrapl probe` found on a host, as plain data: gathered by Look(), shown by ToText() and ToJson().
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cpu_model.h"
#include "base/domain_probe.h"
#include "base/run_time_method.h"
#include "base/update_edges.h"
#include "vm/vm.h"

namespace vrapl {

// How good what was found is for measuring.
enum class Verdict : uint8_t {
  kGood,     // as it should be
  kLimits,   // it can be lived with: less accurate, less punctual, or for root only
  kMissing,  // something cannot be done at all
  kUnknown,  // it could not be found out
};

// "good", "limits", "missing", "unknown".
const char* VerdictName(Verdict verdict);

// One thing that decides what can be measured, and how well.
struct Check {
  std::string id;     // "lockdown": for programs, never changes
  std::string title;  // "kernel lockdown"
  Verdict verdict = Verdict::kUnknown;
  std::string finding;  // what it is, and what follows from it
  std::string remedy;   // the command or the deed that mends it; "" where there is nothing to mend, or no way
};

// What was measured of a counter by reading it as fast as it can be read.
struct UpdateFindings {
  UpdateSummary summary;
  int64_t polled_ns = 0;
};

struct PackageFindings {
  PackageProbe probe;
  std::map<DomainId, UpdateFindings> updates;  // of the domains of a usable source
};

// One way to read energy.
struct SourceFindings {
  std::string name;     // the word of --backend
  std::string what;     // what is read: "the registers, through /dev/cpu/N/msr"
  absl::Status usable;  // OK: the counters opened and moved
  std::string remedy;   // what makes it usable; "" where nothing does
  std::vector<PackageFindings> packages;
};

// Thermal design power of one package, which sizes the time to a wraparound.
struct ThermalPower {
  double watts = 0;
  std::string origin;  // register or file
};

// One way to know run time.
struct RunTimeFindings {
  RunTimeMethod method = RunTimeMethod::kBpf;
  absl::Status usable;
  std::string remedy;  // what makes it usable; "" where it is, or where nothing does
};

struct ProbeFindings {
  bool emulated = false;  // the hardware looked at is not this machine's own
  absl::StatusOr<CpuModel> cpu = absl::UnknownError("not looked at");
  std::string table_row;         // of the CPU table: "Skylake-SP, Cascade Lake, Cooper Lake"; "" when there is none
  std::string table_row_source;  // who lists the model
  std::string cpu_table;         // "FILE row 06_FF" where the row is one that the operator gave, else ""
  std::string unit_rule;         // how its energy unit is found, in words
  std::map<int, ThermalPower> thermal_power;  // by package id, where it can be known
  std::vector<SourceFindings> sources;        // in the order in which `auto` tries them
  std::string chosen;                         // the source that a run would use; "" when energy cannot be measured
  std::vector<RunTimeFindings> run_time;  // from the best on, up to the first that is usable: a run would use that one
  std::vector<Check> checks;
  std::string vms_by;  // "libvirt", "proc"
  absl::Status vms_status;
  std::vector<Vm> vms;
};

}  // namespace vrapl
