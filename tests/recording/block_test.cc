// Law: what a block was given is what it gives back, without the blocks before it.
#include "recording/block.h"

#include <gtest/gtest.h>

#include "tests/recording/made_recording.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr int64_t kPeriodNs = 1'000'000;

// Everything that was visited, with the rows of threads resolved as a reader would.
class Collector final : public BlockVisitor {
 public:
  struct Got {
    MadeSample made;
    std::vector<RecordedThread> threads;
  };
  void OnVms(const std::vector<RecordedVm>& vms, bool restated) override {
    vms_ = vms;
    restated_ += restated ? 1 : 0;
  }
  void OnPackage(int package, int64_t t_ns, uint32_t cpus, const std::vector<uint64_t>& ticks) override {
    bases_.push_back({package, t_ns, cpus, ticks});
  }
  void OnThread(uint32_t number, const RecordedThread& thread) override {
    if (threads_.size() <= number) threads_.resize(number + 1);
    threads_[number] = thread;
  }
  void OnSample(int package, const Sample& sample) override {
    Got got{.made = {.package = package,
                     .header = sample.header,
                     .ticks = {sample.ticks.begin(), sample.ticks.end()},
                     .errors = {sample.errors.begin(), sample.errors.end()},
                     .threads = {sample.threads.begin(), sample.threads.end()},
                     .rows = {},
                     .cores = {sample.cores.begin(), sample.cores.end()}}};
    for (const ThreadRun& run : sample.threads) got.threads.push_back(threads_.at(run.number));
    samples_.push_back(std::move(got));
  }
  void OnEvent(int64_t t_ns, absl::string_view type, absl::string_view json) override {
    events_.push_back(absl::StrCat(t_ns, " ", type, " ", json));
  }

  struct Base {
    int package;
    int64_t t_ns;
    uint32_t cpus;
    std::vector<uint64_t> ticks;
  };
  std::vector<RecordedVm> vms_;
  int restated_ = 0;
  std::vector<Base> bases_;
  std::vector<RecordedThread> threads_;
  std::vector<Got> samples_;
  std::vector<std::string> events_;
};

void ExpectSame(const MadeSample& sent, const Collector::Got& got) {
  const SampleHeader& a = sent.header;
  const SampleHeader& b = got.made.header;
  ASSERT_EQ(sent.package, got.made.package);
  ASSERT_EQ(a.t_ns, b.t_ns);
  ASSERT_EQ(a.dt_ns, b.dt_ns);
  ASSERT_EQ(a.skew_ns, b.skew_ns);
  ASSERT_EQ(a.late_ns, b.late_ns);
  ASSERT_EQ(a.suspended_ns, b.suspended_ns);
  ASSERT_EQ(a.cpus, b.cpus);
  ASSERT_EQ(a.flags, b.flags);
  ASSERT_EQ(a.time.idle_ns, b.time.idle_ns);
  ASSERT_EQ(a.time.run_ns, b.time.run_ns);
  ASSERT_EQ(a.time.irq_ns, b.time.irq_ns);
  ASSERT_EQ(a.time.stolen_ns, b.time.stolen_ns);
  ASSERT_EQ(a.time.unreported_ns, b.time.unreported_ns);
  ASSERT_EQ(sent.ticks, got.made.ticks);
  ASSERT_EQ(sent.errors, got.made.errors);
  ASSERT_EQ(a.cores, b.cores);
  ASSERT_EQ(sent.cores.size(), got.made.cores.size());
  for (size_t i = 0; i < sent.cores.size(); ++i) {
    const CpuTime& x = sent.cores[i];
    const CpuTime& y = got.made.cores[i];
    ASSERT_EQ(x.idle_ns, y.idle_ns);
    ASSERT_EQ(x.run_ns, y.run_ns);
    ASSERT_EQ(x.irq_ns, y.irq_ns);
    ASSERT_EQ(x.stolen_ns, y.stolen_ns);
    ASSERT_EQ(x.unreported_ns, y.unreported_ns);
  }
  ASSERT_EQ(sent.threads.size(), got.made.threads.size());
  for (size_t i = 0; i < sent.threads.size(); ++i) {
    const ThreadRun& x = sent.threads[i];
    const ThreadRun& y = got.made.threads[i];
    ASSERT_EQ(x.tid, y.tid);
    ASSERT_EQ(x.tgid, y.tgid);
    ASSERT_EQ(x.start_ns, y.start_ns);
    ASSERT_EQ(x.task_flags, y.task_flags);
    ASSERT_EQ(x.run_ns, y.run_ns);
    ASSERT_EQ(x.solo_ns, y.solo_ns);
    ASSERT_EQ(x.shared_ns, y.shared_ns);
    ASSERT_EQ(x.core, y.core);
    ASSERT_EQ(got.threads[i].comm, MadeComm(x));
  }
}

class Encoded {
 public:
  Encoded(uint32_t seed, const std::vector<size_t>& domains, int samples)
      : maker_(seed, kPeriodNs, domains), encoder_(kPeriodNs, maker_.packages()) {
    encoder_.SetVms(MadeVms());
    for (int i = 0; i < samples; ++i) {
      sent_.push_back(maker_.Next());
      const auto row = [](int id) { return MadeRow(id); };
      const auto comm = [](const ThreadRun& thread) { return MadeComm(thread); };
      encoder_.AddSample(sent_.back().package, sent_.back().sample(), sent_.back().rows, {.row = row, .comm = comm});
      if (i % 97 == 96) encoder_.AddEvent(sent_.back().header.t_ns, "mark", absl::StrCat("{\"label\":\"", i, "\"}"));
      if (i % 211 == 210) EndBlock();
    }
    EndBlock();
  }
  void EndBlock() {
    blocks_.push_back(encoder_.TakeBlock());
    ends_.push_back(sent_.size());
  }

