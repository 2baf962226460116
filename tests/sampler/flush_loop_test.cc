// The whole way from a sample to a report, on packages made of arithmetic and a clock that is turned: hours in seconds.
#include "sampler/flush_loop.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "delivery/guest_line.h"
#include "tests/sampler/made_package.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr pid_t kVrapl = 100;
constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kSecond = kNanosPerSecond;

Vm MadeVm(const std::string& name, pid_t pid, int vcpus = 2, uint64_t start_time = 1) {
  Vm vm{.uuid = "uuid-" + name, .name = name, .pid = pid, .start_time = start_time, .vcpus = {}, .ports = {}};
  for (int i = 0; i < vcpus; ++i) vm.vcpus.push_back({.index = i, .tid = pid + 1 + i});
  return vm;
}

// Every thread of a process whose number ends in 00 is a vCPU: thread 1001 of process 1000 is its vcpu0.
std::string NameOfThread(uint32_t tgid, uint32_t tid) {
  return tid > tgid && tid < tgid + 50 ? absl::StrCat("CPU ", tid - tgid - 1, "/KVM") : "something";
}

ThreadRun Thread(uint32_t tgid, uint32_t tid, uint32_t flags = 0) {
  return {.tid = tid, .tgid = tgid, .task_flags = flags};
}

const std::vector<ThreadRun>& SomeThreads() {
  static const std::vector<ThreadRun> threads = {Thread(1000, 1001),
                                                 Thread(1000, 1002),
                                                 Thread(1000, 1000),
                                                 Thread(2000, 2001),
                                                 Thread(kVrapl, kVrapl),
                                                 Thread(300, 300),
                                                 Thread(17, 17, kTaskKernelThread)};
  return threads;
}

// A host of made packages with the loops of the program over them.
class MadeHost {
 public:
  struct Options {
    std::vector<MadePackageOptions> packages = {{}};
    int64_t period_ns = kMs;
    FlushLoop::Options flush;
  };
  explicit MadeHost(Options options) : period_ns_(options.period_ns), rows_(kVrapl, {}, NameOfThread) {
    if (options.flush.source.empty()) options.flush.source = "made";
    std::vector<SamplingLoop*> loops;
    for (const MadePackageOptions& package : options.packages) {
      packages_.push_back(std::make_unique<MadePackage>(clock_, package));
      packages_.back()->SetThreads(SomeThreads());
      loops_.push_back(std::make_unique<SamplingLoop>(*packages_.back(), *packages_.back(), clock_,
                                                      SamplingLoop::Options{.period_ns = options.period_ns}));
      loops.push_back(loops_.back().get());
    }
    for (SamplingLoop* loop : loops) loop->Start();
    flush_ = std::make_unique<FlushLoop>(loops, rows_, nullptr, clock_, options.flush,
                                         [this](const FlushReport& report) { OnReport(report); });
  }

  MadePackage& package(size_t i = 0) { return *packages_[i]; }
  SimulatedClock& clock() { return clock_; }
  FlushLoop& flush() { return *flush_; }
  const std::vector<FlushReport>& reports() const { return reports_; }
  void KeepNoReports() { keep_ = false; }
  // From the next sample on.
  void OfferCpus(size_t i, std::vector<int> cpus) {
    steady_cpus_ = false;
    loops_[i]->OfferCpus(std::move(cpus));
  }
  uint64_t flushes() const { return flushes_; }

  void SetVms(const std::vector<Vm>& vms) {
    flush_->Drain();
    flush_->UpdateVms({.vms = vms});
  }

  // The threads of the program, in turn; the flush thread looks every 50 ms.
  void RunFor(int64_t ns) {
    const int64_t steps = ns / period_ns_;
    const int64_t per_drain = std::max<int64_t>(1, 50 * kMs / period_ns_);
    for (int64_t step = 1; step <= steps; ++step) {
      for (const auto& loop : loops_) loop->Step();
      if (++steps_ % per_drain == 0) flush_->Drain();
    }
  }
  void Finish() {
    std::atomic<bool> stop = true;
    for (const auto& loop : loops_) loop->Run(stop);  // the last sample
    flush_->Finish();
  }

