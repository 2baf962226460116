#include "perf/perf_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "base/check_moving.h"
#include "perf/perf_counter.h"
#include "tests/count_allocations.h"
#include "tests/fakes/pmu_tree.h"
#include "tests/fakes/remembering_kernel.h"
#include "tests/perf/real_events.h"
#include "tests/perf/scripted_pmu.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Opened = ScriptedPmu::Opened;

constexpr uint64_t kCores = 1;
constexpr uint64_t kPkg = 2;
constexpr uint64_t kRam = 3;
constexpr uint64_t kGpu = 4;
constexpr uint64_t kPsys = 5;

std::vector<DomainId> DomainsOf(const EnergySource& source) {
  std::vector<DomainId> ids;
  for (const DomainInfo& domain : source.package().domains) ids.push_back(domain.id);
  return ids;
}

std::string WhyAbsent(const PackageProbe& probe, RaplDomain domain) {
  for (const DomainProbe& found : probe.domains) {
    if (found.id.domain == domain) return found.present ? "present" : found.why;
  }
  return "not listed";
}

class PerfReaderTest : public testing::Test {
 protected:
  PerfOptions Options(bool per_core = false) { return {.per_core = per_core, .clock = &pmu_.clock(), .events = &pmu_}; }
  auto Open(const HostBuilder& host, bool per_core = false) { return OpenPerfSources(host.root(), Options(per_core)); }
  auto Probe(const HostBuilder& host) { return ProbePerf(host.root(), Options()); }
  // What the next millisecond's read gives.
  const EnergySample& Read(EnergySource& source) {
    pmu_.clock().Advance(kNanosPerMilli);
    pmu_.Refill();
    source.Read(*sample_);
    return *sample_;
  }
  // CPUs on which a group was opened, in order.
  std::vector<int> LeaderCpus() const {
    std::vector<int> cpus;
    for (const Opened& opened : pmu_.opened()) {
      if (opened.leader) cpus.push_back(opened.cpu);
    }
    return cpus;
  }

  ScriptedPmu pmu_;
  std::unique_ptr<EnergySample> sample_ = std::make_unique<EnergySample>();
};

void MakeClient(HostBuilder& host) {
  host.AddCpu({.cpu = 0, .core = 0}).AddCpu({.cpu = 1, .core = 0}).AddCpu({.cpu = 2, .core = 1});
  AddPmu(host, {.name = "power",
                .type = 23,
                .cpumask = "0",
                .events = {kEnergyCores, kEnergyGpu, kEnergyPkg, kEnergyPsys, kEnergyRam}});
}

TEST_F(PerfReaderTest, AllDomainsOfAPackageAreOneGroup) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  MakeClient(host);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
  EnergySource& source = *sources->front();
  EXPECT_EQ(source.backend(), "perf");
  EXPECT_THAT(DomainsOf(source),
              ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kCores}, DomainId{RaplDomain::kUncore},
                          DomainId{RaplDomain::kDram}, DomainId{RaplDomain::kPsys}));
  EXPECT_THAT(pmu_.opened(),
              ElementsAre(Opened{23, kPkg, 0, true}, Opened{23, kCores, 0, false}, Opened{23, kGpu, 0, false},
                          Opened{23, kRam, 0, false}, Opened{23, kPsys, 0, false}));
  EXPECT_EQ(source.package().domains[0].unit.joules_per_tick, kPerfJoulesPerCount);
  EXPECT_EQ(source.package().domains[0].origin, "perf power/energy-pkg/ on CPU 0");
  EXPECT_THAT(source.package().cpus, ElementsAre(0, 1, 2));

  for (const uint64_t config : {kPkg, kCores, kGpu, kRam, kPsys}) pmu_.Set(0, config, 1'000'000);
  Read(source);
  const std::vector<uint64_t> before(sample_->ticks.begin(), sample_->ticks.begin() + 5);
  pmu_.Set(0, kPkg, 1'000'002);
  pmu_.Set(0, kCores, 1'000'001);
  pmu_.Set(0, kGpu, 1'000'004);
  pmu_.Set(0, kRam, 1'000'003);
  pmu_.Set(0, kPsys, 1'000'005);
  Read(source);
  const uint64_t expected[] = {2, 1, 4, 3, 5};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(sample_->error[i], 0);
    EXPECT_EQ(sample_->ticks[i] - before[i], expected[i]) << i;
  }
  EXPECT_LE(sample_->before_ns, sample_->after_ns);
}

