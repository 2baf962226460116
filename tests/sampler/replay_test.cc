// Law: a recording, charged again, gives the figures that were told live, to the tick; and other windows of it sum to
// the same.
#include "sampler/replay.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/match.h"
#include "sampler/flush_digest.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() : path_(std::filesystem::temp_directory_path() / absl::StrCat("vrapl-replay-", ::getpid(), ".vrapl")) {}
  ~ReplayTest() override { std::filesystem::remove(path_); }

  // A host with everything that may happen in a run, recorded.
  void RecordEventfulRun(MadeHost& host) {
    host.SetVms({MadeVm("alpha", 1000)});
    host.RunFor(5 * kSecond);
    host.SetVms({MadeVm("alpha", 1000), MadeVm("beta", 2000)});
    host.package().SetPower(0, 120);
    host.RunFor(3 * kSecond + 137 * kMs);
    host.package().SetError(0, EIO);
    host.RunFor(20 * kMs);
    host.package().SetError(0, 0);
    host.package().SetError(1, EOVERFLOW);
    host.RunFor(2 * kMs);
    host.package().SetError(1, 0);
    host.RunFor(1 * kSecond);
    host.SetVms({MadeVm("beta", 2000)});  // alpha stops within a flush, and its threads go on for a while
    host.RunFor(1 * kSecond);
    host.clock().Advance(700 * kMs);  // a stall
    host.RunFor(kSecond);
    host.SetVms({MadeVm("beta", 2000), MadeVm("gamma", 1000, 2, /*start_time=*/77)});
    host.clock().Suspend(3 * kSecond);
    host.RunFor(4 * kSecond);
    host.Finish();
  }
  MadeHost::Options Eventful(int packages) {
    MadeHost::Options options{.record_to = path_};
    options.flush.models = {Model::kBaseShare, Model::kCapacity, Model::kShare};
    options.packages.clear();
    for (int i = 0; i < packages; ++i) {
      options.packages.push_back({.package_id = i,
                                  .cpus = {2 * i, 2 * i + 1},
                                  .domains = {RaplDomain::kPackage, RaplDomain::kDram, RaplDomain::kPsys},
                                  .seed = static_cast<uint32_t>(i + 1)});
    }
    return options;
  }
  std::vector<FlushReport> ReplayAll(const ReplayOptions& options, ReplayCheck* check = nullptr) {
    std::vector<FlushReport> reports;
    EXPECT_THAT(
        Replay(
            path_, options, [&](const FlushReport& report) { reports.push_back(report); }, [](double) {}, check),
        IsOk());
    return reports;
  }

  const std::string path_;
};

TEST_F(ReplayTest, GivesTheFiguresThatWereToldLive) {
  for (const int packages : {1, 2}) {
    MadeHost host(Eventful(packages));
    RecordEventfulRun(host);
    ReplayCheck check;
    const std::vector<FlushReport> replayed = ReplayAll({}, &check);
    ASSERT_EQ(replayed.size(), host.reports().size());
    for (size_t i = 0; i < replayed.size(); ++i) {
      const FlushReport& live = host.reports()[i];
      for (const ModelReport& model : live.models) {
        EXPECT_EQ(FlushDigest(replayed[i], model.model), FlushDigest(live, model.model))
            << packages << " packages, flush " << live.seq << ", " << ModelName(model.model);
      }
      EXPECT_EQ(replayed[i].t_ns, live.t_ns);
      EXPECT_EQ(replayed[i].vms.size(), live.vms.size());
      EXPECT_EQ(replayed[i].problems, live.problems);
      EXPECT_EQ(replayed[i].samplers[0].lateness.samples, live.samplers[0].lateness.samples);
    }
    EXPECT_EQ(check.equal, static_cast<int>(3 * replayed.size()));
    EXPECT_EQ(check.different, 0);
  }
}

// Who ran on which core is recorded too: the counters of single cores are charged again as they were.
TEST_F(ReplayTest, CoresAreToldAgain) {
  MadeHost::Options options = Eventful(2);
  options.flush.models = {Model::kCore, Model::kBaseShare};
  for (MadePackageOptions& package : options.packages) {
    package.domains = {RaplDomain::kPackage, RaplDomain::kCore, RaplDomain::kPsys, RaplDomain::kCore};
    package.by_core = true;
  }
  MadeHost host(options);
  RecordEventfulRun(host);
  ReplayCheck check;
  const std::vector<FlushReport> replayed = ReplayAll({}, &check);
  EXPECT_EQ(check.equal, static_cast<int>(2 * replayed.size()));
  EXPECT_EQ(check.different, 0);
  bool any_row = false;
  for (const RowReport& row : replayed.back().models[0].rows) any_row |= row.domain.domain == RaplDomain::kCore;
  EXPECT_TRUE(any_row);
  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  EXPECT_TRUE(run->by_core);
  EXPECT_THAT(ModelsToCompare(*run), testing::Contains(Model::kCore));
}

