// The books of packages and their counters, seen in the reports that the program makes of them: what a counter does
// wrong, CPUs that come and go, energy that belongs to more than one package.
#include "sampler/package_ledger.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <map>

#include "delivery/guest_line.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(PackageLedgerTest, ADomainThatCannotBeReadForAWhileLosesNothing) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPower(1, 5);
  host.RunFor(3 * kSecond);
  host.package().SetError(1, EIO);
  host.RunFor(4 * kSecond);  // a whole flush and parts of two
  host.package().SetError(1, 0);
  host.RunFor(4 * kSecond);
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(6));
  std::vector<uint64_t> errors;
  std::vector<bool> gap;
  std::vector<bool> energy_told;
  std::vector<bool> power_told;
  for (const FlushReport& report : host.reports()) {
    for (const ModelReport& model : report.models)
      EXPECT_EQ(model.counters[1].read_errors, report.models[0].counters[1].read_errors);
    errors.push_back(report.models[0].counters[1].read_errors);
    const GuestLine line = *ParseGuestLine(report.vms[0].guest_line);
    gap.push_back((line.state & kLineGap) != 0);
    energy_told.push_back(line.energy_uj.has_value());
    power_told.push_back(line.power_mw.has_value());
    EXPECT_EQ(report.models[0].counters[0].read_errors, 0u);
  }
  EXPECT_THAT(errors, ElementsAre(0u, 1000u, 2000u, 1000u, 0u, 0u));
  EXPECT_THAT(gap, ElementsAre(false, true, true, true, false, false)) << "the guest is told";
  EXPECT_THAT(energy_told, ElementsAre(true, false, false, true, true, true)) << "what is unknown is no zero";
  EXPECT_THAT(power_told, ElementsAre(true, false, false, false, true, true)) << "nor two intervals' energy in one";
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kDram), host.package().ticks(1))
      << "the energy came with the next good read";
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0));
  EXPECT_EQ(host.reports().back().samplers[0].read_errors, 4000u);
}

// After a suspend nobody can tell what the counters stand for. What was used before and after is not touched by it.
TEST(PackageLedgerTest, ASuspendIsATimeOfUnknownEnergy) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPower(0, 40);
  host.RunFor(3 * kSecond);
  const uint64_t before = host.package().ticks(0);
  host.package().SetPower(0, 5'000'000);  // what the counter shows on waking is anything
  host.clock().Advance(kMs);
  host.package().SetPower(0, 40);
  host.clock().Suspend(3600 * kSecond);
  host.RunFor(1 * kMs);
  const uint64_t woken = host.package().ticks(0);
  ASSERT_GT(woken - before, uint64_t{4000} << 14) << "the counter did jump";
  host.RunFor(5 * kSecond);
  host.Finish();
  uint64_t charged = 0;
  int64_t unknown_ns = 0;
  int64_t suspended_ns = 0;
  for (const FlushReport& report : host.reports()) {
    charged += report.models[0].counters[0].energy_ticks;
    unknown_ns += report.models[0].counters[0].unknown_ns;
    suspended_ns += report.samplers[0].suspended_ns;
    const GuestLine line = *ParseGuestLine(report.vms[0].guest_line);
    EXPECT_EQ((line.state & kLineGap) != 0, report.samplers[0].suspended_ns > 0);
    EXPECT_EQ(report.problems.empty(), report.samplers[0].suspended_ns == 0);
  }
  EXPECT_EQ(suspended_ns, 3600 * kSecond);
  EXPECT_GE(unknown_ns, 3600 * kSecond);
  EXPECT_LT(unknown_ns, 3600 * kSecond + 10 * kMs);
  EXPECT_EQ(charged, host.package().ticks(0) - woken + before);
}

// The first read after waking fails: the hour is unknown all the same.
TEST(PackageLedgerTest, ASuspendIsNotForgottenWhenTheFirstReadFails) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.RunFor(500 * kMs);
  host.package().SetError(0, EIO);
  host.clock().Suspend(3600 * kSecond);
  host.RunFor(20 * kMs);
  host.package().SetError(0, 0);
  host.package().StartAnew();  // which a real counter remembers until it can be read
  host.RunFor(1500 * kMs);
  host.Finish();
  const CounterReport& counter = host.reports().front().models[0].counters[0];
  EXPECT_GE(counter.unknown_ns, 3600 * kSecond);
  EXPECT_LT(counter.unknown_ns, 3601 * kSecond);
}

