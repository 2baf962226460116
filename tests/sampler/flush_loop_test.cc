// The whole way from a sample to a report, on packages made of arithmetic and a clock that is turned: hours in seconds.
#include "sampler/flush_loop.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "delivery/guest_line.h"
#include "tests/sampler/made_host.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(FlushLoopTest, EveryTickAndEveryNanosecondHasARowInEveryModel) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  for (int i = 0; i < 20; ++i) {
    host.package().SetPower(0, 20 + 15 * (i % 5));
    host.package().SetPower(1, 3 + i % 2);
    host.RunFor(1'700 * kMs);
  }
  host.Finish();
  EXPECT_EQ(host.flushes(), 18u);  // 34.001 s
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0));
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kDram), host.package().ticks(1));
  // Whatever the model, run time is what it was.
  for (size_t model = 0; model < AllModels().size(); ++model) {
    const auto& truth = host.package().truth();
    const RaplDomain package = RaplDomain::kPackage;
    EXPECT_EQ(host.Sum(RowKind::kVm, "web", package, model).run_ns,
              truth.run_ns.at(1000) + truth.run_ns.at(1001) + truth.run_ns.at(1002));
    EXPECT_EQ(host.Sum(RowKind::kVm, "db", package, model).run_ns, truth.run_ns.at(2001));
    EXPECT_EQ(host.Sum(RowKind::kVrapl, "", package, model).run_ns, truth.run_ns.at(kVrapl));
    EXPECT_EQ(host.Sum(RowKind::kOther, "", package, model).run_ns, truth.run_ns.at(300));
    EXPECT_EQ(host.Sum(RowKind::kKernel, "", package, model).run_ns, truth.run_ns.at(17));
    EXPECT_EQ(host.Sum(RowKind::kIdle, "", package, model).run_ns, truth.time.idle_ns);
    EXPECT_EQ(host.Sum(RowKind::kInterrupts, "", package, model).run_ns, truth.time.irq_ns);
    EXPECT_EQ(host.Sum(RowKind::kStolen, "", package, model).run_ns, truth.time.stolen_ns);
    EXPECT_EQ(host.Sum(RowKind::kUnreported, "", package, model).run_ns, truth.time.unreported_ns);
    EXPECT_EQ(host.Sum(RowKind::kStolen, "", package, model).ticks, 0u);
  }
}

TEST(FlushLoopTest, AVmIsAllItsPartsAndItsLineIsWhatTheLedgerSays) {
  MadeHost host({});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(10 * kSecond + 10 * kMs);
  int64_t total_uj = 0;
  int64_t run_ns = 0;
  ASSERT_THAT(host.reports(), SizeIs(5));
  for (const FlushReport& report : host.reports()) {
    const VmReport* vm = FindVm(report, "web");
    ASSERT_NE(vm, nullptr);
    int64_t rows_uj = 0;
    int64_t rows_ns = 0;
    for (const RowReport& row : report.models[0].rows) {
      if (row.kind != RowKind::kVm) continue;
      rows_uj += row.energy_uj;  // package and DRAM: there is no other domain
      rows_ns += row.domain.domain == RaplDomain::kPackage ? row.run_time_ns : 0;
    }
    EXPECT_EQ(vm->energy_uj, rows_uj);
    EXPECT_EQ(vm->run_time_ns, rows_ns);
    total_uj += rows_uj;
    run_ns += rows_ns;
    EXPECT_EQ(vm->total_energy_uj, total_uj);
    const absl::StatusOr<GuestLine> line = ParseGuestLine(vm->guest_line);
    ASSERT_THAT(line, IsOk());
    EXPECT_EQ(line->seq, report.seq);
    EXPECT_EQ(line->run_time_ns, run_ns);
    EXPECT_EQ(line->vcpus, 2);
    EXPECT_EQ(line->state, report.seq == 1 ? kLineWarm : kLineOk);
  }
}

