// Each fault through the mount, and what vrapl's msr source makes of it: an error while it lasts, and afterwards totals
// that are right again to the tick.
#include "emulator/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/host_root.h"
#include "base/topology.h"
#include "emulator/emulator.h"
#include "msr/rapl_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/emulator/true_ticks.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Sources = std::vector<std::unique_ptr<EnergySource>>;

constexpr int64_t kMs = kNanosPerMilli;

class FaultTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    options_.host.cpu = FindCpuProfile("haswell");
    options_.host.packages = 2;
    options_.host.cores = MadeUpCores(4, 1);
    options_.host.power = {*PowerSpec::Parse("const:80W")};
    options_.host.start_ticks = 1'000'000'000;
    options_.host.clock = &clock_;
  }
  void Start(const std::vector<std::string>& faults) {
    for (const std::string& spec : faults) {
      const absl::StatusOr<Fault> fault = Fault::Parse(spec);
      ASSERT_THAT(fault, IsOk());
      options_.host.faults.push_back(*fault);
    }
    absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir_.path(), options_);
    ASSERT_THAT(emulator, IsOk());
    emulator_ = *std::move(emulator);
    start_ns_ = clock_.NowNs();
  }
  void Open() {
    absl::StatusOr<Sources> sources = OpenMsrSources(Root(), {.clock = &clock_});
    ASSERT_THAT(sources, IsOk());
    sources_ = *std::move(sources);
    first_.resize(sources_.size());
    at_first_.resize(sources_.size());
    for (size_t p = 0; p < sources_.size(); ++p) {
      sources_[p]->Read(first_[p]);
      for (const int32_t error : first_[p].error) ASSERT_EQ(error, 0);
      at_first_[p] = Truth(p);
    }
  }
  // To `ms` after the start of the emulation.
  void GoTo(int64_t ms) { clock_.Advance(start_ns_ + ms * kMs - clock_.NowNs()); }

  struct Got {
    int error = 0;
    uint64_t ticks = 0;  // since the first read
    uint64_t truth = 0;
  };
  Got Read(size_t package, RaplDomain domain) {
    EnergySample sample;
    sources_[package]->Read(sample);
    std::map<std::string, uint64_t> truth = Truth(package);
    const std::vector<DomainInfo>& domains = sources_[package]->package().domains;
    for (size_t d = 0; d < domains.size(); ++d) {
      if (domains[d].id.domain != domain) continue;
      const std::string name = DomainName(domain);
      return {.error = sample.error[d],
              .ticks = sample.ticks[d] - first_[package].ticks[d],
              .truth = truth[name] - at_first_[package][name]};
    }
    ADD_FAILURE() << "no " << DomainName(domain);
    return {};
  }
  // It is read without error, and all that was used since the first read has been counted.
  void ExpectRight(size_t package, RaplDomain domain) {
    const Got got = Read(package, domain);
    EXPECT_EQ(got.error, 0) << DomainName(domain) << " of package " << package;
    EXPECT_EQ(got.ticks, got.truth) << DomainName(domain) << " of package " << package;
    EXPECT_GT(got.truth, 0U);
  }

  HostRoot Root() const { return HostRoot(dir_.path()); }
  std::map<std::string, uint64_t> Truth(size_t package) { return TrueTicks(emulator_->host(), package); }

  SimulatedClock clock_;
  TempDir dir_;
  EmulatorOptions options_;
  std::unique_ptr<Emulator> emulator_;
  int64_t start_ns_ = 0;
  Sources sources_;
  std::vector<EnergySample> first_;
  std::vector<std::map<std::string, uint64_t>> at_first_;
};

constexpr RaplDomain kPackage = RaplDomain::kPackage;
constexpr RaplDomain kDram = RaplDomain::kDram;

TEST_F(FaultTest, EioIsAnErrorOfThatDomainAndPackageOnly) {
  Start({"eio:dram/package1@1s+1s"});
  Open();
  GoTo(900);
  const Got before = Read(1, kDram);
  GoTo(1500);
  const Got during = Read(1, kDram);
  EXPECT_EQ(during.error, EIO);
  EXPECT_EQ(during.ticks, before.ticks) << "a failed read is never a zero, and moves nothing";
  ExpectRight(1, kPackage);
  ExpectRight(0, kDram);
  GoTo(2000);
  ExpectRight(1, kDram);
}

TEST_F(FaultTest, ZeroIsNoWraparound) {
  Start({"zero:0x611/package0@1s+1s"});
  Open();
  for (int64_t ms = 1000; ms < 2000; ++ms) {  // as often as a run reads: it must not pass for a counter that was reset
    GoTo(ms);
    const Got got = Read(0, kPackage);
    EXPECT_NE(got.error, 0) << ms;
    EXPECT_LE(got.ticks, got.truth) << ms;
  }
  ExpectRight(1, kPackage);
  GoTo(2001);
  ExpectRight(0, kPackage);
}