TEST(PackageLedgerTest, AnIdleGraphicsUnitIsNotFrozen) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage, RaplDomain::kUncore}}}});
  host.package().SetPower(1, 0);
  host.RunFor(10 * kSecond);
  host.Finish();
  for (const FlushReport& report : host.reports()) EXPECT_FALSE(report.models[0].counters[1].frozen);
}

TEST(PackageLedgerTest, AFlushWithUnknownPlatformEnergyIsUnknownAsAWhole) {
  MadeHost host({.packages = {{.package_id = 0, .domains = {RaplDomain::kPackage, RaplDomain::kPsys}},
                              {.package_id = 1, .cpus = {2, 3}, .seed = 7}},
                 .flush = {.models = AllModels()}});
  host.package(0).SetPower(1, 200);
  host.RunFor(3 * kSecond);
  host.package(0).StartAnew();
  host.RunFor(3 * kSecond + 10 * kMs);
  std::vector<bool> unknown;
  std::vector<bool> any;
  for (const FlushReport& report : host.reports()) {
    const CounterReport& psys = report.models[0].counters[1];
    ASSERT_EQ(psys.domain.domain, RaplDomain::kPsys);
    unknown.push_back(psys.unknown_ns >= psys.dt_ns);
    any.push_back(psys.energy_ticks > 0);
  }
  EXPECT_THAT(unknown, ElementsAre(false, true, false));
  EXPECT_THAT(any, ElementsAre(true, false, true));
}

// A gap without known energy: what comes after it is charged to who runs after it.
TEST(PackageLedgerTest, EnergyAfterAnUnknownTimeIsNotChargedToThatTime) {
  MadeHost host({.flush = {.models = {Model::kCapacity}}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  host.package().SetPower(0, 0);
  host.RunFor(2 * kSecond);
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    host.package().Give(Thread(1000, 1001), to_ns - from_ns, window);
    host.package().GiveIdle(to_ns - from_ns, window);
  });
  host.RunFor(1 * kSecond);  // "web" runs, and nothing is counted
  host.package().StartAnew();
  host.RunFor(2 * kMs);
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    host.package().Give(Thread(2000, 2001), to_ns - from_ns, window);
    host.package().GiveIdle(to_ns - from_ns, window);
  });
  host.RunFor(2 * kMs);
  const auto web = host.Sum(RowKind::kVm, "web").ticks;
  host.package().SetPower(0, 60);
  host.RunFor(1 * kSecond);
  host.Finish();
  EXPECT_GT(host.Sum(RowKind::kVm, "db").ticks, uint64_t{25} << 14);
  EXPECT_LE(host.Sum(RowKind::kVm, "web").ticks - web, uint64_t{1} << 10)
      << "its second is unknown, not the next one's";
}

TEST(PackageLedgerTest, ACounterThatStopsIsNoZero) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(4 * kSecond);
  host.package().SetPower(1, 0);  // it never moves again
  host.RunFor(8 * kSecond);
  host.package().SetPower(1, 7);
  host.RunFor(3 * kSecond);
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(8));
  std::vector<bool> frozen;
  std::vector<bool> told;
  for (const FlushReport& report : host.reports()) {
    frozen.push_back(report.models[0].counters[1].frozen);
    told.push_back(ParseGuestLine(report.vms[0].guest_line)->energy_uj.has_value());
    EXPECT_FALSE(report.models[0].counters[0].frozen);
  }
  EXPECT_THAT(frozen, ElementsAre(false, false, false, true, true, true, false, false));
  EXPECT_THAT(told, ElementsAre(true, true, true, false, false, false, true, true));
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kDram), host.package().ticks(1)) << "the total is right after it";
}

TEST(PackageLedgerTest, GlitchesAreCountedApartFromFailedReads) {
  MadeHost host({.flush = {.models = AllModels()}});
  host.RunFor(500 * kMs);
  host.package().SetError(0, ERANGE);
  host.RunFor(3 * kMs);
  host.package().SetError(0, EIO);
  host.RunFor(2 * kMs);
  host.package().SetError(0, 0);
  host.RunFor(1500 * kMs);
  const CounterReport& counter = host.reports().front().models[0].counters[0];
  EXPECT_EQ(counter.glitches, 3u);
  EXPECT_EQ(counter.read_errors, 2u);
  EXPECT_EQ(counter.unknown_ns, 0);
  host.Finish();
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0));
}

