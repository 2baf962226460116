// `serve --state`: what the counters of an emulated host count between two runs is in the first flush of the second.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class StateTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-state-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    ASSERT_TRUE(std::filesystem::create_directory(dir_ + "/root"));
    emulator_ = std::make_unique<Program>(
        std::vector<std::string>{VRAPL_EMULATOR, "--mount=" + dir_ + "/root", "--power=const:50W"});
    for (int i = 0; i < 100 && !std::filesystem::exists(dir_ + "/root/dev/cpu/0/msr"); ++i) ::usleep(50'000);
    ASSERT_TRUE(std::filesystem::exists(dir_ + "/root/dev/cpu/0/msr"));
  }
  void TearDown() override {
    emulator_.reset();
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  Program Serve(const std::string& duration) const {
    return Program({VRAPL, "serve", "--host-root=" + dir_ + "/root", "--vms=proc", "--flush=500ms", "--format=jsonl",
                    "--duration=" + duration, "--state=" + dir_ + "/counters.json"},
                   {.temp_dir = dir_});
  }
  static Json FirstFlush(const Ended& ended) {
    EXPECT_EQ(ended.code, 0) << ended.err;
    const std::vector<std::string> lines = absl::StrSplit(ended.out, '\n');
    return Json::parse(lines.front());
  }

  std::string dir_;
  std::unique_ptr<Program> emulator_;
};

TEST_F(StateTest, WhatWasUsedBetweenTwoRunsIsToldByTheSecond) {
  const Ended first = Serve("1s").Wait();
  EXPECT_FALSE(FirstFlush(first).contains("unobserved")) << "there was none before";
  const Ended second = Serve("1s").Wait();
  const Json flush = FirstFlush(second);
  ASSERT_TRUE(flush.contains("unobserved")) << second.err;
  bool package = false;
  for (const Json& counter : flush["unobserved"]) {
    if (counter["domain"] != "package") continue;
    package = true;
    // 50 W, as long as nobody looked; an update of the counter more or less.
    const double seconds = counter["ns"].get<double>() * 1e-9;
    EXPECT_NEAR(counter["energy_uj"].get<double>() * 1e-6, 50 * seconds, 0.02 * 50 * seconds + 0.2);
    EXPECT_GT(seconds, 0);
  }
  EXPECT_TRUE(package);
  EXPECT_THAT(second.err, HasSubstr("in which vrapl did not run"));
}

TEST_F(StateTest, AfterAKillNothingIsClaimed) {
  {
    Program killed = Serve("60s");
    for (int i = 0; i < 100 && !std::filesystem::exists(dir_ + "/counters.json"); ++i) ::usleep(50'000);
    ASSERT_TRUE(std::filesystem::exists(dir_ + "/counters.json"));
    killed.Signal(SIGKILL);
    killed.Wait();
  }
  const Json flush = FirstFlush(Serve("1s").Wait());
  ASSERT_TRUE(flush.contains("unobserved"));
  for (const Json& counter : flush["unobserved"]) {
    EXPECT_TRUE(counter["energy_uj"].is_null());
    EXPECT_THAT(counter["why_unknown"].get<std::string>(), HasSubstr("did not end by itself"));
  }
}

}  // namespace
}  // namespace vrapl
