// vrapl beside a test, its flushes as they come, and sums over their rows.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/guest/child.h"

namespace vrapl {

using Json = nlohmann::json;

// One line of `--format=jsonl`.
struct Flush {
  Json json;
  int64_t arrived_ns = 0;  // here, CLOCK_MONOTONIC

  uint64_t seq() const { return json["seq"].get<uint64_t>(); }
  int64_t t_ns() const { return json["t_ns"].get<int64_t>(); }
  int64_t dt_ns() const { return json["dt_ns"].get<int64_t>(); }
  bool last() const { return json.value("last", false); }
  const Json& rows() const { return json["rows"]; }
  const Json* vm(const std::string& name) const;         // in "vms"; null when it is not there
  const Json& counter(const std::string& domain) const;  // of package 0; null without it
  bool base_known() const;                               // base-share charged every counter of this flush
};

// What some rows have together.
struct RowSum {
  int64_t rows = 0;
  uint64_t ticks = 0;
  int64_t energy_uj = 0;
  std::optional<int64_t> active_uj = 0;  // nullopt: one of them does not know
  int64_t run_ns = 0;

  RowSum& operator+=(const RowSum& other);
};

// Rows of `domain`, of all packages: those of a kind ("idle", "vrapl", "" is all), or of one VM.
RowSum SumOfKind(const Json& rows, const std::string& domain, const std::string& kind);
RowSum SumOfVm(const Json& rows, const std::string& domain, const std::string& name);
// Likewise, of one run of a VM: in a flush in which it was stopped and started again it has two.
RowSum SumOfRun(const Json& rows, const std::string& domain, const Json& vm);

// Every counter's ticks are the sum of its rows' ticks, in every model of the flush, and the microjoules agree to half
// a tick or microjoule for each row. Fails the test where not.
void ExpectRowsSumToCounters(const Flush& flush);

// `vrapl WORDS... --format=jsonl`; "serve", or a VM's name and its port.
class Serve {
 public:
  explicit Serve(std::vector<std::string> words);

  // Until `count` flushes have come. False: it ended, or took longer than they last and `slack`.
  bool Await(size_t count, absl::Duration slack = absl::Seconds(30));
  // Until a flush satisfies `wanted`; its index, or nullopt when none of the first `most` does.
  template <typename Wanted>
  std::optional<size_t> AwaitThat(Wanted wanted, size_t from, size_t most) {
    for (size_t i = from; i < most; ++i) {
      if (!Await(i + 1)) return std::nullopt;
      if (wanted(flushes()[i])) return i;
    }
    return std::nullopt;
  }
  std::vector<Flush> flushes();
  // Ends it as a person would; all flushes, the last and short one among them. Its exit code goes to `code`.
  std::vector<Flush> Stop(int* code = nullptr);
  pid_t pid() const { return child_.pid(); }

 private:
  Child child_;
  std::vector<Flush> flushes_;
};

// `vrapl-emulator OPTIONS...` on a directory of its own.
class EmulatorProgram {
 public:
  explicit EmulatorProgram(std::vector<std::string> options);
  ~EmulatorProgram();

  bool ready() const { return ready_; }
  const std::string& root() const { return root_; }
  // What it has emulated up to now (--truth). Null when it does not answer.
  Json Truth();

 private:
  std::string directory_;
  std::string root_;
  std::string truth_;
  bool ready_ = false;
  std::optional<Child> child_;
};

}  // namespace vrapl