// The platform's counter is read in one package, and holds the energy of all: a VM that runs on the other pays its
// part.
TEST(PackageLedgerTest, PlatformEnergyGoesByTheRunTimeOnAllPackages) {
  MadeHost host({.packages = {{.package_id = 0, .domains = {RaplDomain::kPackage, RaplDomain::kPsys}},
                              {.package_id = 1, .cpus = {2, 3}, .seed = 7}},
                 .flush = {.models = {Model::kCapacity, Model::kShare}}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  host.package(0).SetPower(1, 200);
  const auto half_busy = [&](size_t package, const ThreadRun& thread) {
    host.package(package).SetPlan([&host, package, thread](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
      host.package(package).Give(thread, to_ns - from_ns, window);
      host.package(package).GiveIdle(to_ns - from_ns, window);
    });
  };
  half_busy(0, Thread(1000, 1001));
  half_busy(1, Thread(2000, 2001));
  host.RunFor(20 * kSecond);
  host.Finish();
  for (size_t model = 0; model < 2; ++model) {
    const double web = static_cast<double>(host.Sum(RowKind::kVm, "web", RaplDomain::kPsys, model).ticks);
    const double db = static_cast<double>(host.Sum(RowKind::kVm, "db", RaplDomain::kPsys, model).ticks);
    EXPECT_NEAR(web / db, 1, 1e-3) << "each ran on one of four CPUs";
    EXPECT_NEAR(web / 16384, model == 0 ? 200 * 20 / 4 : 200 * 20 / 2, 2);
  }
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPsys), host.package(0).ticks(1)) << "counted once";
}

// web runs on core 0, db on core 1, for the same time; core 0 draws five times what core 1 does.
class CoresTest : public testing::Test {
 protected:
  CoresTest()
      : host_({.packages = {{.cpus = {0, 1},
                             .domains = {RaplDomain::kPackage, RaplDomain::kCore, RaplDomain::kCore},
                             .by_core = true}},
               .flush = {.models = {Model::kCore, Model::kBaseShare, Model::kCapacity},
                         .base_power_w = {{RaplDomain::kPackage, 20}}}}) {
    host_.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
    host_.package().SetPower(0, 20 + 10 + 2 + 6);
    host_.package().SetPower(1, 10);
    host_.package().SetPower(2, 2);
    host_.package().SetPlan([this](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
      host_.package().Give(Thread(1000, 1001), to_ns - from_ns, window, 0);
      host_.package().Give(Thread(2000, 2001), to_ns - from_ns, window, 1);
    });
  }
  double Joules(const std::string& vm, size_t model, RaplDomain domain = RaplDomain::kPackage) const {
    return static_cast<double>(host_.Sum(RowKind::kVm, vm, domain, model).energy_uj) * 1e-6;
  }
  MadeHost host_;
};

TEST_F(CoresTest, WhoRunsOnACoreGetsWhatItUsed) {
  host_.RunFor(10 * kSecond);
  host_.Finish();
  // Its own core's, and half of the 6 W that no core and no base explains.
  EXPECT_NEAR(Joules("web", 0), 130, 0.2);
  EXPECT_NEAR(Joules("db", 0), 50, 0.2);
  EXPECT_NEAR(Joules("web", 1), 90, 0.2) << "run time alone does not tell";
  EXPECT_NEAR(Joules("web", 0, RaplDomain::kCore), 100, 0.1);
  EXPECT_NEAR(Joules("db", 0, RaplDomain::kCore), 20, 0.1);
  for (const FlushReport& report : host_.reports()) {
    EXPECT_EQ(report.models[0].counters[0].model, Model::kCore);
    for (const ModelReport& model : report.models) {
      for (const CounterReport& counter : model.counters) {
        EXPECT_TRUE(counter.attributed);
        uint64_t sum = 0;
        for (const RowReport& row : model.rows) sum += row.domain == counter.domain ? row.energy_ticks : 0;
        EXPECT_EQ(sum, counter.energy_ticks) << ModelName(model.model) << " " << DomainName(counter.domain);
      }
      for (const RowReport& row : model.rows) {
        if (row.domain.core == 1) {
          EXPECT_NE(row.vm.name, "web") << "never came there";
        }
      }
    }
  }
}

TEST_F(CoresTest, AFailedReadOfOneCoreComesWithTheNext) {
  host_.RunFor(3 * kSecond);
  host_.package().SetError(1, EIO);
  host_.RunFor(500 * kMs);
  host_.package().SetError(1, 0);
  host_.RunFor(6 * kSecond + 500 * kMs);
  host_.Finish();
  EXPECT_NEAR(Joules("web", 0, RaplDomain::kCore), 100, 0.1);
  EXPECT_NEAR(Joules("web", 0) + Joules("db", 0), 180, 0.3);
  // While its core is not read, what it used is not known to be its own: half of 5 J goes to db by run time.
  EXPECT_NEAR(Joules("web", 0), 130, 2.6);
  EXPECT_LT(Joules("web", 0), 128);
}

