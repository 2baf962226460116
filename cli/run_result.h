// What was found of one run of a command, and how flush reports become it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "cli/command_process.h"
#include "cli/run_plan.h"
#include "sampler/flush_report.h"
#include "sampler/joined_error.h"

namespace vrapl {

// Several flushes added up: rows as in FlushReport, the parts of a VM together.
struct Interval {
  using CounterKey = std::tuple<int, int, DomainId>;  // package, die, domain
  struct Counter {
    uint64_t energy_ticks = 0;
    int64_t energy_uj = 0;
    std::set<Model> models;  // that charged it
    bool attributed = true;
    bool doubtful = false;  // reads failed, time of unknown energy, or it stood still
    // 95 % of energy_uj: an interval has the edges at its two ends and none between, so its error is that of one flush,
    // or no more than those of the first and the last together. Absent where one of them all is not known.
    std::optional<int64_t> err_uj() const;
    int flushes = 0;
    bool err_known = true;
    int64_t first_err_uj = 0;
    int64_t last_err_uj = 0;
  };
  struct RowKey {
    Model model;  // that was asked for
    RowKind kind;
    std::string vm_id;
    pid_t vm_pid;
    CounterKey counter;
    friend auto operator<=>(const RowKey&, const RowKey&) = default;
  };
  struct Row {
    std::string vm_name;
    uint64_t energy_ticks = 0;
    int64_t energy_uj = 0;
    JoinedError error;                     // of energy_uj
    std::optional<int64_t> active_uj = 0;  // none: not known all the time
    int64_t run_time_ns = 0;
  };

  std::string label;       // of a phase
  int64_t start_t_ns = 0;  // from the start of sampling
  int64_t dt_ns = 0;       // of the samples it is made of
  std::map<CounterKey, Counter> counters;
  std::map<RowKey, Row> rows;

  void Add(const FlushReport& report);
  // The model to name at a row: of the counter's (which is told of the first model only), the weakest that stood in.
  Model ChargedBy(const RowKey& row, Model first_model) const;
};

struct RunResult {
  PlannedRun plan;
  int64_t start_t_ns = 0;  // from the start of sampling
  int64_t wall_ns = 0;     // from letting it go to its end
  CommandEnd end;
  bool interrupted = false;      // a signal came for us while it ran: it may not have done all of its work
  Interval whole;                // from the last sample before the start to the first after the end
  std::vector<Interval> phases;  // empty without marks; else the first is what came before the first mark
  uint64_t missed_forks = 0;     // their children are not in the row command
  int64_t late_run_time_ns = 0;  // as in SamplerReport, of this run: rows may be wrong by so much, all together
};

// What all runs have in common, for whoever prints or writes them.
struct RunsInfo {
  std::vector<std::string> commands;  // as a person would type them
  int repeats = 1;
  int warmups = 0;
  uint32_t seed = 0;
  bool seed_matters = false;  // several commands: their order is chance
  std::vector<Model> models;
  std::vector<std::string> vms;  // asked for by name or UUID
  std::string source;
  std::string backend;
  std::string cpu;
  RunTimeMethod run_time_method = RunTimeMethod::kBpf;
};

std::string CounterName(const Interval::CounterKey& key);  // "package-0", "dram-1", "package-0.1" with dies

}  // namespace vrapl
