#include "emulator/emulated_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kSecond = kNanosPerSecond;

// Each CPU has been busy for this part of the time.
class SteadyBusyTime final : public BusyTime {
 public:
  std::map<int, double> share;

  absl::string_view name() const override { return "test"; }
  int64_t upkeep_ns() const override { return kSecond; }
  int64_t BusyNs(int cpu, int64_t t_ns) override {
    EXPECT_GE(t_ns, last_ns_) << "went backwards";
    last_ns_ = t_ns;
    return static_cast<int64_t>(share[cpu] * static_cast<double>(t_ns));
  }

 private:
  int64_t last_ns_ = 0;
};

class EmulatedHostTest : public testing::Test {
 protected:
  EmulatedHostTest() {
    options_.cpu = FindCpuProfile("skylake-sp");
    options_.cores = {{.core_id = 0, .cpus = {0, 4}},
                      {.core_id = 1, .cpus = {1, 5}},
                      {.core_id = 2, .cpus = {2, 6}},
                      {.core_id = 3, .cpus = {3, 7}}};
    options_.clock = &clock_;
    Power("const:80W");
  }

  void Power(const std::string& text) {
    absl::StatusOr<PowerSpec> spec = PowerSpec::Parse(text);
    ASSERT_THAT(spec, IsOk());
    options_.power = {*spec};
  }
  void Fault(const std::string& text) {
    absl::StatusOr<vrapl::Fault> fault = vrapl::Fault::Parse(text);
    ASSERT_THAT(fault, IsOk());
    options_.faults.push_back(*fault);
  }
  void Create() {
    absl::StatusOr<std::unique_ptr<EmulatedHost>> host = EmulatedHost::Create(options_);
    ASSERT_THAT(host, IsOk());
    host_ = *std::move(host);
  }
  uint64_t Read(int cpu, MsrAddress address) {
    const RegisterRead read = host_->Read(cpu, address);
    EXPECT_EQ(read.error, 0) << "cpu" << cpu << " register " << std::hex << address;
    return read.value;
  }
  int Error(int cpu, MsrAddress address) { return host_->Read(cpu, address).error; }
  Json Truth() { return Json::parse(host_->Truth()); }

  SimulatedClock clock_;
  SteadyBusyTime busy_;
  EmulatedHostOptions options_;
  std::unique_ptr<EmulatedHost> host_;
};

TEST_F(EmulatedHostTest, CountsInTicksFromWhereItStarts) {
  options_.start_ticks = 1000;
  Create();
  EXPECT_EQ(Read(0, kMsrPkgEnergyStatus), 1000U);
  clock_.Advance(10 * kSecond);
  // The last update was at most one period and its jitter ago.
  const double per_ms = 80e-3 * (1 << 14);
  EXPECT_NEAR(static_cast<double>(Read(0, kMsrPkgEnergyStatus)), 1000 + 80.0 * 10 * (1 << 14), 1.05 * per_ms);
  EXPECT_NEAR(static_cast<double>(Read(0, kMsrDramEnergyStatus)), 1000 + 8.0 * 10 * (1 << 16), 1.05 * per_ms);
  EXPECT_EQ(Read(0, kMsrRaplPowerUnit), 0xA0E03U);
  EXPECT_EQ(Read(0, kMsrPkgPowerInfo), 150U << 3);
  EXPECT_EQ(Read(0, kMsrPp0EnergyStatus), 0U) << "exists, and does not count, on this CPU";
  EXPECT_EQ(Error(0, kMsrPp1EnergyStatus), EIO);
}

