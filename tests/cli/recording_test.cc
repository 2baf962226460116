// Recordings of the real program on an emulated host, with the real scheduler: killed at random moments, replayed, cut.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "recording/reader.h"
#include "sampler/replay.h"
#include "tests/program.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

class RecordingProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-recording-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    ASSERT_TRUE(std::filesystem::create_directory(dir_ + "/root"));
    emulator_ = std::make_unique<Program>(std::vector<std::string>{VRAPL_EMULATOR, "--mount=" + dir_ + "/root"});
    for (int i = 0; i < 100 && !std::filesystem::exists(dir_ + "/root/dev/cpu/0/msr"); ++i) ::usleep(50'000);
    ASSERT_TRUE(std::filesystem::exists(dir_ + "/root/dev/cpu/0/msr"));
  }
  void TearDown() override {
    emulator_.reset();
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  Program Start(std::vector<std::string> words) const {
    words.insert(words.begin(), VRAPL);
    return Program(words, {.temp_dir = dir_});
  }
  std::string RecordFor(const std::string& duration) const {
    const std::string path = dir_ + "/run.vrapl";
    Program sample =
        Start({"sample", "--host-root=" + dir_ + "/root", "--vms=proc", "--duration=" + duration, "-o", path});
    const Ended ended = sample.Wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, "");
    return path;
  }
  Ended Run(const std::vector<std::string>& words) const { return Start(words).Wait(); }

  std::string dir_;
  std::unique_ptr<Program> emulator_;
};

// Wherever it is killed: the file opens, all of it can be read, and no more than the block under way is missing.
// VRAPL_KILLS=200 for more of them.
TEST_F(RecordingProgramTest, KilledAtAnyMomentItLosesAtMostOneBlock) {
  int kills = 8;
  if (const char* wanted = std::getenv("VRAPL_KILLS"); wanted != nullptr) {
    ASSERT_TRUE(absl::SimpleAtoi(wanted, &kills));
  }
  std::mt19937 random(20);
  const std::string path = dir_ + "/killed.vrapl";
  int with_data = 0;
  int64_t longest_lost_ns = 0;
  for (int i = 0; i < kills; ++i) {
    std::filesystem::remove(path);
    Program sample = Start({"sample", "--host-root=" + dir_ + "/root", "--vms=proc", "-o", path});
    for (int wait = 0; wait < 1000 && !std::filesystem::exists(path); ++wait) ::usleep(10'000);
    ASSERT_TRUE(std::filesystem::exists(path));
    ::usleep(static_cast<useconds_t>(random() % 3'000'000));
    sample.Signal(SIGKILL);
    const int64_t killed_ns = MonotonicNs();
    sample.Wait();

    const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path);
    // Killed between the making of the file and its first block there is nothing to be read.
    if (!run.ok() && std::filesystem::file_size(path) < 1000) continue;
    ASSERT_THAT(run, IsOk()) << i;
    EXPECT_FALSE(run->ended);
    for (const std::string& damage : run->damage) EXPECT_THAT(damage, HasSubstr("breaks off")) << i;
    const int64_t start_ns = run->start_unix_ns - (RealtimeNs() - MonotonicNs());
    const int64_t lost_ns = killed_ns - (start_ns + run->duration_ns);
    longest_lost_ns = std::max(longest_lost_ns, lost_ns);
    // A block is a second; it is handed on when the ring is drained, every 50 ms, late on a busy machine.
    EXPECT_LT(lost_ns, 2 * kNanosPerSecond) << i;
    with_data += run->duration_ns > 0 ? 1 : 0;
    int64_t covered_ns = 0;
    ASSERT_THAT(Replay(path, {}, [&](const FlushReport& report) { covered_ns = report.t_ns; }), IsOk());
    EXPECT_EQ(covered_ns, run->duration_ns) << i;
  }
  std::printf("%d kills: every file opened, %d of them with samples; at most %.3f s lost\n", kills, with_data,
              static_cast<double>(longest_lost_ns) * 1e-9);
  EXPECT_GT(with_data, kills / 4);
}

TEST_F(RecordingProgramTest, ReplayedTwiceItGivesTheSameBytes) {
  const std::string path = RecordFor("3s");
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--format=csv"},
                                                  {"--format=jsonl", "--window=10ms"},
                                                  {"--model=share,capacity"},
                                                  {"--by=thread", "--format=csv"}}) {
    std::vector<std::string> words = {"replay", path};
    words.insert(words.end(), options.begin(), options.end());
    const Ended first = Run(words);
    const Ended second = Run(words);
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(first.out, second.out);
    EXPECT_GT(first.out.size(), 100u);
    EXPECT_THAT(first.err, HasSubstr("EMULATED"));
  }
  EXPECT_THAT(Run({"replay", path}).err, HasSubstr("3 flushes replayed, each with the figures that were told live"));
}

TEST_F(RecordingProgramTest, ADamagedFileIsReplayedAndSaysWhatIsMissing) {
  const std::string path = RecordFor("4s");
  std::stringstream bytes;
  bytes << std::ifstream(path).rdbuf();
  std::string damaged = bytes.str();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  std::ofstream(path, std::ios::trunc) << damaged;
  const Ended ended = Run({"replay", path, "--format=csv"});
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("damaged"));
  EXPECT_THAT(ended.err, HasSubstr("differ from what was told live"));
}

TEST_F(RecordingProgramTest, WhatCannotBeRecordedIsSaidBeforeAnythingIsMeasured) {
  const std::string root = "--host-root=" + dir_ + "/root";
  const std::string path = RecordFor("1s");
  const auto size = std::filesystem::file_size(path);
  Ended ended = Run({"sample", root, "--vms=proc", "-o", path});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("--force"));
  EXPECT_EQ(std::filesystem::file_size(path), size);
  ended = Run({"sample", root, "--vms=proc", "-o", dir_ + "/no/such/run.vrapl"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("No such file"));
  ended = Run({"sample", root, "--vms=proc", "-o", dir_ + "/run.csv"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("vrapl export"));
  ended = Run({"replay", dir_ + "/root/dev/cpu/0/msr"});
  EXPECT_EQ(ended.code, 1);
  ended = Run({"replay", path, "--by=moon"});
  EXPECT_EQ(ended.code, 2);
}

}  // namespace
}  // namespace vrapl
