// `vrapl run` as a program, on an emulated host with the real scheduler.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {

using Json = nlohmann::json;

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-run-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }

  static std::vector<std::string> Words(std::vector<std::string> options, const std::vector<std::string>& command) {
    options.insert(options.begin(), {VRAPL, "run", "--emulate", "--vms=proc"});
    if (!command.empty()) options.push_back("--");
    options.insert(options.end(), command.begin(), command.end());
    return options;
  }
  Ended Run(const std::vector<std::string>& options, const std::vector<std::string>& command) const {
    return Program(Words(options, command), {.temp_dir = dir_}).Wait();
  }
  Ended Shell(const std::string& text) const { return Program({"/bin/sh", "-c", text}, {.temp_dir = dir_}).Wait(); }
  std::string File(const std::string& name) const { return dir_ + "/" + name; }
  // With -o FILE.json; the object.
  Json RunToJson(std::vector<std::string> options, const std::vector<std::string>& command) const {
    options.push_back("--output=" + File("out.json"));
    options.push_back("--force");
    const Ended ended = Run(options, command);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const Json json = Json::parse(ReadSmallFile(File("out.json")).value_or(""), nullptr, false);
    EXPECT_FALSE(json.is_discarded());
    return json;
  }

  std::string dir_;
};

// Of all packages.
inline int64_t RunTimeOf(const Json& interval, const std::string& kind) {
  int64_t ns = 0;
  for (const Json& row : interval["rows"]) {
    if (row["kind"] == kind && row["domain"] == "package") ns += row["run_time_ns"].get<int64_t>();
  }
  return ns;
}

}  // namespace vrapl