TEST_F(FaultTest, DirtyUpperHalfIsMasked) {
  Start({"dirty:package@1s"});
  Open();
  for (int64_t ms = 1000; ms < 1100; ms += 7) {
    GoTo(ms);
    EXPECT_NE(emulator_->host().Read(0, kMsrPkgEnergyStatus).value >> 32, 0U);
    ExpectRight(0, kPackage);
  }
}

TEST_F(FaultTest, AStepBackThatIsTakenBackLosesNothing) {
  Start({"backwards:package=500J@1s+20ms"});
  Open();
  GoTo(1010);
  const Got got = Read(0, kPackage);
  EXPECT_NE(got.error, 0) << "read as a wraparound it would be 262 kJ";
  EXPECT_LE(got.ticks, got.truth);
  ExpectRight(0, kDram);
  GoTo(1020);
  ExpectRight(0, kPackage);
}

// The counter itself has gone back, by 500 J: more than is used while vrapl gets over it.
TEST_F(FaultTest, AStepBackForGoodIsSaidAndThenCountedOnFrom) {
  Start({"backwards:package/package1=8192000@1s"});
  Open();
  GoTo(999);
  ExpectRight(1, kPackage);
  int errors = 0;
  Got got;
  int64_t ms = 1000;
  for (; ms < 1100; ++ms) {
    GoTo(ms);
    got = Read(1, kPackage);
    EXPECT_LE(got.ticks, got.truth) << "never more than was used";
    errors += got.error != 0 ? 1 : 0;
    if (errors > 0 && got.error == 0) break;
  }
  EXPECT_GT(errors, 0);
  ASSERT_EQ(got.error, 0) << "it stays an error for ever";
  const Got after = got;
  GoTo(3000);
  got = Read(1, kPackage);
  EXPECT_EQ(got.error, 0);
  EXPECT_EQ(got.ticks - after.ticks, got.truth - after.truth) << "from there on every tick counts";
  ExpectRight(0, kPackage);
}

TEST_F(FaultTest, FreezeStandsStillAndThenShowsAll) {
  Start({"freeze:dram/package0@1s+1s"});
  Open();
  GoTo(1001);
  const Got frozen = Read(0, kDram);
  GoTo(1999);
  EXPECT_EQ(Read(0, kDram).ticks, frozen.ticks);
  EXPECT_EQ(Read(0, kDram).error, 0);
  ExpectRight(1, kDram);
  ExpectRight(0, kPackage);
  GoTo(2002);
  ExpectRight(0, kDram);
  EXPECT_GT(Read(0, kDram).ticks, frozen.ticks + 100'000) << "what was used meanwhile: 8 J";
}

TEST_F(FaultTest, FreezeOfAllStillHasItsOldForm) {
  Start({"freeze:1s+1s"});
  Open();
  GoTo(1001);
  const uint64_t package = Read(0, kPackage).ticks;
  GoTo(1900);
  EXPECT_EQ(Read(0, kPackage).ticks, package);
  GoTo(2002);
  ExpectRight(0, kPackage);
}

TEST_F(FaultTest, ZeroUnitIsRefused) {
  Start({"zero-unit/package1"});
  EXPECT_THAT(OpenMsrSources(Root(), {.clock = &clock_}),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("unit register is 0")));
  const absl::StatusOr<MsrProbe> probe = ProbeMsr(Root(), {.clock = &clock_});
  ASSERT_THAT(probe, IsOk());
  EXPECT_THAT(probe->packages[0].usable, IsOk());
  EXPECT_FALSE(probe->packages[1].usable.ok());
}

TEST_F(FaultTest, AnotherCpuTakesOverFromOneThatGoesOffline) {
  Start({"offline:cpu0@1s"});
  Open();
  EXPECT_EQ(sources_[0]->package().reader_cpu, 0);
  GoTo(1500);
  ExpectRight(0, kPackage);
  EXPECT_EQ(sources_[0]->package().reader_cpu, 1);
  ExpectRight(0, kDram);
  ExpectRight(1, kPackage);
}

TEST_F(FaultTest, APackageWithoutCpusIsAnErrorUntilOneIsBack) {
  Start({"offline:cpu2@1s", "offline:cpu3@1s", "online:cpu3@2s"});
  Open();
  GoTo(1500);
  EXPECT_EQ(Read(1, kPackage).error, ENXIO);
  EXPECT_EQ(Read(1, kDram).error, ENXIO);
  ExpectRight(0, kPackage);
  GoTo(2500);
  // Each failed read tries one more CPU, so that it may take as many reads as there are CPUs.
  (void)Read(1, kPackage);
  ExpectRight(1, kPackage);
  ExpectRight(1, kDram);
  EXPECT_EQ(sources_[1]->package().reader_cpu, 3);
}

