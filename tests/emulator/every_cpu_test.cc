// Every row of the CPU table as a host: opened and read by what vrapl reads real hardware with, to the tick.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "emulator/emulator.h"
#include "msr/rapl_model.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/emulator/true_ticks.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using Sources = std::vector<std::unique_ptr<EnergySource>>;

constexpr double kSeconds = 20;
constexpr double kPeriodSeconds = 1e-3 + 2 * 20e-6;  // the longest between two updates

const char* Vendor(CpuVendor vendor) {
  return vendor == CpuVendor::kIntel ? "intel" : vendor == CpuVendor::kAmd ? "amd" : "hygon";
}

class EveryCpuTest : public testing::TestWithParam<const RaplModel*> {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    const RaplModel& row = *GetParam();
    absl::StatusOr<CpuProfile> cpu = ParseCpu(absl::StrCat(Vendor(row.vendor), ":", RowName(row)));
    ASSERT_THAT(cpu, IsOk());
    cpu_ = *std::move(cpu);
    EmulatedHostOptions& host = options_.host;
    host.cpu = &cpu_;
    host.packages = 2;
    host.cores = MadeUpCores(4, 2);
    host.power = {*PowerSpec::Parse("square:40W,120W,10ms")};
    host.dram = *DramPower::Parse("const:7W");
    host.start_ticks = 0xFFFF'FF00;  // every counter wraps around soon
    host.clock = &clock_;
    absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir_.path(), options_);
    ASSERT_THAT(emulator, IsOk());
    emulator_ = *std::move(emulator);
  }
  HostRoot Root() const { return HostRoot(dir_.path()); }

  std::map<std::string, uint64_t> Truth(size_t package) { return TrueTicks(emulator_->host(), package); }

  SimulatedClock clock_;
  TempDir dir_;
  CpuProfile cpu_;
  EmulatorOptions options_;
  std::unique_ptr<Emulator> emulator_;
};

TEST_P(EveryCpuTest, VraplReadsWhatWasEmulated) {
  const RaplModel& row = *GetParam();
  absl::StatusOr<Sources> sources = OpenMsrSources(Root(), {.per_core = true, .clock = &clock_});
  ASSERT_THAT(sources, IsOk());
  ASSERT_EQ(sources->size(), 2U);
  std::vector<EnergySample> first(2);
  std::vector<EnergySample> last(2);
  std::vector<std::map<std::string, uint64_t>> before(2);
  for (size_t p = 0; p < 2; ++p) {
    (*sources)[p]->Read(first[p]);
    before[p] = Truth(p);
  }
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(static_cast<int64_t>(kSeconds / 20 * 1e9));
    for (size_t p = 0; p < 2; ++p) (*sources)[p]->Read(last[p]);
  }
  for (size_t p = 0; p < 2; ++p) {
    const PackageInfo& package = (*sources)[p]->package();
    std::map<std::string, uint64_t> after = Truth(p);
    EXPECT_EQ(package.domains.size(), after.size()) << "every domain of the row is there, and no other";
    double cores_j = 0;
    double package_j = 0;
    for (size_t d = 0; d < package.domains.size(); ++d) {
      const DomainInfo& domain = package.domains[d];
      const std::string name = DomainName(domain.id);
      EXPECT_TRUE(row.Has(domain.id.domain)) << name;
      ASSERT_TRUE(after.contains(name)) << name;
      EXPECT_EQ(last[p].error[d], 0) << name;
      const uint64_t ticks = last[p].ticks[d] - first[p].ticks[d];
      EXPECT_EQ(ticks, after[name] - before[p][name]) << name << " of package " << p;

      // By the power that was asked for: ticks of a wrong size would not make it.
      const std::map<RaplDomain, double> watts = {{RaplDomain::kPackage, 80}, {RaplDomain::kCores, 32},
                                                  {RaplDomain::kUncore, 0.5}, {RaplDomain::kDram, 7},
                                                  {RaplDomain::kPsys, 184},   {RaplDomain::kCore, 16}};
      const double joules = (EnergyTicks{ticks} * domain.unit).value;
      const double peak_w = 2 * watts.at(domain.id.domain) + 10;
      EXPECT_NEAR(joules, watts.at(domain.id.domain) * kSeconds,
                  peak_w * kPeriodSeconds * 2 + domain.unit.joules_per_tick)
          << name;
      if (domain.id.domain == RaplDomain::kCore) cores_j += joules;
      if (domain.id.domain == RaplDomain::kPackage) package_j = joules;
    }
    EXPECT_LE(cores_j, package_j);
  }
}

// The zones show the same ticks in the kernel's own, truncated unit.
TEST_P(EveryCpuTest, PowercapShowsTheSameWhereTheKernelHasIt) {
  absl::StatusOr<Sources> sources = OpenPowercapSources(Root(), clock_);
  if (!cpu_.powercap) {
    EXPECT_FALSE(sources.ok());
    return;
  }
  ASSERT_THAT(sources, IsOk());
  ASSERT_EQ(sources->size(), 2U);
  for (size_t p = 0; p < 2; ++p) {
    const PackageInfo& package = (*sources)[p]->package();
    EnergySample first;
    EnergySample last;
    (*sources)[p]->Read(first);
    std::map<std::string, uint64_t> before = Truth(p);
    for (int i = 0; i < 20; ++i) {
      clock_.Advance(static_cast<int64_t>(kSeconds / 20 * 1e9));
      (*sources)[p]->Read(last);
    }
    std::map<std::string, uint64_t> after = Truth(p);
    size_t expected = 0;
    for (const DomainProfile& domain : cpu_.domains) {
      expected += domain.domain == RaplDomain::kPsys && p > 0 ? 0 : 1;
    }
    EXPECT_EQ(package.domains.size(), expected);
    for (size_t d = 0; d < package.domains.size(); ++d) {
      const RaplDomain id = package.domains[d].id.domain;
      const DomainProfile* profile = nullptr;
      for (const DomainProfile& each : cpu_.domains) {
        if (each.domain == id) profile = &each;
      }
      ASSERT_NE(profile, nullptr) << DomainName(id);
      const std::string name = id == RaplDomain::kCore ? DomainName(package.domains[d].id) : DomainName(id);
      ASSERT_TRUE(after.contains(name)) << name;
      const double microjoules =
          static_cast<double>(after[name] - before[name]) * static_cast<double>(profile->powercap_tick_nj) / 1e3;
      // Two readings, each cut to whole microjoules, and one wraparound.
      EXPECT_EQ(last.error[d], 0) << name;
      EXPECT_NEAR(static_cast<double>(last.ticks[d] - first.ticks[d]), microjoules, 2) << name;
    }
  }
}

std::vector<const RaplModel*> Rows() {
  std::vector<const RaplModel*> rows;
  for (const RaplModel& row : RaplModels()) rows.push_back(&row);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Rows, EveryCpuTest, testing::ValuesIn(Rows()),
                         [](const testing::TestParamInfo<const RaplModel*>& row) {
                           const std::string name = RowName(*row.param);
                           return absl::StrCat(Vendor(row.param->vendor), "_",
                                               name.ends_with('*') ? name.substr(0, 3) + "any" : name);
                         });

}  // namespace
}  // namespace vrapl