TEST(FlushLoopTest, PartsOfAPackageAreNoEnergyOfAGuestTwice) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kPsys}}}});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(2'100 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(1));
  int64_t package_uj = 0;
  for (const RowReport& row : host.reports()[0].models[0].rows) {
    if (row.kind == RowKind::kVm && row.domain.domain == RaplDomain::kPackage) package_uj += row.energy_uj;
  }
  EXPECT_EQ(host.reports()[0].vms[0].energy_uj, package_uj);
  EXPECT_THAT(host.reports()[0].models[0].counters, SizeIs(3));
}

TEST(FlushLoopTest, AVmThatIsStartedAgainHasANewEpochAndTotalsOfItsOwn) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  host.RunFor(5 * kSecond);
  // It stops in the middle of a flush, and starts in the next.
  host.SetVms({MadeVm("db", 2000)});
  host.package().SetThreads({Thread(2000, 2001), Thread(300, 300)});
  host.RunFor(2 * kSecond);
  host.SetVms({MadeVm("web", 7000, 2, /*start_time=*/99), MadeVm("db", 2000)});
  host.package().SetThreads({Thread(2000, 2001), Thread(300, 300), Thread(7000, 7001)});
  host.RunFor(5 * kSecond);
  host.Finish();

  const VmReport* before = FindVm(host.reports()[1], "web");
  const VmReport* last = FindVm(host.reports()[2], "web");
  ASSERT_NE(last, nullptr) << "the interval in which it stopped is reported";
  EXPECT_FALSE(last->running);
  EXPECT_EQ(last->epoch, before->epoch);
  EXPECT_GT(last->run_time_ns, 0);
  EXPECT_EQ(FindVm(host.reports()[3], "web", 1000), nullptr);
  const VmReport* again = FindVm(host.reports()[3], "web", 7000);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(again->running);
  EXPECT_NE(again->epoch, before->epoch);
  EXPECT_EQ(again->total_energy_uj, again->energy_uj) << "it begins at zero";
  const absl::StatusOr<GuestLine> line = ParseGuestLine(again->guest_line);
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->seq, 1u);
  EXPECT_EQ(line->state & kLineWarm, uint32_t{kLineWarm});
  // The other one went on.
  EXPECT_EQ(FindVm(host.reports()[4], "db")->epoch, FindVm(host.reports()[0], "db")->epoch);
  const auto& truth = host.package().truth();
  EXPECT_EQ(host.Sum(RowKind::kVm, "web").run_ns,
            truth.run_ns.at(1000) + truth.run_ns.at(1001) + truth.run_ns.at(1002) + truth.run_ns.at(7001));
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0));
}

TEST(FlushLoopTest, AVmThatComesAndGoesWithinOneFlushIsReportedOnce) {
  MadeHost host({});
  host.RunFor(2'500 * kMs);
  host.SetVms({MadeVm("brief", 3000, 1)});
  host.package().SetThreads({Thread(3000, 3001)});
  host.RunFor(300 * kMs);
  host.SetVms({});
  host.package().SetThreads({});
  host.RunFor(4 * kSecond);
  EXPECT_EQ(FindVm(host.reports()[0], "brief"), nullptr);
  ASSERT_NE(FindVm(host.reports()[1], "brief"), nullptr);
  EXPECT_EQ(FindVm(host.reports()[1], "brief")->run_time_ns, host.package().truth().run_ns.at(3001));
  EXPECT_EQ(FindVm(host.reports()[2], "brief"), nullptr);
}

// psys of some servers moves by a joule now and then. What a VM ran since is still to be paid for when it is gone: by
// the others, not by an idle host that had no part in it.
TEST(FlushLoopTest, EnergyThatComesAfterAVmHasGoneIsNotTheIdleRows) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage}, .update_ns = 5 * kSecond}},
                 .flush = {.flush_ns = kSecond, .base_power_w = {{RaplDomain::kPackage, 0}}}});
  host.SetVms({MadeVm("brief", 3000, 1)});
  host.package().SetThreads({Thread(3000, 3001)});
  host.RunFor(1'500 * kMs);
  host.SetVms({});
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    host.package().GiveIdle(2 * (to_ns - from_ns), window);
  });
  host.RunFor(5 * kSecond);
  host.Finish();
  EXPECT_GT(host.CounterSum(0, RaplDomain::kPackage), 0u);
  EXPECT_GT(host.Sum(RowKind::kOther, "").ticks, 0u);
  EXPECT_EQ(host.Sum(RowKind::kIdle, "").ticks, 0u);
}