TEST_F(EmulatedHostTest, StandsStillBetweenUpdates) {
  Create();
  // Looked at every 10 us, the counter changes once a millisecond, early or late by twice the jitter at most.
  int64_t last_change_ns = 0;
  int changes = 0;
  uint64_t before = Read(0, kMsrPkgEnergyStatus);
  for (int i = 0; i < 100'000; ++i) {
    clock_.Advance(10'000);
    const uint64_t now = Read(0, kMsrPkgEnergyStatus);
    ASSERT_EQ(now, Read(4, kMsrPkgEnergyStatus)) << "every CPU of the package reads the same register";
    if (now == before) continue;
    if (last_change_ns != 0) {
      EXPECT_NEAR(static_cast<double>(clock_.NowNs() - last_change_ns), 1e6, 40'000 + 10'000);
    }
    last_change_ns = clock_.NowNs();
    before = now;
    ++changes;
  }
  EXPECT_NEAR(changes, 1000, 2);
}

TEST_F(EmulatedHostTest, ValuesDoNotDependOnWhoReadsWhen) {
  Create();
  const std::unique_ptr<EmulatedHost> often = std::move(host_);
  Create();
  for (int i = 0; i < 5000; ++i) {
    clock_.Advance(200'000);
    (void)often->Read(0, kMsrPkgEnergyStatus);
  }
  EXPECT_EQ(often->Read(0, kMsrPkgEnergyStatus).value, Read(0, kMsrPkgEnergyStatus));
  EXPECT_EQ(often->Read(0, kMsrDramEnergyStatus).value, Read(0, kMsrDramEnergyStatus));
}

// psys is made of both packages at its own instant, not of what somebody has read of them.
TEST_F(EmulatedHostTest, PsysDoesNotDependOnWhoReadsThePackages) {
  options_.cpu = FindCpuProfile("skylake");
  options_.packages = 2;
  Create();
  const std::unique_ptr<EmulatedHost> often = std::move(host_);
  Create();
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(50'000'000);
    (void)often->Read(0, kMsrPkgEnergyStatus);
  }
  EXPECT_EQ(often->Read(0, kMsrPlatformEnergyStatus).value, Read(0, kMsrPlatformEnergyStatus));
}

TEST_F(EmulatedHostTest, WrapsAroundAt32Bits) {
  options_.start_ticks = 0xFFFF'FF00;
  Create();
  EXPECT_EQ(Read(0, kMsrPkgEnergyStatus), 0xFFFF'FF00U);
  clock_.Advance(kSecond);
  const uint64_t after = Read(0, kMsrPkgEnergyStatus);
  EXPECT_LT(after, 0xFFFF'FFFFU);
  const uint64_t moved = static_cast<uint32_t>(after - 0xFFFF'FF00);
  EXPECT_EQ(moved, Truth()["packages"][0]["domains"][0]["ticks"]);
}

TEST_F(EmulatedHostTest, HighHalfAsTheCpuHasIt) {
  options_.start_ticks = 0xFFFF'FFFF;
  options_.cpu = FindCpuProfile("zen4");
  Create();
  clock_.Advance(kSecond);
  EXPECT_EQ(Read(0, kAmdPkgEnergyStatus) >> 32, 1U) << "64 bits wide";
  options_.cpu = FindCpuProfile("zen3");
  Create();
  clock_.Advance(kSecond);
  EXPECT_EQ(Read(0, kAmdPkgEnergyStatus) >> 32, 0U);
  options_.cpu = FindCpuProfile("sapphire-rapids");
  Create();
  EXPECT_NE(Read(0, kMsrPkgEnergyStatus) >> 32, 0U) << "reserved bits are not zero there";
  EXPECT_EQ(static_cast<uint32_t>(Read(0, kMsrPkgEnergyStatus)), 0xFFFF'FFFFU);
}

TEST_F(EmulatedHostTest, PackagesAreBlocksOfCores) {
  options_.packages = 2;
  Power("load:10W+5W/cpu");
  options_.busy = &busy_;
  busy_.share = {{0, 1.0}, {4, 0.5}};  // both of one core, so of package 0
  options_.start_ticks = 1;
  Create();
  clock_.Advance(100 * kSecond);
  EXPECT_NEAR(static_cast<double>(Read(1, kMsrPkgEnergyStatus)), (10 + 7.5) * 100 * (1 << 14), 400);
  EXPECT_NEAR(static_cast<double>(Read(2, kMsrPkgEnergyStatus)), 10.0 * 100 * (1 << 14), 400);
  const Json truth = Truth();
  EXPECT_EQ(truth["packages"][0]["cpus"], Json({0, 1, 4, 5}));
  EXPECT_EQ(truth["packages"][1]["cpus"], Json({2, 3, 6, 7}));
  // To the tick: what was integrated is stated, and base x t + slope x busy of it is the count.
  const Json& package = truth["packages"][0]["domains"][0];
  const int64_t t_ns = package["last_update_ns"].get<int64_t>() - truth["start_ns"].get<int64_t>();
  const int64_t busy_ns = package["busy_ns"].get<int64_t>();
  EXPECT_NEAR(static_cast<double>(busy_ns), 150e9, 5e6);
  const __int128 picojoules = __int128{10} * t_ns * 1000 + __int128{5} * busy_ns * 1000;
  EXPECT_EQ(static_cast<uint64_t>(picojoules * (1 << 14) / 1'000'000'000'000), package["ticks"].get<uint64_t>());
}

TEST_F(EmulatedHostTest, DomainsOfAClient) {
  options_.cpu = FindCpuProfile("skylake");
  Power("load:10W+5W/cpu");
  options_.busy = &busy_;
  busy_.share = {{1, 1.0}, {2, 1.0}};
  options_.start_ticks = 1;
  Create();
  clock_.Advance(100 * kSecond);
  const auto watts = [&](MsrAddress address) { return static_cast<double>(Read(0, address)) / (1 << 14) / 100; };
  EXPECT_NEAR(watts(kMsrPkgEnergyStatus), 20, 0.001);
  EXPECT_NEAR(watts(kMsrPp0EnergyStatus), 8, 0.001);
  EXPECT_NEAR(watts(kMsrPp1EnergyStatus), 0.5, 0.001);
  EXPECT_NEAR(watts(kMsrDramEnergyStatus), 2, 0.001);
  EXPECT_NEAR(watts(kMsrPlatformEnergyStatus), 32, 0.001);
}

TEST_F(EmulatedHostTest, PsysCountsInOnePackageOnly) {
  options_.cpu = FindCpuProfile("sapphire-rapids");
  options_.packages = 2;
  options_.start_ticks = 1;
  Create();
  clock_.Advance(100 * kSecond);
  // Two packages of 80 W, their memory, and the board, in whole joules.
  EXPECT_NEAR(static_cast<double>(static_cast<uint32_t>(Read(0, kMsrPlatformEnergyStatus))), 2 * 88 * 100 + 1000, 2);
  EXPECT_EQ(Read(2, kMsrPlatformEnergyStatus), 0U);
}

TEST_F(EmulatedHostTest, AmdCoresFollowTheirOwnLoad) {
  options_.cpu = FindCpuProfile("zen3");
  Power("load:10W+5W/cpu");
  options_.busy = &busy_;
  busy_.share = {{1, 1.0}, {5, 1.0}, {2, 0.5}};
  options_.start_ticks = 0;
  Create();
  clock_.Advance(100 * kSecond);
  const auto watts = [&](int cpu) { return static_cast<double>(Read(cpu, kAmdCoreEnergyStatus)) / (1 << 16) / 100; };
  EXPECT_NEAR(watts(0), 0, 0.001);
  EXPECT_NEAR(watts(1), 8, 0.001);
  EXPECT_NEAR(watts(5), 8, 0.001) << "siblings share the register of their core";
  EXPECT_NEAR(watts(2), 2, 0.001);
  EXPECT_EQ(Error(0, kMsrPkgEnergyStatus), EIO) << "Intel's register";
}

TEST_F(EmulatedHostTest, FaultsComeAndGo) {
  Fault("eio:0x619@10s+5s");
  Fault("zero:0x611@30s");
  Fault("offline:cpu1@10s+5s");
  Create();
  EXPECT_EQ(Error(0, kMsrDramEnergyStatus), 0);
  clock_.Advance(12 * kSecond);
  EXPECT_EQ(Error(0, kMsrDramEnergyStatus), EIO);
  EXPECT_EQ(Error(0, kMsrPkgEnergyStatus), 0);
  EXPECT_EQ(Error(1, kMsrPkgEnergyStatus), ENXIO);
  EXPECT_EQ(host_->Open(1), ENXIO);
  EXPECT_EQ(host_->Open(0), 0);
  clock_.Advance(4 * kSecond);
  EXPECT_EQ(Error(0, kMsrDramEnergyStatus), 0);
  EXPECT_EQ(host_->Open(1), 0);
  EXPECT_NE(Read(0, kMsrPkgEnergyStatus), 0U);
  clock_.Advance(16 * kSecond);
  EXPECT_EQ(Read(0, kMsrPkgEnergyStatus), 0U);
}

TEST_F(EmulatedHostTest, FreezeHoldsAndThenCatchesUp) {
  options_.start_ticks = 0;
  Fault("freeze:10s+5s");
  Create();
  clock_.Advance(12 * kSecond);  // nobody read before the freeze
  const uint64_t frozen = Read(0, kMsrPkgEnergyStatus);
  EXPECT_NEAR(static_cast<double>(frozen), 80.0 * 10 * (1 << 14), 2000);
  clock_.Advance(2900 * kMs);
  EXPECT_EQ(Read(0, kMsrPkgEnergyStatus), frozen);
  clock_.Advance(110 * kMs);
  EXPECT_NEAR(static_cast<double>(Read(0, kMsrPkgEnergyStatus)), 80.0 * 15 * (1 << 14), 30'000);
}

TEST_F(EmulatedHostTest, TruthNotesWhatReadersSaw) {
  Create();
  clock_.Advance(kSecond);
  const uint64_t first = Read(0, kMsrPkgEnergyStatus);
  clock_.Advance(kSecond);
  const uint64_t last = Read(3, kMsrPkgEnergyStatus);
  clock_.Advance(kSecond);
  const Json domain = Truth()["packages"][0]["domains"][0];
  EXPECT_EQ(domain["reads"], 2);
  EXPECT_EQ(static_cast<uint32_t>(last - first),
            domain["last_read_ticks"].get<uint64_t>() - domain["first_read_ticks"].get<uint64_t>());
  EXPECT_GT(domain["ticks"], domain["last_read_ticks"]);
}

TEST_F(EmulatedHostTest, RefusesWhatDoesNotGoTogether) {
  const auto message = [this] { return std::string(EmulatedHost::Create(options_).status().message()); };
  options_.packages = 5;
  EXPECT_THAT(message(), HasSubstr("between 1 and 4"));
  options_.packages = 2;
  options_.dies = 3;
  EXPECT_THAT(message(), HasSubstr("between 1 and 2 dies"));
  options_.dies = 1;
  options_.packages = 3;
  options_.power.push_back(options_.power[0]);
  EXPECT_THAT(message(), HasSubstr("2 times for 3 packages"));
  options_.power.pop_back();
  options_.jitter_ns = kMs / 2;
  EXPECT_THAT(message(), HasSubstr("--jitter"));
  options_.jitter_ns = 0;
  Power("load:1W+1W/cpu");
  EXPECT_THAT(message(), HasSubstr("busy time"));
}

}  // namespace
}  // namespace vrapl