// One CPU of each package in the cpumask, not always its first.
TEST_F(PerfReaderTest, PackagesAreReadOnTheirOwnCpus) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  host.AddCpu({.cpu = 2, .package = 0, .core = 1}).AddCpu({.cpu = 3, .package = 1, .core = 1});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0,3", .events = {kEnergyPkg, kEnergyRam}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(LeaderCpus(), ElementsAre(0, 3));
  EXPECT_EQ((*sources)[1]->package().package_id, 1);
  EXPECT_EQ((*sources)[1]->package().reader_cpu, 3);
  EXPECT_THAT((*sources)[1]->package().cpus, ElementsAre(1, 3));
}

// The drivers of TPMI, and of MSRs since Linux 7.0, list every CPU: opening all would count a package once for each.
TEST_F(PerfReaderTest, ACpumaskOfAllCpusIsOneOpenPerPackage) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xAD);
  for (int cpu = 0; cpu < 8; ++cpu) host.AddCpu({.cpu = cpu, .package = cpu / 4, .die = cpu / 2 % 2, .core = cpu});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0-7", .events = {kEnergyPkg, kEnergyRam}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2))) << "and not one per die: each would show the whole package";
  EXPECT_THAT(LeaderCpus(), ElementsAre(0, 4));
  EXPECT_THAT((*sources)[0]->package().cpus, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT((*sources)[1]->package().cpus, ElementsAre(4, 5, 6, 7));
  EXPECT_EQ((*sources)[1]->package().die_id, -1) << "all of them";
}

TEST_F(PerfReaderTest, DiesAreReadApartWhereThePmuNamesEach) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1}).AddCpu({.cpu = 2, .die = 1, .core = 1});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0-1", .events = {kEnergyPkg}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(LeaderCpus(), ElementsAre(0, 1));
  EXPECT_EQ((*sources)[1]->package().die_id, 1);
}

// Half the energy of a host would look like all of it.
TEST_F(PerfReaderTest, APackageThatThePmuDoesNotNameIsNotLeftOut) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kNotFound, HasSubstr("names no CPU of package 1")));
  const auto probe = Probe(host);
  ASSERT_THAT(probe, IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT((*probe)[0].usable, IsOk());
}

// Kernels before 5.17 offered AMD hosts every event of Intel's; only the package's counts.
TEST_F(PerfReaderTest, OnAmdOnlyThePackageIsBelieved) {
  for (const CpuVendor vendor : {CpuVendor::kAmd, CpuVendor::kHygon}) {
    HostBuilder host(vendor, 0x17, 0x31);
    host.AddCpu({.cpu = 0, .die = 0}).AddCpu({.cpu = 1, .die = 1});
    AddPmu(host, {.name = "power",
                  .type = 9,
                  .cpumask = "0",
                  .events = {kEnergyPkg, kEnergyCores, kEnergyRam, kEnergyGpu, kEnergyPsys}});
    const auto sources = Open(host);
    ASSERT_THAT(sources, IsOkAndHolds(SizeIs(1)));
    EXPECT_THAT(DomainsOf(*sources->front()), ElementsAre(DomainId{RaplDomain::kPackage}));
    EXPECT_THAT(WhyAbsent(Probe(host)->front(), RaplDomain::kDram), HasSubstr("means nothing"));
  }
}

TEST_F(PerfReaderTest, AmdCoresAreReadEachOnItsCore) {
  HostBuilder host(CpuVendor::kAmd, 0x19, 0x11);
  host.AddCpu({.cpu = 0, .core = 0}).AddCpu({.cpu = 1, .core = 4});
  host.AddCpu({.cpu = 2, .core = 0}).AddCpu({.cpu = 3, .core = 4});
  AddPmu(host, {.name = "power", .type = 12, .cpumask = "0", .events = {kEnergyPkg}});
  AddPmu(host, {.name = "power_core", .type = 13, .cpumask = "0,3", .events = {kEnergyCore}});
  ASSERT_THAT(Open(host), IsOk());
  EXPECT_THAT(LeaderCpus(), ElementsAre(0)) << "cores cost an interrupt each: only when asked for";

  const auto sources = Open(host, /*per_core=*/true);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  EXPECT_THAT(LeaderCpus(), ElementsAre(0, 0, 0, 3));
  EXPECT_THAT(DomainsOf(source), ElementsAre(DomainId{RaplDomain::kPackage}, DomainId{RaplDomain::kCore, 0},
                                             DomainId{RaplDomain::kCore, 4}));
  Read(source);
  const std::vector<uint64_t> before(sample_->ticks.begin(), sample_->ticks.begin() + 3);
  pmu_.Set(3, 1, 77);
  Read(source);
  EXPECT_EQ(sample_->ticks[1], before[1]);
  EXPECT_EQ(sample_->ticks[2] - before[2], 77u);
}