TEST_F(ReplayTest, OtherWindowsSumToTheSameTicksAndTime) {
  MadeHost host(Eventful(2));
  RecordEventfulRun(host);
  for (const int64_t window_ns : {3 * kMs, 250 * kMs, 7 * kSecond}) {
    std::map<std::pair<int, RaplDomain>, uint64_t> ticks;
    std::map<std::pair<int, RaplDomain>, uint64_t> row_ticks;
    int64_t run_ns = 0;
    for (const FlushReport& report : ReplayAll({.models = {Model::kBaseShare}, .window_ns = window_ns})) {
      for (const CounterReport& counter : report.models[0].counters) {
        ticks[{counter.package_id, counter.domain.domain}] += counter.energy_ticks;
      }
      for (const RowReport& row : report.models[0].rows) {
        row_ticks[{row.package_id, row.domain.domain}] += row.energy_ticks;
        if (row.domain.domain == RaplDomain::kPackage) run_ns += row.run_time_ns;
      }
    }
    int64_t live_run_ns = 0;
    for (const FlushReport& report : host.reports()) {
      for (const RowReport& row : report.models[0].rows) {
        if (row.domain.domain == RaplDomain::kPackage) live_run_ns += row.run_time_ns;
      }
    }
    EXPECT_EQ(run_ns, live_run_ns) << window_ns;
    for (const auto& [key, sum] : ticks) {
      // What is unknown for a moment makes a whole flush of the platform's energy unknown, and so depends on the flush.
      if (key.second == RaplDomain::kPsys) continue;
      EXPECT_EQ(sum, host.CounterSum(key.first, key.second)) << window_ns;
      EXPECT_EQ(row_ticks[key], sum) << window_ns;
    }
  }
}

// What a VM used does not depend on the windows that one looks at.
TEST_F(ReplayTest, OtherWindowsChargeEveryRowTheSame) {
  MadeHost::Options options{.record_to = path_};
  MadeHost host(options);
  host.SetVms({MadeVm("alpha", 1000), MadeVm("beta", 2000)});
  for (int i = 0; i < 15; ++i) {
    host.package().SetPower(0, 60 + 10 * (i % 5));
    host.RunFor(700 * kMs);
  }
  host.Finish();
  for (const int64_t window_ns : {10 * kMs, kSecond, 7 * kSecond, 60 * kSecond}) {
    std::map<std::string, int64_t> ticks;
    for (const FlushReport& report : ReplayAll({.window_ns = window_ns})) {
      for (const RowReport& row : report.models[0].rows) {
        if (row.domain.domain != RaplDomain::kPackage) continue;
        ticks[absl::StrCat(RowKindName(row.kind), row.vm.name)] += static_cast<int64_t>(row.energy_ticks);
      }
    }
    for (const auto& [name, sum] : ticks) {
      const RowKind kind = RowKindOfName(absl::StrContains(name, "vm") ? "vm" : name).value_or(RowKind::kOther);
      const auto live = static_cast<int64_t>(host.Sum(kind, kind == RowKind::kVm ? name.substr(2) : "").ticks);
      EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(live), 3) << name << " in windows of " << window_ns;
    }
  }
}

TEST_F(ReplayTest, ARowForEachThreadSumsToTheSame) {
  MadeHost host(Eventful(1));
  RecordEventfulRun(host);
  std::map<uint32_t, int64_t> run_ns;
  uint64_t ticks = 0;
  for (const FlushReport& report : ReplayAll({.models = {Model::kCapacity}, .by_thread = true})) {
    for (const RowReport& row : report.models[0].rows) {
      if (row.domain.domain != RaplDomain::kPackage) continue;
      ticks += row.energy_ticks;
      if (row.thread) run_ns[row.thread->tid] += row.run_time_ns;
    }
  }
  EXPECT_EQ(ticks, host.CounterSum(0, RaplDomain::kPackage));
  for (const ThreadRun& thread : SomeThreads()) {
    EXPECT_EQ(run_ns[thread.tid], host.package().truth().run_ns.at(thread.tid)) << thread.tid;
  }
}

