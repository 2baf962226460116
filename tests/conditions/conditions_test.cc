// A machine of files: what it says of itself, and how it changes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "conditions/machine_conditions.h"
#include "conditions/machine_description.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

class ConditionsTest : public testing::Test {
 protected:
  ConditionsTest() : root_(testing::TempDir() + absl::StrCat("vrapl-conditions-", ::getpid())) {}
  ~ConditionsTest() override { std::filesystem::remove_all(root_); }
  void Put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << "\n";
  }
  const std::string root_;
};

TEST_F(ConditionsTest, AMachineThatTellsNothingIsAnEmptyObject) {
  std::filesystem::create_directories(root_);
  MachineConditions conditions{HostRoot(root_)};
  EXPECT_FALSE(conditions.any());
  EXPECT_EQ(conditions.Read(), "{}");
  EXPECT_EQ(Json::parse(DescribeMachine(HostRoot(root_), HostRoot(root_))), Json({{"hardware", "emulated"}}));
}

TEST_F(ConditionsTest, ReadsTemperaturesFrequenciesAndIdleTimesAnew) {
  Put("/sys/class/hwmon/hwmon2/name", "coretemp");
  Put("/sys/class/hwmon/hwmon2/temp1_label", "Package id 0");
  Put("/sys/class/hwmon/hwmon2/temp1_input", "45500");
  Put("/sys/class/hwmon/hwmon2/temp2_input", "not a number");
  Put("/sys/class/thermal/thermal_zone0/type", "x86_pkg_temp");
  Put("/sys/class/thermal/thermal_zone0/temp", "-3000");
  Put("/sys/devices/system/cpu/cpu10/cpufreq/scaling_cur_freq", "2400000");
  Put("/sys/devices/system/cpu/cpu10/cpuidle/state1/name", "C1");
  Put("/sys/devices/system/cpu/cpu10/cpuidle/state1/time", "77");
  MachineConditions conditions{HostRoot(root_)};
  ASSERT_TRUE(conditions.any());
  Json now = Json::parse(conditions.Read());
  EXPECT_EQ(now["temperature_c"],
            Json({{"coretemp Package id 0 (hwmon2)", 45.5}, {"x86_pkg_temp (thermal_zone0)", -3.0}}));
  EXPECT_EQ(now["frequency_khz"], Json({{"10", 2400000}}));
  EXPECT_EQ(now["idle_ns"], Json({{"10", {{"C1", 77000}}}}));
  Put("/sys/devices/system/cpu/cpu10/cpufreq/scaling_cur_freq", "800000");
  EXPECT_EQ(Json::parse(conditions.Read())["frequency_khz"]["10"], 800000);
}

TEST_F(ConditionsTest, DescribesWhatDecidesOnPower) {
  Put("/proc/cpuinfo",
      "processor\t: 0\nmicrocode\t: 0x2b000\nflags\t\t: fpu hypervisor sse\n\nprocessor\t: 1\nmicrocode\t: 0x1");
  for (const int cpu : {0, 1, 2}) {
    const std::string base = absl::StrCat("/sys/devices/system/cpu/cpu", cpu);
    Put(base + "/cpufreq/scaling_governor", cpu == 1 ? "powersave" : "performance");
    Put(base + "/cpuidle/state0/name", "POLL");
    Put(base + "/cpuidle/state0/latency", "0");
    Put(base + "/cpuidle/state0/disable", cpu == 2 ? "1" : "0");
  }
  Put("/sys/devices/system/cpu/smt/control", "off");
  Put("/sys/devices/system/cpu/isolated", "2-3");
  Put("/sys/devices/system/cpu/intel_pstate/no_turbo", "1");
  Put("/sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: Clear CPU buffers");
  Put("/proc/cmdline", "root=/dev/vda1 isolcpus=2-3 token=secret nohz_full=2-3");
  const Json out = Json::parse(DescribeMachine(HostRoot(root_), HostRoot(root_)));
  EXPECT_EQ(out["microcode"], "0x2b000");
  EXPECT_EQ(out["virtual_machine"], true);
  EXPECT_EQ(out["governor"], Json({{"performance", "0,2"}, {"powersave", "1"}}));
  EXPECT_EQ(out["idle_states"], Json::parse(R"([{"name":"POLL","latency_us":0,"disabled_on_cpus":"2"}])"));
  EXPECT_EQ(out["smt"], "off");
  EXPECT_EQ(out["isolated_cpus"], "2-3");
  EXPECT_EQ(out["no_turbo"], "1");
  EXPECT_EQ(out["mitigations"], Json({{"mds", "Mitigation: Clear CPU buffers"}}));
  EXPECT_EQ(out["kernel_parameters"], Json({"isolcpus=2-3", "nohz_full=2-3"}));
}

TEST(ThisMachineTest, SaysWhichKernelItRuns) {
  const Json out = Json::parse(DescribeMachine(HostRoot()));
  EXPECT_FALSE(out["kernel"].get<std::string>().empty());
  EXPECT_FALSE(out.contains("hardware"));
}

}  // namespace
}  // namespace vrapl