// psys is one counter of the platform, and on servers one package carries it; the others' reads 0.
TEST_F(PerfReaderTest, PsysCountsOnceWhereItCounts) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x8F);
  host.AddCpu({.cpu = 0, .package = 0}).AddCpu({.cpu = 1, .package = 1}).AddCpu({.cpu = 2, .package = 2});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0-2", .events = {kEnergyPkg, kEnergyRam, kEnergyPsys}});
  pmu_.Hold(0, kPsys);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOkAndHolds(SizeIs(3)));
  const DomainId package{RaplDomain::kPackage};
  const DomainId dram{RaplDomain::kDram};
  EXPECT_THAT(DomainsOf(*(*sources)[0]), ElementsAre(package, dram));
  EXPECT_THAT(DomainsOf(*(*sources)[1]), ElementsAre(package, dram, DomainId{RaplDomain::kPsys}));
  EXPECT_THAT(DomainsOf(*(*sources)[2]), ElementsAre(package, dram));
  const auto probe = Probe(host);
  EXPECT_THAT(WhyAbsent((*probe)[0], RaplDomain::kPsys), HasSubstr("did not move in 1s"));
  EXPECT_THAT(WhyAbsent((*probe)[2], RaplDomain::kPsys), HasSubstr("counted on package 1"));
  // What is left is in the group, in order.
  Read(*(*sources)[0]);
  const uint64_t before = sample_->ticks[1];
  pmu_.Set(0, kRam, 2'000'000'000);
  EXPECT_GT(Read(*(*sources)[0]).ticks[1], before);
}

// Integrated graphics may sleep when we come; what never counted the kernel does not offer.
TEST_F(PerfReaderTest, SleepingGraphicsAreADomain) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  MakeClient(host);
  pmu_.Hold(0, kGpu);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(DomainsOf(*sources->front()), SizeIs(5));
}

TEST_F(PerfReaderTest, AFrozenPackageIsFound) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(CheckMoving(*sources->front(), pmu_.clock()), IsOk());
  pmu_.Hold(0, kPkg);
  EXPECT_THAT(CheckMoving(*sources->front(), pmu_.clock()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("perf power/energy-pkg/ on CPU 0"), HasSubstr("did not move"))));
}

TEST_F(PerfReaderTest, WhatCannotBeOpenedSaysWhy) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  MakeClient(host);
  host.Write("/proc/sys/kernel/perf_event_paranoid", "2\n");
  for (const int error : {EACCES, EPERM}) {
    pmu_.RefuseCpu(0, error);
    EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kPermissionDenied,
                                     AllOf(HasSubstr("power/energy-pkg/ on CPU 0"),
                                           HasSubstr("perf_event_paranoid is 2"), HasSubstr("CAP_PERFMON"))));
  }
  pmu_.RefuseCpu(0, ENODEV);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kNotFound, HasSubstr("offline")));
  pmu_.RefuseCpu(0, ENOENT);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kNotFound, HasSubstr("modprobe rapl")));
  pmu_.RefuseCpu(0, EINVAL);
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("power/energy-pkg/")));
  const auto probe = Probe(host);
  ASSERT_THAT(probe, IsOk());
  EXPECT_THAT(WhyAbsent(probe->front(), RaplDomain::kDram), HasSubstr("not tried"));

  pmu_.RefuseCpu(0, 0);
  pmu_.RefuseConfig(kRam, EINVAL);
  const auto without_dram = Open(host);
  ASSERT_THAT(without_dram, IsOk()) << "one domain less is no reason to do without the others";
  EXPECT_THAT(DomainsOf(*without_dram->front()), SizeIs(4));
  EXPECT_THAT(WhyAbsent(Probe(host)->front(), RaplDomain::kDram), HasSubstr("does not count this domain"));
}

TEST_F(PerfReaderTest, AnEventWithoutItsScaleIsAbsentAndThePackageNeedsIts) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  MakeClient(host);
  host.Write(PmuPath("power", "events/energy-ram.unit"), "mWatts\n");
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EXPECT_THAT(DomainsOf(*sources->front()), SizeIs(4));
  host.Write(PmuPath("power", "events/energy-pkg.unit"), "mWatts\n");
  EXPECT_THAT(Open(host), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("no package energy")));
}

// The tree of another host could be read, but the counts would be this machine's.
TEST_F(PerfReaderTest, AnotherHostsTreeIsNotThisMachinesPmu) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  MakeClient(host);
  const auto refused =
      StatusIs(absl::StatusCode::kUnimplemented, AllOf(HasSubstr("running kernel"), HasSubstr("no PMU")));
  EXPECT_THAT(OpenPerfSources(host.root()), refused);
  EXPECT_THAT(ProbePerf(host.root()), refused);
}