// Rows and what they are owed come and go; nothing may leak from one VM to the next that gets its rows.
TEST(FlushLoopTest, ClosesWhileVmsComeAndGo) {
  for (uint32_t seed = 0; seed < 3; ++seed) {
    std::mt19937 random(seed);
    MadeHost host({.packages = {{.joules_per_tick = 1e-2, .seed = seed},
                                {.package_id = 1, .joules_per_tick = 1e-5, .seed = seed + 99}},
                   .period_ns = 10 * kMs,
                   .flush = {.flush_ns = kSecond, .models = AllModels()}});
    std::map<std::string, Vm> running;
    uint64_t starts = 0;
    for (int i = 0; i < 150; ++i) {
      for (int change = 0; change < 3; ++change) {
        const std::string name = absl::StrCat("vm", random() % 12);
        if (running.erase(name) == 0) {
          ++starts;
          running[name] =
              MadeVm(name, static_cast<pid_t>(1000 + 100 * starts), 1 + static_cast<int>(random() % 4), starts);
        }
      }
      std::vector<Vm> vms;
      std::vector<ThreadRun> threads = {Thread(300, 300)};
      for (const auto& [name, vm] : running) {
        vms.push_back(vm);
        for (const Vcpu& vcpu : vm.vcpus) {
          threads.push_back(Thread(static_cast<uint32_t>(vm.pid), static_cast<uint32_t>(vcpu.tid)));
        }
      }
      host.SetVms(vms);
      for (size_t package = 0; package < 2; ++package) {
        host.package(package).SetThreads(threads);
        host.package(package).SetPower(0, random() % 200);
      }
      host.RunFor(static_cast<int64_t>(random() % 1500) * kMs);
      if (testing::Test::HasFatalFailure()) return;
    }
    host.Finish();
    for (int package = 0; package < 2; ++package) {
      const MadePackage& made = host.package(static_cast<size_t>(package));
      EXPECT_EQ(host.CounterSum(package, RaplDomain::kPackage), made.ticks(0));
      // Every run of every VM together with what ran beside them is all that ran.
    }
    for (size_t model = 0; model < AllModels().size(); ++model) {
      int64_t vm_ns = 0;
      for (const auto& [key, sum] : host.sums(model)) {
        if (std::get<0>(key) == RowKind::kVm && std::get<5>(key).domain == RaplDomain::kPackage) vm_ns += sum.run_ns;
      }
      int64_t truth_ns = 0;
      for (size_t package = 0; package < 2; ++package) {
        for (const auto& [tid, ns] : host.package(package).truth().run_ns) truth_ns += tid >= 1000 ? ns : 0;
      }
      EXPECT_EQ(vm_ns, truth_ns);
    }
    EXPECT_GT(starts, 100u);
  }
}

