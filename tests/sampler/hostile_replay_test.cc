// A recording that somebody made up: whatever its blocks say, with a CRC that is right, a replay ends, and every row it
// tells of is a part of its counter.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "recording/block.h"
#include "sampler/replay.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

class HostileReplayTest : public testing::Test {
 protected:
  HostileReplayTest()
      : path_(std::filesystem::temp_directory_path() / absl::StrCat("vrapl-hostile-", ::getpid(), ".vrapl")) {}
  ~HostileReplayTest() override { std::filesystem::remove(path_); }

  // Some seconds of two packages with VMs that come and go.
  std::string MadeRecording() {
    MadeHost::Options options{.record_to = path_};
    options.flush.flush_ns = 500 * kMs;
    options.packages.clear();
    for (int i = 0; i < 2; ++i) {
      options.packages.push_back({.package_id = i,
                                  .cpus = {2 * i, 2 * i + 1},
                                  .domains = {RaplDomain::kPackage, RaplDomain::kDram, RaplDomain::kPsys},
                                  .seed = static_cast<uint32_t>(i + 1)});
    }
    MadeHost host(options);
    host.SetVms({MadeVm("alpha", 1000), MadeVm("beta", 2000)});
    host.RunFor(2 * kSecond);
    host.SetVms({MadeVm("beta", 2000)});
    host.RunFor(kSecond);
    host.Finish();
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  struct Place {
    size_t at = 0;
    BlockFrame frame;
  };
  static std::vector<Place> BlocksOf(const std::string& bytes) {
    std::vector<Place> places;
    for (size_t at = 16; at < bytes.size();) {
      const std::optional<BlockFrame> frame = DecodeFrame(absl::string_view(bytes).substr(at));
      if (!frame) break;
      places.push_back({at, *frame});
      at += kBlockFrameBytes + frame->bytes;
    }
    return places;
  }

  void Store(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  const std::string path_;
};

// Rows of a counter sum to it, in ticks; nothing is told of a row that has no counter.
void ExpectRowsSumToCounters(const FlushReport& report) {
  for (const ModelReport& model : report.models) {
    for (const CounterReport& counter : model.counters) {
      uint64_t ticks = 0;
      bool any = false;
      for (const RowReport& row : model.rows) {
        if (row.package_id != counter.package_id || row.domain.domain != counter.domain.domain) continue;
        ticks += row.energy_ticks;
        any = true;
      }
      if (any) {
        ASSERT_EQ(ticks, counter.energy_ticks);
      }
    }
  }
}

TEST_F(HostileReplayTest, WhateverTheBlocksSayAReplayEnds) {
  const std::string whole = MadeRecording();
  const std::vector<Place> blocks = BlocksOf(whole);
  ASSERT_GE(blocks.size(), 4u);
  std::mt19937_64 random(20261122);
  const auto below = [&](uint64_t n) { return random() % n; };
  int refused = 0;
  uint64_t windows = 0;
  constexpr int kFiles = 600;
  for (int file = 0; file < kFiles; ++file) {
    std::string bytes = whole;
    for (uint64_t change = 0; change <= below(3); ++change) {
      const Place& place = blocks[below(blocks.size())];
      const size_t content = place.at + kBlockFrameBytes;
      for (uint64_t i = 0; i <= below(4); ++i) {
        // What is small makes other records; 0xff, long numbers.
        const std::array<char, 6> likely = {
            0, 1, 2, static_cast<char>(0x7f), static_cast<char>(0x80), static_cast<char>(0xff)};
        char& byte = bytes[content + below(place.frame.bytes)];
        byte = below(2) == 0 ? static_cast<char>(random()) : likely[below(likely.size())];
      }
      const auto frame = EncodeFrame(place.frame.kind, place.frame.sequence, place.frame.first_ns,
                                     absl::string_view(bytes).substr(content, place.frame.bytes));
      bytes.replace(place.at, frame.size(), frame.data(), frame.size());
    }
    Store(bytes);
    const absl::StatusOr<RecordedRun> run = ReadRecordedRun(path_);
    ReplayOptions options{.by_thread = below(2) == 0};
    options.window_ns = std::array<int64_t, 3>{0, 10 * kMs, kSecond}[below(3)];
    const absl::Status replayed = Replay(path_, options, [&](const FlushReport& report) {
      ++windows;
      ASSERT_NO_FATAL_FAILURE(ExpectRowsSumToCounters(report)) << "file " << file;
    });
    ASSERT_EQ(run.ok(), replayed.ok()) << run.status() << " and " << replayed;
    refused += replayed.ok() ? 0 : 1;
  }
  EXPECT_LT(refused, kFiles / 2);
  EXPECT_GT(windows, kFiles * 5u);
}

}  // namespace
}  // namespace vrapl