// TPMI's PMU shows a wraparound of the hardware as a step back.
TEST_F(PerfReaderTest, AWraparoundThatShowsAsAStepBackCounts) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xAD);
  host.AddCpu({.cpu = 0});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  constexpr uint64_t kScale = 262143;
  pmu_.Set(0, kPkg, ((uint64_t{1} << 32) - 1) * kScale);
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  Read(*sources->front());
  const uint64_t before = sample_->ticks[0];
  pmu_.Set(0, kPkg, 5 * kScale);
  Read(*sources->front());
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_EQ(sample_->ticks[0] - before, 6 * kScale);
}

TEST_F(PerfReaderTest, AFailedReadIsAnErrorAndAnotherCpuGoesOn) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .core = 1}).AddCpu({.cpu = 2, .core = 2});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg, kEnergyRam}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  Read(source);
  const uint64_t package_before = sample_->ticks[0];
  const uint64_t dram_before = sample_->ticks[1];

  pmu_.RefuseCpu(1, ENODEV);
  pmu_.RefuseCpu(0, ENODEV);
  pmu_.End(0);
  for (const int next : {0, 2}) {  // CPU 1 is refused, CPU 2 is not
    Read(source);
    EXPECT_EQ(sample_->error[0], ENODEV);
    EXPECT_EQ(sample_->error[1], ENODEV);
    EXPECT_EQ(sample_->ticks[0], package_before);
    EXPECT_EQ(source.package().reader_cpu, next);
  }
  pmu_.Set(2, kPkg, 30);
  pmu_.Set(2, kRam, 40);
  Read(source);
  EXPECT_EQ(sample_->error[0], EOVERFLOW) << "between the last good read and the new events nobody counted";
  EXPECT_EQ(sample_->ticks[0], package_before);
  pmu_.Set(2, kPkg, 60);
  pmu_.Set(2, kRam, 80);
  Read(source);
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_EQ(sample_->ticks[0] - package_before, 30u) << "since the new events were read, and nothing made up before";
  EXPECT_EQ(sample_->ticks[1] - dram_before, 40u);
  EXPECT_EQ(source.package().reader_cpu, 2);
}

TEST_F(PerfReaderTest, WhenNoCpuIsLeftItKeepsTryingAndComesBack) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .core = 1});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  const uint64_t before = Read(source).ticks[0];
  for (const int cpu : {0, 1}) pmu_.RefuseCpu(cpu, ENODEV);
  pmu_.End(0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Read(source).error[0], ENODEV);
  pmu_.Set(0, kPkg, 0);
  pmu_.RefuseCpu(0, 0);
  int tries = 0;
  while (Read(source).error[0] != EOVERFLOW && tries < 4) ++tries;
  EXPECT_LE(tries, 2) << "each CPU has its turn";
  pmu_.Set(0, kPkg, 5);
  EXPECT_EQ(Read(source).ticks[0], before + 5);
}

TEST_F(PerfReaderTest, ACpuThatCameSinceTakesOver) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0});
  AddPmu(host, {.name = "power", .type = 9, .cpumask = "0", .events = {kEnergyPkg}});
  const auto sources = Open(host);
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  const uint64_t before = Read(source).ticks[0];
  source.CoverCpus({});
  source.CoverCpus({7});
  pmu_.RefuseCpu(0, ENODEV);
  pmu_.End(0);
  EXPECT_EQ(Read(source).error[0], ENODEV);
  pmu_.Set(7, kPkg, 3);
  EXPECT_EQ(Read(source).error[0], EOVERFLOW);
  pmu_.Set(7, kPkg, 6);
  EXPECT_EQ(Read(source).error[0], 0);
  EXPECT_EQ(sample_->ticks[0], before + 3);
  EXPECT_EQ(source.package().reader_cpu, 7);
  source.CoverCpus({5, 6});
  Read(source);
  EXPECT_EQ(source.package().reader_cpu, 5) << "CPU 7 has left: the kernel keeps the events, near to any other";
  source.StartAnew();
  pmu_.Set(7, kPkg, 100);
  EXPECT_EQ(Read(source).error[0], EOVERFLOW);
  EXPECT_EQ(sample_->ticks[0], before + 3);
  EXPECT_THAT(source.package().cpus, ElementsAre(0)) << "those at the start";
}