TEST(FlushLoopTest, PackagesAreReportedTogetherEachByItsOwnCounters) {
  MadeHost host({.packages = {{.package_id = 0}, {.package_id = 1, .cpus = {2, 3, 4}, .seed = 7}}});
  host.SetVms({MadeVm("web", 1000)});
  host.package(0).SetPower(0, 100);
  host.package(1).SetPower(0, 10);
  host.package(1).SetThreads({Thread(1000, 1001)});
  host.RunFor(10 * kSecond + 10 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(5));
  for (const FlushReport& report : host.reports()) {
    ASSERT_THAT(report.models[0].counters, SizeIs(4));
    EXPECT_THAT(report.samplers, SizeIs(2));
    const auto joules = [&](size_t i) { return static_cast<double>(report.models[0].counters[i].energy_uj) * 1e-6; };
    EXPECT_NEAR(joules(0), 200, 0.5);
    EXPECT_NEAR(joules(2), 20, 0.5);
  }
  const VmReport& vm = host.reports().back().vms[0];
  EXPECT_EQ(host.Sum(RowKind::kVm, "web").run_ns, [&] {
    int64_t ns = 0;
    for (const FlushReport& report : host.reports()) ns += report.vms[0].run_time_ns;
    return ns;
  }()) << "a VM's run time is that on all packages";
  EXPECT_GT(vm.run_time_ns, 2 * kSecond * 3 / 4);
}

TEST(FlushLoopTest, AGivenBaseIsAppliedFromTheFirstFlush) {
  MadeHost host({.flush = {.base_power_w = {{RaplDomain::kPackage, 20}}}});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPower(0, 50);
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    host.package().Give(Thread(1000, 1001), to_ns - from_ns, window);
    host.package().GiveIdle(to_ns - from_ns, window);
  });
  host.RunFor(4 * kSecond + 10 * kMs);
  for (const FlushReport& report : host.reports()) {
    const CounterReport& counter = report.models[0].counters[0];
    EXPECT_EQ(counter.model, Model::kBaseShare);
    EXPECT_TRUE(counter.base_given);
    EXPECT_EQ(counter.base_w, 20);
    EXPECT_EQ(report.models[0].counters[1].model, Model::kCapacity) << "DRAM's was not given";
    for (const RowReport& row : report.models[0].rows) {
      if (row.domain.domain != RaplDomain::kPackage) continue;
      if (row.kind == RowKind::kIdle) {
        EXPECT_NEAR(static_cast<double>(row.energy_uj) * 1e-6, 40, 0.1);
      }
      if (row.kind == RowKind::kVm && row.part == "vcpu0") {
        EXPECT_NEAR(static_cast<double>(row.energy_uj) * 1e-6, 60, 0.1);
        EXPECT_NEAR(static_cast<double>(row.active_uj.value_or(0)), static_cast<double>(row.energy_uj), 100)
            << "all of it, but for the fraction of a tick that is carried";
      }
    }
    EXPECT_FALSE(report.vms[0].active_uj.has_value()) << "not known for DRAM, so not known for the sum";
    EXPECT_EQ(ParseGuestLine(report.vms[0].guest_line)->model, "capacity");
  }
}

TEST(FlushLoopTest, LearnsTheBaseAndThenTellsActiveEnergy) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage}}}});
  host.SetVms({MadeVm("web", 1000)});
  bool busy = true;
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    const int64_t whole = 2 * (to_ns - from_ns);
    const int64_t run = busy ? (to_ns - from_ns) : 0;
    if (run > 0) host.package().Give(Thread(1000, 1001), run, window);
    host.package().GiveIdle(whole - run, window);
  });
  for (int i = 0; i < 20; ++i) {
    busy = i % 2 == 0;
    host.package().SetPower(0, busy ? 35 : 20);
    host.RunFor(1'300 * kMs);
  }
  const FlushReport& report = host.reports().back();
  const CounterReport& counter = report.models[0].counters[0];
  ASSERT_EQ(counter.model, Model::kBaseShare);
  EXPECT_NEAR(counter.base_w.value_or(0), 20, 0.4);
  EXPECT_GT(counter.base_err_w, 0);
  ASSERT_TRUE(report.vms[0].active_uj.has_value());
  EXPECT_NEAR(static_cast<double>(*report.vms[0].active_uj) * 1e-6,
              15.0 * static_cast<double>(report.vms[0].run_time_ns) * 1e-9, 0.05 * 15);
  const absl::StatusOr<GuestLine> line = ParseGuestLine(report.vms[0].guest_line);
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->model, "base-share");
  EXPECT_TRUE(line->active_uj.has_value());
}