// AMD: each core's own counter is reported beside the package's, and charged to nobody while nobody knows who ran on
// it.
TEST(PackageLedgerTest, CoresAreCountersWithoutRows) {
  MadeHost host(
      {.packages = {{.domains = {RaplDomain::kPackage, RaplDomain::kCore}}}, .flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPower(0, 80);
  host.package().SetPower(1, 7);
  host.RunFor(4 * kSecond + 10 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(2));
  for (const ModelReport& model : host.reports().back().models) {
    ASSERT_THAT(model.counters, SizeIs(2));
    EXPECT_TRUE(model.counters[0].attributed);
    EXPECT_FALSE(model.counters[1].attributed);
    EXPECT_NEAR(static_cast<double>(model.counters[1].energy_uj) * 1e-6, 14, 0.1);
    for (const RowReport& row : model.rows) EXPECT_NE(row.domain.domain, RaplDomain::kCore);
  }
  // Nobody knows who ran on the cores, so their energy tells nothing about who used the package's.
  const auto rows_of = [&](Model wanted) {
    std::map<std::pair<RowKind, std::string>, uint64_t> ticks;
    for (const ModelReport& model : host.reports().back().models) {
      if (model.model != wanted) continue;
      for (const RowReport& row : model.rows) ticks[{row.kind, row.vm.name + row.part}] += row.energy_ticks;
    }
    return ticks;
  };
  EXPECT_EQ(rows_of(Model::kCore), rows_of(Model::kBaseShare));
  EXPECT_EQ(host.reports().back().vms[0].total_energy_uj, host.Sum(RowKind::kVm, "web").energy_uj)
      << "the core's joules are in the package's";
}

TEST(PackageLedgerTest, CpusThatComeAndGoKeepEveryNanosecondAndTick) {
  MadeHost host({.packages = {{.cpus = {0, 1, 2, 3}}, {.package_id = 1, .cpus = {4, 5}, .seed = 3}},
                 .flush = {.models = AllModels()}});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(1 * kSecond);
  host.OfferCpus(0, {0, 2});
  host.RunFor(2 * kSecond);
  host.OfferCpus(1, {});
  host.RunFor(2 * kSecond);
  host.OfferCpus(0, {0, 1, 2, 3, 6});
  host.OfferCpus(1, {5});
  host.RunFor(2 * kSecond);
  host.Finish();
  int64_t capacity_ns = 0;
  for (const FlushReport& report : host.reports()) capacity_ns += report.samplers[0].capacity_ns;
  EXPECT_NEAR(static_cast<double>(capacity_ns), (4.0 * 1 + 2.0 * 4 + 5.0 * 2) * kSecond, 0.05 * kSecond);
  EXPECT_EQ(host.reports().back().samplers[0].cpus, 5);
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package(0).ticks(0));
  EXPECT_EQ(host.CounterSum(1, RaplDomain::kPackage), host.package(1).ticks(0));
}

// What a thread had its core to itself, and not, arrives in its row; the rest of its run time stays unknown.
TEST(PackageLedgerTest, SoloAndSharedTimeGoToTheRowOfTheirThread) {
  MadeHost host({});
  host.SetVms({MadeVm("web", 1000)});
  host.package().SetPlan([&](int64_t from_ns, int64_t to_ns, RunTimeWindow& window) {
    const int64_t ns = to_ns - from_ns;
    window.AddThread({.tid = 1001, .tgid = 1000, .run_ns = ns, .solo_ns = ns / 2, .shared_ns = ns / 4});
    window.AddIdle(ns);
  });
  host.RunFor(2 * kSecond + 10 * kMs);
  ASSERT_FALSE(host.reports().empty());
  const FlushReport& report = host.reports()[0];
  bool seen = false;
  for (const RowReport& row : report.models[0].rows) {
    EXPECT_EQ(row.solo_time_ns.has_value(),
              row.kind != RowKind::kIdle && row.kind != RowKind::kStolen && row.kind != RowKind::kUnreported)
        << RowKindName(row.kind);
    if (row.part != "vcpu0") continue;
    seen = true;
    EXPECT_NEAR(static_cast<double>(*row.solo_time_ns), 0.5 * static_cast<double>(row.run_time_ns), 3000);
    EXPECT_NEAR(static_cast<double>(*row.shared_time_ns), 0.25 * static_cast<double>(row.run_time_ns), 3000);
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace vrapl