TEST_F(ReplayTest, WhatHappensToAVmIsAnEvent) {
  MadeHost host(Eventful(1));
  Vm alpha = MadeVm("alpha", 1000);
  const auto tell = [&] {
    host.SetVms({alpha});
    host.RunFor(100 * kMs);
  };
  tell();
  alpha.paused = true;
  tell();
  alpha.vcpus.push_back({.index = 2, .tid = 1003});
  tell();
  alpha.paused = false;
  tell();
  tell();
  host.SetVms({});
  host.RunFor(kSecond);
  host.Finish();
  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  std::vector<std::string> types;
  for (const RecordedRun::Event& event : run->events) {
    if (!absl::StartsWith(event.type, "vm-")) continue;
    types.push_back(event.type);
    EXPECT_THAT(event.json, HasSubstr(R"("vm_name":"alpha")"));
    if (event.type == "vm-vcpus") {
      EXPECT_THAT(event.json, HasSubstr(R"("vcpus":3)"));
    }
  }
  EXPECT_EQ(types, (std::vector<std::string>{"vm-start", "vm-pause", "vm-vcpus", "vm-resume", "vm-stop"}));
}

TEST_F(ReplayTest, PhasesEndAtMarks) {
  MadeHost::Options options = Eventful(1);
  MadeHost host(options);
  const int64_t start_ns = host.flush().start_ns();
  host.RunFor(1'234 * kMs);
  host.recorder().AddEvent(start_ns + 1'000 * kMs, "mark", R"({"label":"warm"})");
  host.recorder().AddEvent(start_ns + 1'100 * kMs, "mark", R"({"label":"hot"})");
  host.RunFor(2 * kSecond);
  host.Finish();

  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  ASSERT_EQ(run->marks.size(), 2u);
  EXPECT_EQ(run->marks[1].label, "hot");
  EXPECT_EQ(run->marks[1].t_ns, 1'100 * kMs);
  EXPECT_TRUE(run->ended);
  const std::vector<FlushReport> phases = ReplayAll({.window_per_phase = true});
  ASSERT_EQ(phases.size(), 3u);
  EXPECT_GE(phases[0].t_ns, 1'000 * kMs);
  EXPECT_LT(phases[0].t_ns, 1'002 * kMs);
  EXPECT_NEAR(static_cast<double>(phases[1].dt_ns), 100.0 * kMs, 2.0 * kMs);
  uint64_t ticks = 0;
  for (const FlushReport& phase : phases) ticks += phase.models[0].counters[0].energy_ticks;
  EXPECT_EQ(ticks, host.CounterSum(0, RaplDomain::kPackage));
}

// What a part of a recording is looked at from does not change what it shows.
TEST_F(ReplayTest, APartShowsWhatTheWholeShowsThere) {
  MadeHost host(Eventful(1));
  RecordEventfulRun(host);
  const std::vector<FlushReport> whole = ReplayAll({});
  const std::vector<FlushReport> part = ReplayAll({.from_ns = 4 * kSecond, .to_ns = 9 * kSecond});
  ASSERT_THAT(part, Not(IsEmpty()));
  size_t found = 0;
  for (const FlushReport& report : whole) {
    const int64_t middle_ns = report.t_ns - report.dt_ns / 2;
    if (middle_ns < 4 * kSecond || middle_ns >= 9 * kSecond) continue;
    EXPECT_EQ(FlushDigest(part.at(found++), Model::kBaseShare), FlushDigest(report, Model::kBaseShare));
  }
  EXPECT_EQ(found, part.size());
}

// A block in the middle is gone: its energy is known from the counters around it, who used it is not.
TEST_F(ReplayTest, ALostBlockIsUnreportedAndCostsNoEnergy) {
  MadeHost::Options options = Eventful(1);
  options.packages[0].domains = {RaplDomain::kPackage};
  MadeHost host(options);
  host.SetVms({MadeVm("alpha", 1000)});
  host.RunFor(10 * kSecond);
  host.Finish();

  std::stringstream bytes;
  bytes << std::ifstream(path_).rdbuf();
  std::string damaged = bytes.str();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  std::ofstream(path_, std::ios::trunc) << damaged;

  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  ASSERT_EQ(run->damage.size(), 1u);
  EXPECT_THAT(run->damage[0], HasSubstr("damaged"));
  uint64_t ticks = 0;
  int64_t unreported_ns = 0;
  int64_t all_ns = 0;
  for (const FlushReport& report : ReplayAll({.models = {Model::kCapacity}})) {
    ticks += report.models[0].counters[0].energy_ticks;
    for (const RowReport& row : report.models[0].rows) {
      all_ns += row.run_time_ns;
      if (row.kind == RowKind::kUnreported) unreported_ns += row.run_time_ns;
    }
  }
  EXPECT_EQ(ticks, host.CounterSum(0, RaplDomain::kPackage));
  EXPECT_GE(unreported_ns, 2 * (kSecond - 5 * kMs));
  int64_t live_ns = 0;
  for (const FlushReport& report : host.reports()) {
    for (const RowReport& row : report.models[1].rows) live_ns += row.run_time_ns;
  }
  EXPECT_EQ(all_ns, live_ns);
}

// What a window lacks is told with it, and what the VM truly used lies in the interval of what is left of it.
TEST_F(ReplayTest, AWindowWithALostBlockSaysSoAndIsAsUnsure) {
  MadeHost::Options options = Eventful(1);
  options.packages[0].domains = {RaplDomain::kPackage};
  options.flush.models = {Model::kCapacity, Model::kBaseShare, Model::kFit};
  options.flush.updates = {{{.reads = 1000, .edges = 200, .sharp = 200, .period_ns = kMs, .jitter_ns = 10'000}}};
  MadeHost host(options);
  host.SetVms({MadeVm("alpha", 1000)});
  host.RunFor(10 * kSecond);
  host.Finish();
  std::stringstream bytes;
  bytes << std::ifstream(path_).rdbuf();
  std::string damaged = bytes.str();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  std::ofstream(path_, std::ios::trunc) << damaged;

  const std::vector<FlushReport> replayed = ReplayAll({});
  ASSERT_EQ(replayed.size(), host.reports().size());
  const auto energy_uj = [](const ModelReport& model) {
    int64_t sum_uj = 0;
    for (const RowReport& row : model.rows) sum_uj += row.kind == RowKind::kVm ? row.energy_uj : 0;
    return sum_uj;
  };
  int marked = 0;
  int64_t missed_uj = 0;
  for (size_t i = 0; i < replayed.size(); ++i) {
    bool mark = false;
    for (const std::string& problem : replayed[i].problems) {
      mark |= absl::StrContains(problem, "s of this window are missing from the file");
    }
    marked += mark ? 1 : 0;
    const ModelReport& capacity = replayed[i].models[0];
    ASSERT_EQ(capacity.vm_counters.size(), 1u);
    ASSERT_TRUE(capacity.vm_counters[0].err_uj.has_value());
    const int64_t off_uj = std::abs(energy_uj(capacity) - energy_uj(host.reports()[i].models[0]));
    EXPECT_LE(off_uj, *capacity.vm_counters[0].err_uj) << "window " << i;
    EXPECT_EQ(*replayed[i].vms[0].err_uj, *capacity.vm_counters[0].err_uj);
    for (const RowReport& row : capacity.rows) {
      if (row.kind != RowKind::kIdle) continue;
      EXPECT_EQ(*row.err_uj > 10'000'000, mark) << "the lost time may have been idle";
    }
    missed_uj += off_uj;
  }
  EXPECT_GE(marked, 1);
  EXPECT_LE(marked, 2);
  EXPECT_GT(missed_uj, 10'000'000) << "of 80 W for a second";
}

// JSON that nests without end would cost whoever walks through it the stack.
TEST_F(ReplayTest, EventsThatNestTooDeeplyAreLeftOut) {
  MadeHost host(Eventful(1));
  host.RunFor(kSecond);
  host.recorder().AddEvent(host.flush().start_ns(), "mark",
                           "{\"label\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}");
  host.recorder().AddEvent(host.flush().start_ns(), "mark", "[]");
  host.RunFor(3 * kSecond);
  host.Finish();
  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  EXPECT_THAT(run->marks, IsEmpty());
  EXPECT_THAT(run->damage, testing::ElementsAre(HasSubstr("2 events cannot be read")));
  EXPECT_EQ(ReplayAll({}).size(), host.reports().size());
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_THAT(RunHeaderFromJson("{\"host\":" + deep + "}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("deep")));
}

// Flushes of milliseconds are not told one by one; what is told of them is what a replay finds.
TEST_F(ReplayTest, ShortFlushesTakeLittleRoom) {
  MadeHost::Options options = Eventful(1);
  options.flush.flush_ns = 10 * kMs;
  MadeHost host(options);
  host.RunFor(10 * kSecond);
  host.Finish();
  const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
  ASSERT_THAT(run, IsOk());
  size_t flushes = 0;
  for (const RecordedRun::Event& event : run->events) flushes += event.type == "flush" ? 1 : 0;
  EXPECT_GE(flushes, 10u);
  EXPECT_LE(flushes, 14u);
  ReplayCheck check;
  EXPECT_EQ(ReplayAll({}, &check).size(), host.reports().size());
  EXPECT_EQ(check.different, 0);
  EXPECT_EQ(check.equal, static_cast<int>(3 * flushes));
}

TEST_F(ReplayTest, SaysWhatIsNoRecording) {
  EXPECT_THAT(ReadRecordedRun("/nonexistent/x.vrapl"), StatusIs(absl::StatusCode::kNotFound));
  std::ofstream(path_) << "t_ns,dt_ns\n1,2\n";
  EXPECT_THAT(ReadRecordedRun(path_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no recording")));
  std::ofstream(path_, std::ios::trunc) << "";
  EXPECT_THAT(ReadRecordedRun(path_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no recording")));
  EXPECT_THAT(ReadRecordedRun("/dev/null"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no regular file")));
}

}  // namespace
}  // namespace vrapl
