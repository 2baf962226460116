// The options that every verb shares, and how words become values. A value without its unit is refused.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/given_power.h"
#include "cli/emulator_process.h"
#include "sampler/daemon.h"

namespace vrapl {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotWhole = 3;       // done, of a recording of which a part is missing
inline constexpr int kExitInterrupted = 130;  // 128 + SIGINT: nothing was printed

enum class Format { kText, kCsv, kJsonl };

// As typed.
struct CommonArguments {
  std::string backend = "auto";
  std::string host_root;
  std::string cpu_table;
  bool per_core = false;
  std::string emulate;  // with --emulate: the CPU, or "default"
  std::vector<std::string> emulator_options;
  std::string connect = "qemu:///system";
  std::string vms;
  std::string model = "base-share";
  std::string idle = "own";
  std::string base_power;
  std::string run_time = "auto";
  std::string btf;
  std::string cpu;
  std::string align = "clock";
  std::string period = "1ms";
  std::string duration;
  std::string format = "text";
  std::vector<std::string> only_vms;
};

// Which energy counters: --backend, --cpu-table, --host-root, --emulate and its options. For every verb.
void AddSourceOptions(CLI::App& app, CommonArguments& arguments);
// Which VMs and how they are charged: --connect, --vms, --vm, --model, --base-power, --run-time, --btf, --cpu, --align,
// --period,
// --duration, --format.
void AddRunOptions(CLI::App& app, CommonArguments& arguments);

// INVALID_ARGUMENT: `typed` is none of `words`; with the one that was most likely meant.
absl::Status UnknownWord(absl::string_view option, absl::string_view typed, const std::vector<std::string>& words);

// "2s", "1ms", "1m30s". `name` is the option, for the message.
absl::StatusOr<int64_t> ParseDurationNs(absl::string_view name, absl::string_view text, int64_t least_ns,
                                        int64_t most_ns);
absl::StatusOr<Backend> ParseBackend(absl::string_view text);
// The built-in CPU table, with the rows of FILE when `path` is not "".
absl::StatusOr<CpuTable> ParseCpuTable(const std::string& path);
std::string ModelList();  // "base-share, share, ...": for help texts
absl::StatusOr<std::vector<Model>> ParseModels(absl::string_view text);
absl::StatusOr<DaemonOptions::Vms> ParseVms(absl::string_view text);  // "": libvirt
// "auto": none, the best that is to be had.
absl::StatusOr<std::optional<RunTimeMethod>> ParseRunTime(absl::string_view text);
// "edge": true, "clock": false.
absl::StatusOr<bool> ParseAlign(absl::string_view text);
// "0,12": no CPU twice.
absl::StatusOr<std::vector<int>> ParseCpus(absl::string_view text);
absl::StatusOr<Format> ParseFormat(absl::string_view text);
// "80W" for the package, or "package=80W,dram=5W".
absl::StatusOr<std::map<RaplDomain, GivenPower>> ParseBasePower(absl::string_view text);

// The host to read: as --host-root says, or emulated for this command, with its processes.
struct Host {
  HostRoot root;
  std::set<pid_t> emulators;
  std::unique_ptr<EmulatorProcess> process;  // ends with this
};
absl::StatusOr<Host> OpenHost(const CommonArguments& arguments);

// Everything in `arguments` but the host.
absl::StatusOr<DaemonOptions> ToDaemonOptions(const CommonArguments& arguments);

// "vrapl: MESSAGE" on stderr, one line; returns `code`.
int Fail(int code, absl::string_view message);
// kExitUsage for INVALID_ARGUMENT, else kExitFailed.
int Fail(const absl::Status& status);
// Also one line on stderr, for what is not as it should be but no failure.
void Notice(absl::string_view message);

}  // namespace vrapl