TEST_F(FaultTest, TopologyComesAndGoesWithTheCpu) {
  Start({"online:cpu1@1s", "offline:cpu2@2s"});
  const auto cpus = [this] {
    std::vector<std::vector<int>> all;
    const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(Root(), CpuVendor::kIntel);
    EXPECT_THAT(topology, IsOk());
    for (const PackageTopology& package : *topology) all.push_back(package.cpus);
    return all;
  };
  const std::string topology = dir_.path() + "/sys/devices/system/cpu/cpu1/topology";
  using V = std::vector<int>;
  EXPECT_THAT(cpus(), ElementsAre(V{0}, V{2, 3}));
  EXPECT_FALSE(ListDirectory(topology).ok());
  GoTo(1000);
  EXPECT_THAT(cpus(), ElementsAre(V{0, 1}, V{2, 3}));
  EXPECT_THAT(ReadSmallFile(topology + "/package_cpus_list"), IsOkAndHolds("0-1"));
  GoTo(2000);
  EXPECT_THAT(cpus(), ElementsAre(V{0, 1}, V{3}));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/devices/system/cpu/cpu3/topology/package_cpus_list"),
              IsOkAndHolds("3"));
  EXPECT_THAT(ReadSmallFile(dir_.path() + "/sys/devices/system/cpu/cpu2/online"), IsOkAndHolds("0"));
}

TEST_F(FaultTest, RefusesWhatThisHostHasNot) {
  for (const auto& [spec, message] : std::map<std::string, std::string>{{"eio:psys", "haswell does not count psys"},
                                                                        {"eio:dram/package2", "no package 2"},
                                                                        {"offline:cpu9", "no cpu9"},
                                                                        {"backwards:0x606=5", "no counter"}}) {
    options_.host.faults = {*Fault::Parse(spec)};
    EXPECT_THAT(EmulatedHost::Create(options_.host), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << spec;
  }
}

// ---- the words ----

TEST(FaultWordsTest, Parses) {
  using Kind = Fault::Kind;
  absl::StatusOr<Fault> fault = Fault::Parse("eio:0xC001029B@1s+500ms");
  ASSERT_THAT(fault, IsOk());
  EXPECT_EQ(fault->address, kAmdPkgEnergyStatus);
  EXPECT_FALSE(fault->At(1000 * kMs - 1));
  EXPECT_TRUE(fault->At(1000 * kMs));
  EXPECT_FALSE(fault->At(1500 * kMs));
  fault = Fault::Parse("backwards:dram/package3=2.5J@1s");
  ASSERT_THAT(fault, IsOk());
  EXPECT_EQ(fault->kind, Kind::kBackwards);
  EXPECT_EQ(fault->domain, kDram);
  EXPECT_EQ(fault->package_id, 3);
  EXPECT_EQ(TickSize::PowerOfTwo(1).WholeTicks(fault->energy), 5U);
  EXPECT_EQ(Fault::Parse("backwards:0x611=7")->ticks, 7U);
  EXPECT_EQ(Fault::Parse("zero-unit@1s")->kind, Kind::kZeroUnit);
  EXPECT_EQ(Fault::Parse("freeze@1s")->from_ns, 1000 * kMs);
  for (const char* bad : {"",
                          "eio",
                          "eio:619",
                          "eio:0x",
                          "eio:0x0",
                          "offline:1",
                          "offline:cpu-1",
                          "freeze",
                          "freeze:5",
                          "melt:now",
                          "eio:0x611@soon",
                          "backwards:dram",
                          "backwards:dram=0",
                          "backwards:dram=-1J",
                          "eio:dram=5J",
                          "eio:dram/1",
                          "eio:dram/package",
                          "zero-unit:0x606",
                          "online:cpu1",
                          "online:cpu1@1s+1s",
                          "offline:cpu1/package0",
                          "eio:@1s"}) {
    EXPECT_THAT(Fault::Parse(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not a fault"))) << bad;
  }
}

TEST(FaultWordsTest, OnlineEndsOfflineOrBeginsWithIt) {
  const auto join = [](const std::vector<std::string>& specs) {
    std::vector<Fault> faults;
    for (const std::string& spec : specs) faults.push_back(*Fault::Parse(spec));
    std::vector<std::pair<int64_t, int64_t>> spans;
    for (const Fault& fault : JoinOnline(faults)) spans.emplace_back(fault.from_ns / kMs, fault.until_ns / kMs);
    return spans;
  };
  using Span = std::pair<int64_t, int64_t>;
  EXPECT_THAT(join({"online:cpu1@3s"}), ElementsAre(Span(0, 3000)));
  EXPECT_THAT(join({"offline:cpu1@1s", "online:cpu1@3s"}), ElementsAre(Span(1000, 3000)));
  EXPECT_THAT(join({"online:cpu1@1s", "offline:cpu1@2s", "online:cpu1@3s"}),
              testing::UnorderedElementsAre(Span(0, 1000), Span(2000, 3000)));
  EXPECT_THAT(join({"offline:cpu1@1s+1s", "online:cpu1@3s"}), ElementsAre(Span(1000, 2000)));
  EXPECT_THAT(join({}), IsEmpty());
}

}  // namespace
}  // namespace vrapl