TEST(FlushLoopTest, TheGridOfFlushesStaysWhereItIsForHours) {
  MadeHost host({.period_ns = 100 * kMs});
  host.KeepNoReports();
  std::mt19937 random(1);
  host.clock().OnSleep([&](int64_t) {
    host.clock().Advance(random() % 1000 == 0 ? static_cast<int64_t>(random() % 300) * kMs : random() % 100'000);
  });
  host.SetVms({MadeVm("web", 1000)});
  const int64_t begin_ns = host.flush().start_ns();
  while (host.clock().NowNs() - begin_ns < 3 * 3600 * kSecond) host.RunFor(60 * kSecond);
  host.RunFor(kSecond);
  const int64_t passed_ns = host.clock().NowNs() - begin_ns;
  EXPECT_NEAR(static_cast<double>(host.flushes()), static_cast<double>(passed_ns / (2 * kSecond)), 1)
      << "one flush for every 2 s, however late the samples";
}

TEST(FlushLoopTest, EachFlushEndsAtTheFirstSampleAfterItsTick) {
  MadeHost host({});
  std::mt19937 random(1);
  host.clock().OnSleep([&](int64_t) { host.clock().Advance(random() % 900'000); });
  host.RunFor(60 * kSecond);
  ASSERT_GE(host.reports().size(), 29u);
  int64_t sum_ns = 0;
  for (const FlushReport& report : host.reports()) {
    const int64_t tick_ns = static_cast<int64_t>(report.seq) * 2 * kSecond;
    EXPECT_GE(report.t_ns, tick_ns);
    EXPECT_LT(report.t_ns, tick_ns + 2 * kMs);
    sum_ns += report.dt_ns;
    EXPECT_EQ(sum_ns, report.t_ns) << "no time between flushes";
  }
}

TEST(FlushLoopTest, AFlushThatWasHeldUpIsLongAndTheNextIsBackOnTheGrid) {
  MadeHost host({});
  host.RunFor(3 * kSecond);
  host.clock().Advance(6'500 * kMs);  // the machine was asleep until t = 9.5 s
  host.RunFor(3 * kSecond);
  ASSERT_THAT(host.reports(), SizeIs(4));
  EXPECT_NEAR(static_cast<double>(host.reports()[1].t_ns), 9.5e9, 2e6);
  EXPECT_NEAR(static_cast<double>(host.reports()[1].dt_ns), 7.5e9, 2e6);
  EXPECT_NEAR(static_cast<double>(host.reports()[2].t_ns), 10e9, 2e6);
  EXPECT_NEAR(static_cast<double>(host.reports()[3].t_ns), 12e9, 2e6);
}

TEST(FlushLoopTest, TheLastIntervalIsSettled) {
  MadeHost host({});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(4'700 * kMs);
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(3));
  const FlushReport& last = host.reports().back();
  EXPECT_TRUE(last.last);
  EXPECT_FALSE(host.reports()[1].last);
  EXPECT_NEAR(static_cast<double>(last.dt_ns), 0.7e9, 2e6);
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0));
}

TEST(FlushLoopTest, AnEndOnTheGridIsTheLastFlush) {
  MadeHost host({.flush = {.duration_ns = 6 * kSecond}});
  host.RunFor(6'050 * kMs);  // the threads stop a little after
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(3)) << "what was sampled while the run wound down is not reported";
  EXPECT_TRUE(host.reports().back().last);
  EXPECT_FALSE(host.reports()[1].last);
  EXPECT_NEAR(static_cast<double>(host.reports().back().t_ns), 6e9, 2e6);
}

TEST(FlushLoopTest, AnEndOffTheGridIsAShortFlush) {
  MadeHost host({.flush = {.duration_ns = 5 * kSecond}});
  host.RunFor(5'030 * kMs);
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(3));
  EXPECT_TRUE(host.reports().back().last);
  EXPECT_NEAR(static_cast<double>(host.reports().back().t_ns), 5e9, 50e6);
}

TEST(FlushLoopTest, NothingSampledIsNothingReported) {
  MadeHost host({});
  host.flush().Finish();
  EXPECT_THAT(host.reports(), IsEmpty());
}

TEST(FlushLoopTest, ProblemsAreToldOnceWithTheNextFlush) {
  MadeHost host({});
  host.RunFor(100 * kMs);
  host.flush().UpdateVms({.problems = {"VM web has no port"}, .unchanged = true});
  host.RunFor(6 * kSecond);
  ASSERT_GE(host.reports().size(), 2u);
  EXPECT_THAT(host.reports()[0].problems, ElementsAre("VM web has no port"));
  EXPECT_THAT(host.reports()[1].problems, IsEmpty());
}

uint32_t LineStateOf(const FlushReport& report) {
  const absl::StatusOr<GuestLine> line = ParseGuestLine(report.vms.at(0).guest_line);
  EXPECT_THAT(line, IsOk());
  return line.ok() ? line->state : kLineOther;
}

// Switches that nobody saw: the flush is marked, the guest is told, a person once.
TEST(FlushLoopTest, LostSwitchesAreMarkedAndToldOnce) {
  uint64_t misses = 0;
  MadeHost host({.flush = {.recursion_misses = [&misses] { return misses; }}});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    host.package().GiveIdle(2 * (to_ns - from_ns), window);  // nothing unreported, so that nothing else is a gap
  });
  host.RunFor(2010 * kMs);
  misses = 5;
  host.RunFor(2000 * kMs);
  host.RunFor(2000 * kMs);
  host.package().SetLostRecords(9);
  host.RunFor(2000 * kMs);
  misses = 6;
  host.package().SetLostRecords(10);
  host.RunFor(2000 * kMs);
  const std::vector<FlushReport>& reports = host.reports();
  ASSERT_EQ(reports.size(), 5u);
  std::vector<bool> gaps;
  std::vector<size_t> problems;
  for (const FlushReport& report : reports) {
    gaps.push_back((LineStateOf(report) & kLineGap) != 0);
    problems.push_back(report.problems.size());
  }
  EXPECT_THAT(gaps, ElementsAre(false, true, false, true, true));
  EXPECT_THAT(problems, ElementsAre(0, 1, 0, 1, 0)) << "each once";
  EXPECT_THAT(reports[1].problems[0], HasSubstr("5 switches"));
  EXPECT_THAT(reports[3].problems[0], HasSubstr("9 switch records"));
  EXPECT_EQ(reports[4].recursion_misses, 6u);
  EXPECT_EQ(reports[4].new_recursion_misses, 1u);
  EXPECT_EQ(reports[4].samplers[0].lost_records, 10u);
  EXPECT_EQ(reports[4].samplers[0].new_lost_records, 1u);
}

TEST(FlushLoopTest, TheLineSaysHowRunTimeIsKnownAndClaimsNoMore) {
  for (const RunTimeMethod method : kRunTimeMethods) {
    MadeHost host({.flush = {.run_time_method = method}});
    host.SetVms({MadeVm("web", 1000)});
    host.RunFor(2010 * kMs);
    ASSERT_EQ(host.reports().size(), 1u);
    const FlushReport& report = host.reports()[0];
    EXPECT_EQ(report.run_time_method, method);
    EXPECT_EQ(ParseGuestLine(report.vms.at(0).guest_line)->run_time_method, RunTimeMethodName(method));
    EXPECT_EQ((LineStateOf(report) & kLineCoarse) == 0, IsExact(method)) << RunTimeMethodName(method);
  }
}

TEST(FlushLoopTest, CurvesHaveAPointForEverySampleAndTheEnergyOfTheVm) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage}}}, .flush = {.trace_vms = true}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  host.RunFor(2'010 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(1));
  for (const VmReport& vm : host.reports()[0].vms) {
    ASSERT_THAT(vm.power_w, SizeIs(2000));
    double joules = 0;
    for (const float power : vm.power_w) joules += power * 1e-3;
    EXPECT_NEAR(joules, static_cast<double>(vm.energy_uj) * 1e-6, 0.01);
  }
}

