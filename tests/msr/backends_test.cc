// Both backends on the same emulated hosts: the energy that was used is the energy they read, whatever the CPU counts
// it in. The emulator has a table of units of its own, so that a wrong one here does not cancel out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "emulator/emulated_host.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "tests/count_allocations.h"
#include "tests/fakes/host_builder.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using Sources = std::vector<std::unique_ptr<EnergySource>>;

class BackendsTest : public testing::TestWithParam<CpuProfile> {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    const absl::StatusOr<PowerSpec> power = PowerSpec::Parse("const:80W");
    ASSERT_THAT(power, IsOk());
    EmulatedHostOptions options;
    options.cpu = &GetParam();
    options.packages = 2;
    options.cores = {{.core_id = 0, .cpus = {0}}, {.core_id = 1, .cpus = {1}}};
    options.power = {*power};
    options.start_ticks = 0xFFFF'F000;  // each counter wraps around soon
    options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<EmulatedHost>> host = EmulatedHost::Create(options);
    ASSERT_THAT(host, IsOk());
    host_ = *std::move(host);
    const std::string mount = directory_.root().Path("/mount");
    std::filesystem::create_directory(mount);
    absl::StatusOr<std::unique_ptr<HostFs>> mounted = HostFs::Mount(mount, host_->Tree(), host_.get());
    ASSERT_THAT(mounted, IsOk());
    mounted_ = *std::move(mounted);
    root_ = HostRoot(mount);
  }

  // Joules of each domain of each package in 2 s, by reads 10 ms apart.
  std::vector<std::map<DomainId, double>> Measure(const Sources& sources) {
    std::vector<EnergySample> samples(sources.size());
    const auto read_all = [&] {
      for (size_t i = 0; i < sources.size(); ++i) {
        sources[i]->Read(samples[i]);
        for (size_t d = 0; d < sources[i]->package().domains.size(); ++d) EXPECT_EQ(samples[i].error[d], 0);
      }
    };
    const auto joules = [&](size_t i, size_t d) {
      return (EnergyTicks{samples[i].ticks[d]} * sources[i]->package().domains[d].unit).value;
    };
    read_all();
    std::vector<std::map<DomainId, double>> used(sources.size());
    for (size_t i = 0; i < sources.size(); ++i) {
      const std::vector<DomainInfo>& domains = sources[i]->package().domains;
      for (size_t d = 0; d < domains.size(); ++d) used[i][domains[d].id] = -joules(i, d);
    }
    for (int step = 0; step < 200; ++step) {
      clock_.Advance(10 * kNanosPerMilli);
      read_all();
    }
    for (size_t i = 0; i < sources.size(); ++i) {
      const std::vector<DomainInfo>& domains = sources[i]->package().domains;
      for (size_t d = 0; d < domains.size(); ++d) used[i][domains[d].id] += joules(i, d);
    }
    return used;
  }

  HostBuilder directory_{CpuVendor::kIntel, 6, 0x55};  // only for a directory to mount in
  SimulatedClock clock_;
  std::unique_ptr<EmulatedHost> host_;
  std::unique_ptr<HostFs> mounted_;
  HostRoot root_;
};

constexpr double kSeconds = 2;
constexpr double kPackageJoules = 80 * kSeconds;
constexpr double kUpdateJoules = 80e-3 * 1.1;  // an update more or less at either end

TEST_P(BackendsTest, MsrReadsWhatWasUsed) {
  const absl::StatusOr<Sources> sources = OpenMsrSources(root_, {.clock = &clock_});
  ASSERT_THAT(sources, IsOkAndHolds(testing::SizeIs(2)));
  for (const std::map<DomainId, double>& used : Measure(*sources)) {
    EXPECT_NEAR(used.at({RaplDomain::kPackage}), kPackageJoules, kUpdateJoules);
    const auto dram = used.find({RaplDomain::kDram});
    if (dram != used.end()) {
      EXPECT_NEAR(dram->second, kPackageJoules / 10, kUpdateJoules / 10);
    }
  }
}

TEST_P(BackendsTest, SysfsReadsTheSameButForTheKernelsRounding) {
  const absl::StatusOr<Sources> msr_sources = OpenMsrSources(root_, {.clock = &clock_});
  const absl::StatusOr<Sources> sources = OpenPowercapSources(root_, clock_);
  ASSERT_THAT(msr_sources, IsOk());
  ASSERT_THAT(sources, IsOkAndHolds(testing::SizeIs(msr_sources->size())));
  for (const std::map<DomainId, double>& used : Measure(*sources)) {
    // Units are cut to whole nanojoules: 183 ppm at 2^-18 J.
    EXPECT_NEAR(used.at({RaplDomain::kPackage}), kPackageJoules, kUpdateJoules + 183e-6 * kPackageJoules);
    const auto dram = used.find({RaplDomain::kDram});
    if (dram == used.end()) continue;
    const RaplModel* model = FindRaplModel(GetParam().vendor, GetParam().family, GetParam().model);
    const double kernels = model->dram_unit_joules ? 15'300e-9 / *model->dram_unit_joules : 1;  // 0.27 % more
    EXPECT_NEAR(dram->second, kPackageJoules / 10 * kernels, kUpdateJoules / 10 + 183e-6 * kPackageJoules / 10);
  }
  // Where both have a domain, it is one of the same name and package. AMD's "core" is only asked of sysfs here.
  for (size_t i = 0; i < sources->size(); ++i) {
    EXPECT_EQ((*sources)[i]->package().package_id, (*msr_sources)[i]->package().package_id);
    EXPECT_EQ((*sources)[i]->package().cpus, (*msr_sources)[i]->package().cpus);
    for (const DomainInfo& domain : (*msr_sources)[i]->package().domains) {
      const std::vector<DomainInfo>& others = (*sources)[i]->package().domains;
      EXPECT_TRUE(std::any_of(others.begin(), others.end(), [&](const DomainInfo& other) {
        return other.id == domain.id;
      })) << DomainName(domain.id);
    }
  }
}

#ifdef COUNTS_ALLOCATIONS
TEST_P(BackendsTest, ReadingAllocatesNothing) {
  absl::StatusOr<Sources> msr_sources = OpenMsrSources(root_, {.clock = &clock_});
  absl::StatusOr<Sources> sysfs_sources = OpenPowercapSources(root_, clock_);
  ASSERT_THAT(msr_sources, IsOk());
  ASSERT_THAT(sysfs_sources, IsOk());
  const auto sample = std::make_unique<EnergySample>();
  const int before = allocations;
  ASSERT_GT(before, 0) << "they are counted";
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(kNanosPerMilli);
    msr_sources->front()->Read(*sample);
    sysfs_sources->front()->Read(*sample);
  }
  EXPECT_EQ(allocations, before);
}
#endif

INSTANTIATE_TEST_SUITE_P(Cpus, BackendsTest, testing::ValuesIn(CpuProfiles().begin(), CpuProfiles().end()),
                         [](const testing::TestParamInfo<CpuProfile>& profile) {
                           std::string name;
                           for (const char c : std::string(profile.param.name))
                             name += absl::ascii_isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace vrapl