  SampleMaker maker_;
  BlockEncoder encoder_;
  std::vector<MadeSample> sent_;
  std::vector<std::string> blocks_;
  std::vector<size_t> ends_;  // how many samples had been sent by then
};

TEST(BlockTest, EveryBlockAloneGivesBackItsSamples) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<size_t> domains = seed % 3 == 0 ? std::vector<size_t>{1} : std::vector<size_t>{4, 2, 0};
    const Encoded encoded(seed, domains, 1500);
    size_t sent = 0;
    // From the last to the first: none needs another.
    for (size_t i = encoded.blocks_.size(); i-- > 0;) {
      Collector got;
      ASSERT_THAT(DecodeBlock(encoded.blocks_[i], kPeriodNs, domains, got), IsOk());
      const size_t begin = i == 0 ? 0 : encoded.ends_[i - 1];
      ASSERT_EQ(got.samples_.size(), encoded.ends_[i] - begin);
      for (size_t k = 0; k < got.samples_.size(); ++k) ExpectSame(encoded.sent_[begin + k], got.samples_[k]);
      EXPECT_EQ(got.vms_, MadeVms());
      EXPECT_EQ(got.restated_, 1);
      sent += got.samples_.size();
    }
    EXPECT_EQ(sent, encoded.sent_.size());
  }
}

// Rows are told when they change, and hold until then.
TEST(BlockTest, EveryThreadIsInTheRowItWasBookedIn) {
  const std::vector<size_t> domains = {2};
  const Encoded encoded(5, domains, 400);
  size_t at = 0;
  for (const std::string& block : encoded.blocks_) {
    Collector got;
    ASSERT_THAT(DecodeBlock(block, kPeriodNs, domains, got), IsOk());
    for (const Collector::Got& one : got.samples_) {
      const MadeSample& sent = encoded.sent_[at++];
      std::map<std::tuple<uint32_t, uint32_t, uint64_t>, int> last;  // of a thread that is there twice, the last holds
      for (size_t i = 0; i < sent.threads.size(); ++i) {
        last[{sent.threads[i].tid, sent.threads[i].tgid, sent.threads[i].start_ns}] = sent.rows[i];
      }
      for (size_t i = 0; i < sent.threads.size(); ++i) {
        const ThreadRun& thread = sent.threads[i];
        ASSERT_EQ(one.threads[i].row, MadeRow(last.at({thread.tid, thread.tgid, thread.start_ns})));
      }
    }
  }
}

// What a package's first sample in a block counts from is the last sample of the block before: nothing is between them.
TEST(BlockTest, ABlockBeginsWhereTheOneBeforeEnded) {
  const std::vector<size_t> domains = {3, 1};
  const Encoded encoded(9, domains, 1000);
  std::map<int, MadeSample> last;
  for (const std::string& block : encoded.blocks_) {
    Collector got;
    ASSERT_THAT(DecodeBlock(block, kPeriodNs, domains, got), IsOk());
    for (const Collector::Base& base : got.bases_) {
      if (last.count(base.package) == 0) continue;
      EXPECT_EQ(base.t_ns, last[base.package].header.t_ns);
      EXPECT_EQ(base.ticks, last[base.package].ticks);
      EXPECT_EQ(base.cpus, last[base.package].header.cpus);
    }
    for (const Collector::Got& one : got.samples_) last[one.made.package] = one.made;
  }
}

TEST(BlockTest, AFrameIsKnownOnlyWhole) {
  const std::string content = "some content";
  const auto bytes = EncodeFrame(BlockKind::kData, 7, -5, content);
  const std::string frame(bytes.data(), bytes.size());
  const std::optional<BlockFrame> whole = DecodeFrame(frame);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->sequence, 7u);
  EXPECT_EQ(whole->first_ns, -5);
  EXPECT_EQ(whole->bytes, content.size());
  EXPECT_EQ(whole->content_crc, Crc32(content));
  for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeFrame(damaged)) << "bit " << bit;
  }
  for (size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(DecodeFrame(frame.substr(0, size)));
}

// Content whose CRC is right but that no encoder wrote: errors, no crash, nothing told beyond its size.
TEST(BlockTest, ContentThatNobodyWroteIsAnError) {
  const std::vector<size_t> domains = {4, 2, 0};
  const Encoded encoded(3, domains, 300);
  std::mt19937_64 random(77);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string content = encoded.blocks_[random() % encoded.blocks_.size()];
    for (uint64_t k = random() % 4 + 1; k > 0; --k) {
      switch (random() % 3) {
        case 0:
          content[random() % content.size()] = static_cast<char>(random());
          break;
        case 1:
          content.resize(1 + random() % content.size());
          break;
        default:
          content.insert(random() % content.size(), std::string(1 + random() % 9, static_cast<char>(0xff)));
      }
    }
    Collector got;
    if (!DecodeBlock(content, kPeriodNs, domains, got).ok()) ++refused;
    ASSERT_LE(got.samples_.size(), content.size());
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace vrapl