// The same code on events that this kernel counts: the CPU's clock stands for a package of 1 W.
class PerfReaderOnRealEventsTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS_PERF_EVENTS();
    const std::vector<int> cpus = AllowedCpus();
    host_.AddCpu({.cpu = cpus.front(), .core = 0});
    if (cpus.back() != cpus.front()) host_.AddCpu({.cpu = cpus.back(), .core = 1});
    AddPmu(host_, {.name = "power",
                   .type = PERF_TYPE_SOFTWARE,
                   .cpumask = std::to_string(cpus.front()),
                   .events = {{.name = "energy-pkg", .terms = "event=0", .scale = "1e-9"},
                              {.name = "energy-cores", .terms = "event=1", .scale = "1e-9"},
                              {.name = "energy-gpu", .terms = "event=2", .scale = "1e-9"},
                              {.name = "energy-ram", .terms = "event=9", .scale = "1e-9"}},
                   .format = "config:0-63"});
  }
  std::unique_ptr<EnergySource> OpenOne(const Clock& clock) {
    auto sources = OpenPerfSources(host_.root(), {.clock = &clock, .events = &kernel_});
    EXPECT_THAT(sources, IsOk());
    return sources.ok() ? std::move(sources->front()) : nullptr;
  }

  HostBuilder host_{CpuVendor::kIntel, 6, 0x9E};
  SimulatedClock simulated_;
  RememberingKernel kernel_;
  std::unique_ptr<EnergySample> sample_ = std::make_unique<EnergySample>();
};

TEST_F(PerfReaderOnRealEventsTest, CountsAndDropsWhatStandsStill) {
  // The waiting for DRAM, which is an event that never counts here, passes on a simulated clock.
  ASSERT_NE(OpenOne(simulated_), nullptr);
  auto probe = ProbePerf(host_.root(), {.clock = &simulated_, .events = &kernel_});
  ASSERT_THAT(probe, IsOk());
  EXPECT_THAT(WhyAbsent(probe->front(), RaplDomain::kDram), HasSubstr("did not move"));
  EXPECT_EQ(WhyAbsent(probe->front(), RaplDomain::kCores), "present");

  host_.Remove(PmuPath("power", "events/energy-ram"));
  const std::unique_ptr<EnergySource> source = OpenOne(RealClock());
  ASSERT_NE(source, nullptr);
  EXPECT_THAT(CheckMoving(*source, RealClock()), IsOk());
  source->Read(*sample_);
  const EnergySample first = *sample_;
  Fault(300);
  source->Read(*sample_);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(sample_->error[i], 0) << i;
  const auto clock_ns = static_cast<double>(sample_->ticks[0] - first.ticks[0]);
  EXPECT_GE(clock_ns, 0.98 * static_cast<double>(sample_->before_ns - first.after_ns) - 1e5);
  EXPECT_LE(clock_ns, 1.02 * static_cast<double>(sample_->after_ns - first.before_ns) + 1e5);
  EXPECT_GT(sample_->ticks[1], first.ticks[1]);
}

TEST_F(PerfReaderOnRealEventsTest, GoesOnElsewhereWithoutAllocating) {
  host_.Remove(PmuPath("power", "events/energy-ram"));
  const std::unique_ptr<EnergySource> source = OpenOne(RealClock());
  ASSERT_NE(source, nullptr);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
#ifdef COUNTS_ALLOCATIONS
  const int before = allocations;
  ASSERT_GT(before, 0) << "they are counted";
#endif
  for (int i = 0; i < 100; ++i) source->Read(*sample_);
  ASSERT_EQ(sample_->error[0], 0);
  const uint64_t ticks = sample_->ticks[0];
  const int reader_cpu = source->package().reader_cpu;

  ASSERT_EQ(::dup2(null.get(), kernel_.leader), kernel_.leader);  // the kernel ends the group
  source->Read(*sample_);
  EXPECT_EQ(sample_->error[0], ENODEV);
  EXPECT_EQ(sample_->ticks[0], ticks);
  source->Read(*sample_);
  EXPECT_EQ(sample_->error[0], EOVERFLOW) << "nobody counted in between";
  const EnergySample anew = *sample_;
  source->Read(*sample_);
#ifdef COUNTS_ALLOCATIONS
  const int after = allocations;
  EXPECT_EQ(after, before);
#endif
  EXPECT_EQ(sample_->error[0], 0);
  EXPECT_GT(sample_->ticks[0], ticks) << "counts on from the total";
  EXPECT_LE(static_cast<double>(sample_->ticks[0] - ticks),
            1.02 * static_cast<double>(sample_->after_ns - anew.before_ns) + 1e5);
  if (source->package().cpus.size() > 1) {
    EXPECT_NE(source->package().reader_cpu, reader_cpu);
  }
}

}  // namespace
}  // namespace vrapl