TEST(FlushLoopTest, AVmIsToldAsItsPolicySaysAndAnotherPolicyIsAnotherEpoch) {
  MadeHost host({.own_policies = true});
  const std::vector<Vm> vms = {MadeVm("web", 1000), MadeVm("db", 2000)};
  GuestPolicy slow{.period_ns = 6 * kSecond, .quantum_uj = 1, .active = false, .run_time = false, .package_only = true};
  host.flush().UpdateVms({.vms = vms, .policies = {slow, GuestPolicy()}});
  host.RunFor(13 * kSecond);  // six flushes
  host.flush().UpdateVms({.vms = vms, .policies = {{.deliver = false}, GuestPolicy()}});
  host.RunFor(4 * kSecond);
  ASSERT_THAT(host.reports(), SizeIs(8));
  int64_t package_uj = 0;
  for (size_t i = 0; i < 8; ++i) {
    const FlushReport& report = host.reports()[i];
    const VmReport* web = FindVm(report, "web");
    const VmReport* db = FindVm(report, "db");
    ASSERT_THAT(ParseGuestLine(db->guest_line), IsOk()) << i;
    EXPECT_EQ(ParseGuestLine(db->guest_line)->seq, i + 1);
    EXPECT_GT(web->energy_uj, 0) << "the ledger does not depend on what is told";
    for (const RowReport& row : report.models[0].rows) {
      if (row.kind == RowKind::kVm && row.vm.name == "web" && row.domain.domain == RaplDomain::kPackage) {
        package_uj += row.energy_uj;
      }
    }
    // With every third flush; the seventh ends the old policy, with what is left.
    const bool due = i == 2 || i == 5 || i == 6;
    EXPECT_EQ(!web->guest_line.empty(), due) << i;
    if (!due) continue;
    const absl::StatusOr<GuestLine> line = ParseGuestLine(web->guest_line);
    ASSERT_THAT(line, IsOk());
    EXPECT_EQ(line->energy_uj, package_uj);
    EXPECT_FALSE(line->active_uj.has_value());
    EXPECT_FALSE(line->run_time_ns.has_value());
  }
  EXPECT_NE(FindVm(host.reports()[7], "web")->epoch, FindVm(host.reports()[6], "web")->epoch);
  EXPECT_EQ(FindVm(host.reports()[7], "db")->epoch, FindVm(host.reports()[0], "db")->epoch);
}

TEST(FlushLoopTest, APolicyThatWasTakenBackWithinAFlushNeverHolds) {
  MadeHost host({.own_policies = true});
  const std::vector<Vm> vms = {MadeVm("web", 1000)};
  host.flush().UpdateVms({.vms = vms, .policies = {GuestPolicy()}});
  host.RunFor(3 * kSecond);
  host.flush().UpdateVms({.vms = vms, .policies = {{.quantum_uj = 1}}});
  host.RunFor(kSecond / 2);
  host.flush().UpdateVms({.vms = vms, .policies = {GuestPolicy()}});
  host.RunFor(3 * kSecond);
  for (const FlushReport& report : host.reports()) {
    const absl::StatusOr<GuestLine> line = ParseGuestLine(FindVm(report, "web")->guest_line);
    ASSERT_THAT(line, IsOk());
    EXPECT_EQ(line->seq, report.seq);
    EXPECT_EQ(line->quantum_uj, kDefaultQuantumUj);
  }
  EXPECT_THAT(host.reports(), SizeIs(3));
}

}  // namespace
}  // namespace vrapl
