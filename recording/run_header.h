// What identifies a run, and its step to JSON text and back: the first block of a recording. The keys are specified in
// docs/recording-format.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock_anchor.h"
#include "base/energy_source.h"
#include "base/given_power.h"
#include "base/run_time_method.h"
#include "base/update_edges.h"

namespace vrapl {

struct RecordedPackage {
  PackageInfo info;
  int64_t start_ns = 0;  // CLOCK_MONOTONIC: what the first sample counts from
  std::vector<uint64_t> start_ticks;
  std::vector<UpdateSummary> updates;  // measured before the start, one per domain; or none
};

struct RunHeader {
  std::string vrapl_version;
  std::string source;  // "emulated" where the counters are, else the backend
  std::string backend;
  bool power_based = false;
  std::string cpu_table;
  std::string cpu;  // "Intel Xeon ..., family 6, model 143, stepping 8"
  RunTimeMethod run_time_method = RunTimeMethod::kBpf;
  std::string vms;  // where VMs were listed: "libvirt (qemu:///system)"
  int64_t period_ns = 0;
  int64_t flush_ns = 0;
  std::optional<int64_t> duration_ns;
  int64_t frozen_after_ns = 0;
  std::vector<std::string> models;
  std::map<RaplDomain, GivenPower> base_power_w;
  std::vector<RecordedPackage> packages;
  ClockAnchor anchor;           // at the start
  std::string command;          // as typed
  std::string align = "clock";  // "edge": samples at the counter's updates
  std::string host_json;  // an object: kernel, microcode, governor, mitigations and so on; "" or "{}" when not known
};

std::string RunHeaderToJson(const RunHeader& header);

// Errors: INVALID_ARGUMENT, with the key that is missing or wrong.
absl::StatusOr<RunHeader> RunHeaderFromJson(const std::string& json);

}  // namespace vrapl