  // What all reports so far add up to.
  using RowKey = std::tuple<RowKind, std::string, pid_t, std::string, int, RaplDomain>;
  struct RowSum {
    uint64_t ticks = 0;
    int64_t energy_uj = 0;
    int64_t run_ns = 0;
  };
  const std::map<RowKey, RowSum>& sums(size_t model = 0) const { return sums_[model]; }
  RowSum Sum(RowKind kind, const std::string& vm, RaplDomain domain = RaplDomain::kPackage, size_t model = 0) const {
    RowSum sum;
    for (const auto& [key, row] : sums_[model]) {
      if (std::get<0>(key) != kind || std::get<5>(key) != domain) continue;
      if (kind == RowKind::kVm && std::get<1>(key) != vm) continue;
      sum.ticks += row.ticks;
      sum.energy_uj += row.energy_uj;
      sum.run_ns += row.run_ns;
    }
    return sum;
  }
  uint64_t CounterSum(int package, RaplDomain domain) const {
    const auto sum = counter_ticks_.find({package, domain});
    return sum == counter_ticks_.end() ? 0 : sum->second;
  }

 private:
  // The laws, in every report of every test.
  void OnReport(const FlushReport& report) {
    ++flushes_;
    ASSERT_EQ(report.seq, flushes_);
    sums_.resize(report.models.size());
    for (size_t m = 0; m < report.models.size(); ++m) {
      const ModelReport& model = report.models[m];
      std::set<RowKey> seen;
      for (const RowReport& row : model.rows) {
        const RowKey key(row.kind, row.vm.name, row.vm.pid, row.part, row.package_id, row.domain.domain);
        ASSERT_TRUE(seen.insert(key).second) << "a row is there twice";
        ASSERT_GE(row.energy_uj, 0);
        ASSERT_GE(row.active_uj.value_or(0), 0);
        ASSERT_GE(row.run_time_ns, 0);
        RowSum& sum = sums_[m][key];
        sum.ticks += row.energy_ticks;
        sum.energy_uj += row.energy_uj;
        sum.run_ns += row.run_time_ns;
        ASSERT_EQ(sum.energy_uj, RoundedMicrojoules({sum.ticks}, UnitOf(row.package_id)))
            << "microjoules are differences of rounded totals";
      }
      for (const CounterReport& counter : model.counters) {
        if (!counter.attributed) continue;
        uint64_t ticks = 0;
        int64_t run_ns = 0;
        for (const RowReport& row : model.rows) {
          if (row.package_id != counter.package_id || row.domain != counter.domain) continue;
          ticks += row.energy_ticks;
          run_ns += row.run_time_ns;
        }
        ASSERT_EQ(ticks, counter.energy_ticks) << ModelName(model.model) << " flush " << report.seq;
        int64_t capacity_ns = 0;
        for (const SamplerReport& sampler : report.samplers) {
          const bool own = sampler.package_id == counter.package_id;
          if (own || counter.domain.domain == RaplDomain::kPsys) capacity_ns += sampler.capacity_ns;
          if (own && steady_cpus_) {
            ASSERT_EQ(sampler.capacity_ns, static_cast<int64_t>(CpusOf(counter.package_id)) * counter.dt_ns);
          }
        }
        ASSERT_EQ(run_ns, capacity_ns) << ModelName(model.model) << " flush " << report.seq;
        ASSERT_EQ(counter.energy_ticks, report.models[0].counters[&counter - model.counters.data()].energy_ticks);
        if (m == 0) counter_ticks_[{counter.package_id, counter.domain.domain}] += counter.energy_ticks;
        int64_t& counter_uj = counter_uj_[{m, counter.package_id, counter.domain.domain}];
        counter_uj += counter.energy_uj;
        ASSERT_EQ(counter_uj, RoundedMicrojoules({counter_ticks_[{counter.package_id, counter.domain.domain}]},
                                                 UnitOf(counter.package_id)));
      }
    }
    for (const VmReport& vm : report.vms) {
      const absl::StatusOr<GuestLine> line = ParseGuestLine(vm.guest_line);
      ASSERT_THAT(line, IsOk());
      ASSERT_EQ(line->epoch, vm.epoch);
      // What the guest is told is what the ledger says, down to the quantum; or nothing, while reads fail.
      const auto& counters = report.models[0].counters;
      const bool failing = std::any_of(counters.begin(), counters.end(), [](const CounterReport& counter) {
        return counter.read_errors > 0 || counter.glitches > 0 || counter.frozen;
      });
      if (line->energy_uj || !failing) {
        ASSERT_EQ(line->energy_uj, vm.total_energy_uj / kDefaultQuantumUj * kDefaultQuantumUj);
      }
      ASSERT_EQ(line->source, report.source);
    }
    if (keep_) reports_.push_back(report);
  }
  const MadePackage& Package(int package_id) const {
    for (const auto& package : packages_) {
      if (package->package().package_id == package_id) return *package;
    }
    std::abort();
  }
  size_t CpusOf(int package_id) const { return Package(package_id).package().cpus.size(); }
  EnergyUnit UnitOf(int package_id) const { return Package(package_id).package().domains.front().unit; }

