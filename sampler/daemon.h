// Builds every room from options, runs the loops, stops them in order: nothing measured is lost.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "attribution/idle_policy.h"
#include "attribution/model.h"
#include "base/given_power.h"
#include "base/host_root.h"
#include "sampler/backend.h"
#include "sampler/flush_loop.h"
#include "sampler/mark.h"
#include "sampler/run_control.h"
#include "sampler/run_time_meter.h"
#include "sampler/vm_watcher.h"

namespace vrapl {

struct DaemonOptions {
  HostRoot host_root;
  std::set<pid_t> emulators;  // processes that play the hardware: a row of their own
  Backend backend = Backend::kAuto;
  CpuTable cpu_table;
  bool per_core = false;                  // AMD: each physical core's own counter too
  std::optional<RunTimeMethod> run_time;  // none: the best that is to be had
  std::string btf;                        // a file with the kernel's BTF, or ""
  std::vector<int> reader_cpus;           // chosen by the operator, at most one of each package
  int64_t period_ns = kNanosPerMilli;
  bool align_to_edges = false;  // samples at the counter's updates, where it shows any; else by the clock
  int64_t flush_ns = 2 * kNanosPerSecond;
  std::optional<int64_t> duration_ns;
  std::vector<Model> models = {Model::kBaseShare};
  IdlePolicy idle = IdlePolicy::kOwn;
  std::map<RaplDomain, GivenPower> base_power_w;
  bool trace_vms = false;
  std::string state_file;  // keeps over a restart where the counters stood (sampler/absence.h); "": nothing does
  bool measure_command = false;  // RunControl::MeasureCommand() will be used: there is a row command
  bool flush_per_phase = false;  // flushes end at marks too
  MarkQueue* marks = nullptr;    // where the caller puts its own marks; must outlive the run
  bool listen_for_marks = true;  // `vrapl mark` reaches this run

  // Everything that the figures are made from is written down too.
  struct Recording {
    std::string path;
    bool force = false;   // overwrite
    std::string command;  // as typed
  };
  std::optional<Recording> recording;

  enum class Vms { kLibvirt, kProc };
  Vms vms = Vms::kLibvirt;
  bool vms_optional = false;  // when libvirt does not answer, go on with /proc and say so
  std::string connect = "qemu:///system";
  DeliveryChoice delivery;
};

// What a run was made of, told once before the first flush.
struct RunDescription {
  std::string backend;
  std::string source;
  std::string cpu_table;  // "FILE row 06_FF" where the operator's row says how to read this CPU, else ""
  std::string cpu;
  bool power_based = false;           // energy is power, integrated
  std::string guests;                 // what guests are told, and what that can tell them of others; "": nothing
  std::vector<std::string> packages;  // "package 0, CPUs 0-1, read on CPU 0: package 61.0 uJ, dram 15.3 uJ"
  std::string vms;                    // "libvirt (qemu:///system)"
  RunTimeMethod run_time = RunTimeMethod::kBpf;
};

struct DaemonEvents {
  std::function<void(const RunDescription&)> on_start;
  std::function<void(const FlushReport&)> on_report;
  std::function<void(const std::string&)> on_notice;  // one line for a person: what is not as it should be
  // Before each look at the samples, in the thread that reports too. Returns when it wants its next turn,
  // CLOCK_MONOTONIC, which is 50 ms away at most. May be null.
  std::function<int64_t(RunControl&)> on_turn = nullptr;
};

// Runs until `stop` is set or the duration is over. Errors are those of the start: once it runs, trouble is counted,
// reported and lived with; and DATA_LOSS at the end, when parts of a recording could not be stored.
absl::Status RunDaemon(const DaemonOptions& options, const DaemonEvents& events, const std::atomic<bool>& stop);

}  // namespace vrapl
