// The program on an emulated host, with the real scheduler: a directory for it to leave nothing in.
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {

using Json = nlohmann::json;

class EmulatedRunTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-cli-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (dir_.empty()) return;
    EXPECT_THAT(ReadSmallFile("/proc/self/mounts").value_or(""), testing::Not(testing::HasSubstr(dir_)));
    EXPECT_THAT(EmulatorsOf(dir_), testing::IsEmpty());
    EXPECT_EQ(::rmdir(dir_.c_str()), 0) << dir_ << " is not empty";
  }

  // Processes whose command line names the directory.
  static std::vector<std::string> EmulatorsOf(const std::string& dir) {
    std::vector<std::string> found;
    for (const std::string& entry : ListDirectory("/proc").value_or(std::vector<std::string>())) {
      if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string cmdline = ReadSmallFile(absl::StrCat("/proc/", entry, "/cmdline")).value_or("");
      if (cmdline.find(dir) != std::string::npos) found.push_back(entry);
    }
    return found;
  }

  std::unique_ptr<Program> Start(std::vector<std::string> words) const {
    words.insert(words.begin(), VRAPL);
    if (words[1] != "probe") words.push_back("--vms=proc");
    return std::make_unique<Program>(words, ProgramOptions{.temp_dir = dir_});
  }
  Ended Run(std::vector<std::string> words) const { return Start(std::move(words))->Wait(); }

  std::string dir_;
};

inline std::vector<std::string> LinesOf(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// The two laws of docs/output.md, on what was printed.
inline void ExpectLaws(const Json& counters, const Json& rows) {
  for (const Json& counter : counters) {
    uint64_t ticks = 0;
    int64_t run_ns = 0;
    for (const Json& row : rows) {
      if (row["package"] != counter["package"] || row["domain"] != counter["domain"]) continue;
      ticks += row["energy_ticks"].get<uint64_t>();
      run_ns += row["run_time_ns"].get<int64_t>();
    }
    EXPECT_EQ(ticks, counter["energy_ticks"].get<uint64_t>());
    const int64_t dt_ns = counter["dt_ns"];
    EXPECT_EQ(run_ns % dt_ns, 0) << "a whole number of CPUs";
    EXPECT_GE(run_ns / dt_ns, 1);
  }
}

}  // namespace vrapl