  SimulatedClock clock_;
  const int64_t period_ns_;
  int64_t steps_ = 0;
  RowTable rows_;
  std::vector<std::unique_ptr<MadePackage>> packages_;
  std::vector<std::unique_ptr<SamplingLoop>> loops_;
  std::unique_ptr<FlushLoop> flush_;
  std::vector<FlushReport> reports_;
  bool keep_ = true;
  bool steady_cpus_ = true;
  uint64_t flushes_ = 0;
  std::vector<std::map<RowKey, RowSum>> sums_;
  std::map<std::pair<int, RaplDomain>, uint64_t> counter_ticks_;
  std::map<std::tuple<size_t, int, RaplDomain>, int64_t> counter_uj_;
};

const std::vector<Model>& AllModels() {
  static const std::vector<Model> models = {Model::kBaseShare, Model::kShare, Model::kCapacity};
  return models;
}

const VmReport* FindVm(const FlushReport& report, const std::string& name, pid_t pid = 0) {
  for (const VmReport& vm : report.vms) {
    if (vm.vm.name == name && (pid == 0 || vm.vm.pid == pid)) return &vm;
  }
  return nullptr;
}

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
        if (std::get<0>(key) == RowKind::kVm && std::get<5>(key) == RaplDomain::kPackage) vm_ns += sum.run_ns;
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

TEST(FlushLoopTest, ADomainThatCannotBeReadForAWhileLosesNothing) {
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
TEST(FlushLoopTest, ASuspendIsATimeOfUnknownEnergy) {
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
TEST(FlushLoopTest, ASuspendIsNotForgottenWhenTheFirstReadFails) {
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

TEST(FlushLoopTest, AnIdleGraphicsUnitIsNotFrozen) {
  MadeHost host({.packages = {{.domains = {RaplDomain::kPackage, RaplDomain::kUncore}}}});
  host.package().SetPower(1, 0);
  host.RunFor(10 * kSecond);
  host.Finish();
  for (const FlushReport& report : host.reports()) EXPECT_FALSE(report.models[0].counters[1].frozen);
}

TEST(FlushLoopTest, AFlushWithUnknownPlatformEnergyIsUnknownAsAWhole) {
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
TEST(FlushLoopTest, EnergyAfterAnUnknownTimeIsNotChargedToThatTime) {
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

TEST(FlushLoopTest, ACounterThatStopsIsNoZero) {
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

TEST(FlushLoopTest, GlitchesAreCountedApartFromFailedReads) {
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
TEST(FlushLoopTest, PlatformEnergyGoesByTheRunTimeOnAllPackages) {
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

// AMD: each core's own counter is reported beside the package's, and charged to nobody.
TEST(FlushLoopTest, CoresAreCountersWithoutRows) {
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
  EXPECT_EQ(host.reports().back().vms[0].total_energy_uj, host.Sum(RowKind::kVm, "web").energy_uj)
      << "the core's joules are in the package's";
}

TEST(FlushLoopTest, CpusThatComeAndGoKeepEveryNanosecondAndTick) {
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

}  // namespace
}  // namespace vrapl
