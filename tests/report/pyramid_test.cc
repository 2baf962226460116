#include "report/pyramid.h"

#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "report/packed_numbers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMs = 1'000'000;

int64_t Sum(const std::vector<int64_t>& values) { return std::accumulate(values.begin(), values.end(), int64_t{0}); }

// Windows of uneven length with a stall in between; two clocks that differ, three tracks.
struct MadeWindows {
  explicit MadeWindows(int count, uint32_t seed = 1) {
    std::mt19937 random(seed);
    int64_t end = 0;
    for (int i = 0; i < count; ++i) {
      const int64_t length = i == count / 2 ? 37 * kMs : 900'000 + static_cast<int64_t>(random() % 200'000);
      end += length;
      end_ns.push_back(end);
      dt_ns.push_back({length, length + static_cast<int64_t>(random() % 20'000)});
      energy_uj.push_back({static_cast<int64_t>(random() % 100'000), static_cast<int64_t>(random() % 3), 0});
    }
  }
  void Feed(Pyramid& pyramid) const {
    for (size_t i = 0; i < end_ns.size(); ++i) pyramid.Add(end_ns[i], dt_ns[i], energy_uj[i]);
  }
  std::vector<int64_t> end_ns;
  std::vector<std::vector<int64_t>> dt_ns;
  std::vector<std::vector<int64_t>> energy_uj;
};

TEST(PyramidTest, EveryLevelHasTheSameEnergyAndTime) {
  for (const int64_t bin_ns : {int64_t{0}, 2 * kMs, 10 * kMs, 50 * kMs}) {
    const MadeWindows windows(20'000);
    Pyramid pyramid(2, {0, 1, 1}, bin_ns);
    windows.Feed(pyramid);
    const std::vector<PyramidLevel> levels = pyramid.TakeLevels();
    ASSERT_GE(levels.size(), 2u);
    for (size_t track = 0; track < 3; ++track) {
      int64_t truth = 0;
      for (const auto& energy : windows.energy_uj) truth += energy[track];
      for (const PyramidLevel& level : levels) EXPECT_EQ(Sum(level.tracks[track].energy_uj), truth);
    }
    for (size_t clock = 0; clock < 2; ++clock) {
      int64_t truth = 0;
      for (const auto& dt : windows.dt_ns) truth += dt[clock];
      for (const PyramidLevel& level : levels) EXPECT_EQ(Sum(level.dt_ns[clock]), truth);
    }
    for (const PyramidLevel& level : levels) {
      EXPECT_EQ(level.end_ns.back(), windows.end_ns.back());
      EXPECT_TRUE(std::is_sorted(level.end_ns.begin(), level.end_ns.end()));
      EXPECT_EQ(level.end_ns.size(), level.tracks[0].energy_uj.size());
      EXPECT_EQ(level.end_ns.size(), level.dt_ns[1].size());
    }
    EXPECT_LE(levels.back().end_ns.size(), Pyramid::kCoarsest);
  }
}

TEST(PyramidTest, TheLeastAndTheMostAreThoseOfTheWindows) {
  const MadeWindows windows(5'000);
  for (const int64_t bin_ns : {int64_t{0}, 5 * kMs}) {
    Pyramid pyramid(2, {0, 1, 1}, bin_ns);
    windows.Feed(pyramid);
    const std::vector<PyramidLevel> levels = pyramid.TakeLevels();
    for (const PyramidLevel& level : levels) {
      size_t window = 0;
      for (size_t bin = 0; bin < level.end_ns.size(); ++bin) {
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (; window < windows.end_ns.size() && windows.end_ns[window] <= level.end_ns[bin]; ++window) {
          const int64_t power_mw = MilliwattsOf(windows.energy_uj[window][0], windows.dt_ns[window][0]);
          least = std::min(least, power_mw);
          most = std::max(most, power_mw);
        }
        if (level.exact) continue;
        ASSERT_EQ(level.tracks[0].min_mw[bin], least);
        ASSERT_EQ(level.tracks[0].max_mw[bin], most);
      }
      EXPECT_EQ(window, windows.end_ns.size());
    }
  }
}

TEST(PyramidTest, WithoutBinsTheFinestLevelIsTheWindows) {
  Pyramid pyramid(1, {0}, 0);
  pyramid.Add(1 * kMs, {1 * kMs}, {5'000});
  pyramid.Add(3 * kMs, {2 * kMs}, {30'000});
  const std::vector<PyramidLevel> levels = pyramid.TakeLevels();
  ASSERT_THAT(levels, SizeIs(1));
  EXPECT_TRUE(levels[0].exact);
  EXPECT_THAT(levels[0].end_ns, ElementsAre(1 * kMs, 3 * kMs));
  EXPECT_THAT(levels[0].tracks[0].energy_uj, ElementsAre(5'000, 30'000));
  EXPECT_THAT(levels[0].tracks[0].min_mw, IsEmpty());
  EXPECT_EQ(MilliwattsOf(5'000, kMs), 5'000);  // 5 mJ in a millisecond
}

TEST(PyramidTest, ABinEndsWithTheFirstWindowAtOrAfterTheGrid) {
  Pyramid pyramid(1, {0}, 10 * kMs);
  pyramid.Add(4 * kMs, {4 * kMs}, {1});
  pyramid.Add(10 * kMs, {6 * kMs}, {2});   // at the end of the first
  pyramid.Add(35 * kMs, {25 * kMs}, {4});  // a stall over two bins
  pyramid.Add(36 * kMs, {1 * kMs}, {8});
  pyramid.Add(41 * kMs, {5 * kMs}, {16});
  const std::vector<PyramidLevel> levels = pyramid.TakeLevels();
  EXPECT_THAT(levels[0].end_ns, ElementsAre(10 * kMs, 35 * kMs, 41 * kMs));
  EXPECT_THAT(levels[0].tracks[0].energy_uj, ElementsAre(3, 4, 24));
}

TEST(PyramidTest, NothingIsNothing) {
  Pyramid pyramid(1, {0}, kMs);
  const std::vector<PyramidLevel> levels = pyramid.TakeLevels();
  ASSERT_THAT(levels, SizeIs(1));
  EXPECT_THAT(levels[0].end_ns, IsEmpty());
}

TEST(FinestBinTest, AMinuteIsShownSampleBySampleAnHourIsNot) {
  const int64_t second = 1'000 * kMs;
  EXPECT_EQ(FinestBinNs(60 * second, kMs, 10, 9'000'000), 0);
  const int64_t hour = FinestBinNs(3600 * second, kMs, 10, 9'000'000);
  EXPECT_GT(hour, kMs);
  EXPECT_LE(hour, 200 * kMs);
  // More curves, coarser bins; and never more than one for the whole.
  EXPECT_GE(FinestBinNs(3600 * second, kMs, 40, 9'000'000), 4 * hour / 2);
  EXPECT_LE(FinestBinNs(3600 * second, kMs, 1'000'000, 1), 36'000 * second);
}

// What the page of an hour holds: eight million numbers would be too many.
TEST(FinestBinTest, ThePageOfAnHourStaysWithinItsBudget) {
  const int64_t hour_ns = 3'600'000 * kMs;
  constexpr size_t kTracks = 8;
  constexpr size_t kBudget = 9'000'000;
  Pyramid pyramid(1, std::vector<size_t>(kTracks, 0), FinestBinNs(hour_ns, kMs, kTracks, kBudget));
  std::mt19937 random(3);
  std::vector<int64_t> energy_uj(kTracks);
  for (int64_t end_ns = kMs; end_ns <= hour_ns; end_ns += kMs) {
    for (int64_t& energy : energy_uj) energy = static_cast<int64_t>(random() % 60'000);
    pyramid.Add(end_ns, {kMs}, energy_uj);
  }
  size_t bytes = 0;
  for (const PyramidLevel& level : pyramid.TakeLevels()) {
    bytes += PackAscending(level.end_ns).size() + PackNumbers(level.dt_ns[0]).size();
    for (const PyramidLevel::Track& track : level.tracks) {
      bytes +=
          PackNumbers(track.energy_uj).size() + PackNumbers(track.min_mw).size() + PackNumbers(track.max_mw).size();
    }
  }
  EXPECT_LT(bytes, kBudget * 13 / 10);
  EXPECT_GT(bytes, kBudget / 5);
}

TEST(PackedNumbersTest, AreBase128InBase64) {
  EXPECT_EQ(PackNumbers({}), "");
  EXPECT_EQ(PackNumbers({0, 1, 127}), "AAF/");  // 00 01 7f
  EXPECT_EQ(PackNumbers({300}), "rAI=");        // ac 02, the example of Protocol Buffers
  EXPECT_EQ(PackAscending({300, 300, 301}), "rAIAAQ==");
}

}  // namespace
}  // namespace vrapl
