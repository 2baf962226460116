#include "sampler/sample_ring.h"

#include <gmock/gmock.h>

#include <deque>
#include <random>
#include <thread>

namespace vrapl {
namespace {

// A sample whose every word follows from its number, so that the reader can tell whether it got the right one whole.
struct MadeSample {
  SampleHeader header;
  std::vector<uint64_t> ticks;
  std::vector<int32_t> errors;
  std::vector<ThreadRun> threads;

  MadeSample(uint64_t number, size_t domains, size_t thread_count) {
    std::mt19937_64 random(number);
    header.t_ns = static_cast<int64_t>(number);
    header.dt_ns = static_cast<int64_t>(random());
    header.time = {.idle_ns = static_cast<int64_t>(random()), .run_ns = static_cast<int64_t>(random())};
    header.domains = static_cast<uint32_t>(domains);
    header.threads = static_cast<uint32_t>(thread_count);
    for (size_t i = 0; i < domains; ++i) {
      ticks.push_back(random());
      errors.push_back(static_cast<int32_t>(random()));
    }
    for (size_t i = 0; i < thread_count; ++i) {
      threads.push_back({.tid = static_cast<uint32_t>(random()),
                         .tgid = static_cast<uint32_t>(random()),
                         .task_flags = static_cast<uint32_t>(random()),
                         .run_ns = static_cast<int64_t>(random())});
    }
  }

  bool PushTo(SampleRing& ring) const { return ring.TryPush(header, ticks, errors, threads); }

  friend bool operator==(const MadeSample& made, const Sample& sample) {
    const auto same_thread = [](const ThreadRun& a, const ThreadRun& b) {
      return a.tid == b.tid && a.tgid == b.tgid && a.task_flags == b.task_flags && a.run_ns == b.run_ns;
    };
    return made.header.t_ns == sample.header.t_ns && made.header.dt_ns == sample.header.dt_ns &&
           made.header.time.idle_ns == sample.header.time.idle_ns &&
           made.header.time.run_ns == sample.header.time.run_ns &&
           std::equal(made.ticks.begin(), made.ticks.end(), sample.ticks.begin(), sample.ticks.end()) &&
           std::equal(made.errors.begin(), made.errors.end(), sample.errors.begin(), sample.errors.end()) &&
           std::equal(made.threads.begin(), made.threads.end(), sample.threads.begin(), sample.threads.end(),
                      same_thread);
  }
};

MadeSample Numbered(uint64_t number) {
  std::mt19937_64 random(~number);
  return MadeSample(number, random() % 9, random() % 60);
}

TEST(SampleRingTest, GivesBackWhatWasPutInOverManyWraps) {
  SampleRing ring(4096);
  std::mt19937 random(3);
  uint64_t pushed = 0;
  uint64_t popped = 0;
  std::deque<uint64_t> inside;
  while (pushed < 20'000) {  // some 2 million words through a ring of 4096
    for (uint32_t burst = random() % 20; burst > 0; --burst) {
      if (Numbered(pushed).PushTo(ring)) inside.push_back(pushed++);
    }
    for (uint32_t burst = random() % 20; burst > 0; --burst) {
      const bool got = ring.Pop([&](const Sample& sample) {
        ASSERT_FALSE(inside.empty());
        ASSERT_TRUE(Numbered(inside.front()) == sample) << "sample " << inside.front();
      });
      ASSERT_EQ(got, !inside.empty());
      if (got) inside.pop_front(), ++popped;
    }
  }
  EXPECT_GT(popped, pushed - 100);
}

TEST(SampleRingTest, FullRefusesAndLosesNothing) {
  SampleRing ring(2048);
  for (int round = 0; round < 100; ++round) {
    uint64_t pushed = 0;
    while (Numbered(pushed).PushTo(ring)) ++pushed;
    ASSERT_GT(pushed, 4u);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(Numbered(pushed).PushTo(ring));
    for (uint64_t i = 0; i < pushed; ++i) {
      ASSERT_TRUE(ring.Pop([&](const Sample& sample) { ASSERT_TRUE(Numbered(i) == sample); }));
    }
    EXPECT_FALSE(ring.Pop([](const Sample&) { FAIL() << "a refused sample came out"; }));
  }
}

// A reader that keeps up: the front of the ring is used, and the rest is there when it is needed.
TEST(SampleRingTest, AnEmptyRingBeginsAgain) {
  SampleRing ring(1 << 14);
  const uint64_t* first = nullptr;
  for (uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(MadeSample(i, 4, 50).PushTo(ring));
    const uint64_t* at = nullptr;
    ASSERT_TRUE(ring.Pop([&](const Sample& sample) { at = sample.ticks.data(); }));
    if (i == 0) first = at;
    ASSERT_GE(at, first);
    ASSERT_LT(at - first, (1 << 12) + 512) << i;
  }
  for (int round = 0; round < 3; ++round) {
    uint64_t room = 0;
    while (MadeSample(room, 4, 50).PushTo(ring)) ++room;
    EXPECT_GT(room * 400, 1u << 12);
    for (uint64_t i = 0; i < room; ++i) {
      ASSERT_TRUE(ring.Pop([&](const Sample& sample) { ASSERT_TRUE(MadeSample(i, 4, 50) == sample); }));
    }
  }
}

TEST(SampleRingTest, ASampleOfNothingIsASample) {
  SampleRing ring(1024);
  ASSERT_TRUE(ring.TryPush({.t_ns = 42}, {}, {}, {}));
  int64_t t_ns = 0;
  EXPECT_TRUE(ring.Pop([&](const Sample& sample) {
    t_ns = sample.header.t_ns;
    EXPECT_THAT(sample.ticks, testing::IsEmpty());
    EXPECT_THAT(sample.threads, testing::IsEmpty());
  }));
  EXPECT_EQ(t_ns, 42);
}

// Wherever in the buffer the last one ended: what is skipped at its end must not make an empty ring refuse for ever.
TEST(SampleRingTest, AnEmptyRingTakesTheLargestSample) {
  const MadeSample largest(1, 264, 8192);
  const size_t words = 2 * (32 + 264 + 132 + 8192 * sizeof(ThreadRun) / 8);
  for (size_t before = 0; before < 400; ++before) {
    SampleRing ring(words);
    for (size_t i = 0; i < before; ++i) {
      ASSERT_TRUE(MadeSample(i, 4, 50).PushTo(ring));
      ASSERT_TRUE(ring.Pop([](const Sample&) {}));
    }
    ASSERT_TRUE(largest.PushTo(ring)) << before;
    ASSERT_TRUE(ring.Pop([&](const Sample& sample) { ASSERT_TRUE(largest == sample); }));
  }
}

// The two threads of the program. Under tsan this also shows that nothing is shared but what the ring orders.
TEST(SampleRingTest, OneWriterAndOneReader) {
  constexpr uint64_t kSamples = 30'000;
  SampleRing ring(2048);
  uint64_t refused = 0;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kSamples; ++i) {
      const MadeSample sample = Numbered(i);
      while (!sample.PushTo(ring)) {
        ++refused;
        std::this_thread::yield();
      }
    }
  });
  uint64_t read = 0;
  bool right = true;
  while (read < kSamples) {
    if (!ring.Pop([&](const Sample& sample) { right = right && Numbered(read) == sample; })) {
      std::this_thread::yield();
      continue;
    }
    ++read;
  }
  writer.join();
  EXPECT_TRUE(right);
  EXPECT_FALSE(ring.Pop([](const Sample&) {}));
  RecordProperty("refused", std::to_string(refused));
}

}  // namespace
}  // namespace vrapl
