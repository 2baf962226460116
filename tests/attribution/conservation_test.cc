// The law of the ledger, over a million random samples and every model: what the counter moved is in the rows, to the
// tick, through wraparounds, counters that begin anew, rows that come and go and settlements at any time. And no row is
// favoured by its place.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "attribution/ledger.h"
#include "base/energy_counter.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;

// A host whose VMs start and stop. Rows that are free are used again.
class MadeRows {
 public:
  explicit MadeRows(std::mt19937_64& random) : random_(random) {}

  // Nothing, a start, or a stop: then the rows to retire.
  std::vector<int> Churn() {
    if (random_() % 3 == 0) {
      Vm vm{.group = groups_++ % 50};
      for (uint64_t i = 0; i <= random_() % 4; ++i) {
        if (free_.empty()) free_.push_back(next_row_++);
        vm.rows.push_back(free_.back());
        free_.pop_back();
      }
      vms_.push_back(vm);
    } else if (vms_.size() > 2 && random_() % 3 == 0) {
      const size_t gone = random_() % vms_.size();
      const std::vector<int> rows = vms_[gone].rows;
      vms_.erase(vms_.begin() + static_cast<std::ptrdiff_t>(gone));
      free_.insert(free_.end(), rows.begin(), rows.end());
      return rows;
    }
    return {};
  }

  // Who runs in a sample, and for how long: from nobody to more than there are CPUs.
  void Run(std::vector<RowTime>& out) {
    out.clear();
    if (random_() % 10 == 0) return;
    if (random_() % 20 == 0) out.push_back({.row = kUnreportedRow, .run_ns = Below(kMs)});
    out.push_back({.row = kFirstFreeRow, .run_ns = Below(1000)});
    for (const Vm& vm : vms_) {
      if (random_() % 4 != 0) continue;
      for (const int row : vm.rows) {
        RowTime time{.row = row, .run_ns = random_() % 8 == 0 ? Below(3) : Below(kMs), .group = vm.group};
        time.solo_ns = Below(time.run_ns + 1);
        time.shared_ns = Below(time.run_ns - time.solo_ns + 1);
        // Some with a counter of their core, some whose energy comes late, some claiming more than there is.
        if (random_() % 3 == 0) time.core_nj = Below(random_() % 20 == 0 ? 1'000'000'000'000 : 5'000'000);
        if (random_() % 30 == 0) time.run_ns = time.solo_ns = time.shared_ns = 0;
        out.push_back(time);
      }
    }
    if (random_() % 2 == 0) std::shuffle(out.begin(), out.end(), random_);
  }

 private:
  struct Vm {
    int group = 0;
    std::vector<int> rows = {};
  };
  int64_t Below(int64_t limit) {
    return limit <= 0 ? 0 : static_cast<int64_t>(random_() % static_cast<uint64_t>(limit));
  }

  std::mt19937_64& random_;
  std::vector<Vm> vms_;
  std::vector<int> free_;
  int next_row_ = kFirstFreeRow + 1;
  int groups_ = 0;
};

class ConservationTest : public testing::TestWithParam<Model> {};

TEST_P(ConservationTest, AMillionSamplesLeaveNoTickOver) {
  constexpr int kSamples = 1'000'000;
  constexpr int kSeeds = 20;
  const Model model = GetParam();
  int64_t wraps = 0, restarts = 0, settlements = 0, churned = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(std::string(ModelName(model)) + ", seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Ledger ledger(model, {.nanojoules_per_tick = seed % 3 == 0 ? 0 : 15'258.8});
    if (seed % 4 == 0) ledger.GiveBase(static_cast<double>(random() % 3'000'000));
    MadeRows rows(random);
    std::vector<RowTime> ran;
    uint32_t raw = static_cast<uint32_t>(random());
    EnergyCounter counter(raw);
    uint64_t told = 0;     // of the counter, to the ledger
    uint64_t in_rows = 0;  // of the ledger, from all settlements
    uint64_t from_counter = 0;
    for (int i = 0; i < kSamples / kSeeds; ++i) {
      rows.Run(ran);
      // From nothing to 2 kW for a while; now and then a step that brings it around.
      const uint32_t step = random() % 6 == 0     ? 0
                            : random() % 500 == 0 ? static_cast<uint32_t>(random() % (uint64_t{1} << 31))
                                                  : static_cast<uint32_t>(random() % 3000);
      wraps += static_cast<uint32_t>(raw + step) < raw ? 1 : 0;
      raw += step;
      if (random() % 3000 == 0) {  // it began anew: nobody knows what was used
        raw = static_cast<uint32_t>(random());
        counter.Restart(raw);
        ledger.Forget();
        ++restarts;
        continue;
      }
      const uint64_t before = counter.total().count;
      const uint64_t ticks = counter.Advance(raw).count - before;
      ledger.Add(
          {.dt_ns = random() % 50 == 0 ? 0 : kMs + static_cast<int64_t>(random() % kMs), .cpus = 64, .rows = ran},
          ticks);
      told += ticks;
      if (random() % (seed % 2 == 0 ? 40 : 2500) != 0) continue;
      const Settlement settlement = ledger.Settle();
      ++settlements;
      in_rows += std::accumulate(settlement.rows.begin(), settlement.rows.end(), uint64_t{0},
                                 [](uint64_t sum, const RowEnergy& row) { return sum + row.ticks; }) +
                 static_cast<uint64_t>(settlement.unclaimed_ticks);
      from_counter += settlement.counter_ticks;
      ASSERT_EQ(in_rows, told) << "at sample " << i;
      ASSERT_EQ(from_counter, told) << "at sample " << i;
      ASSERT_TRUE(ClaimsAll(settlement.model) || model == Model::kEnergat);
      if (ClaimsAll(settlement.model)) {
        // Where another stands in for energat, what part of a tick was left unclaimed before may come to a whole one.
        ASSERT_LE(std::abs(settlement.unclaimed_ticks), model == Model::kEnergat ? 1 : 0);
      }
      for (const int row : rows.Churn()) {
        ledger.Retire(row, kFirstFreeRow);
        ++churned;
      }
    }
  }
  EXPECT_GT(wraps, 100);
  EXPECT_GT(restarts, 100);
  EXPECT_GT(settlements, 5'000);
  EXPECT_GT(churned, 500);
  std::printf(
      "%s: seeds 1 to %d, %d samples, %lld wraparounds, %lld counters begun anew, %lld settlements, %lld rows "
      "retired: residual 0 ticks\n",
      std::string(ModelName(model)).c_str(), kSeeds, kSamples, static_cast<long long>(wraps),
      static_cast<long long>(restarts), static_cast<long long>(settlements), static_cast<long long>(churned));
}

// Thousands of rows that all do the same, in samples of few ticks: over time each gets the same, the first and the
// last.
TEST_P(ConservationTest, ManyTinyRowsAreChargedAlike) {
  constexpr int kRows = 3000;
  constexpr int kFlushes = 30;
  Ledger ledger(GetParam());
  ledger.GiveBase(100'000);
  std::vector<RowTime> ran;
  for (int i = 0; i < kRows; ++i)
    ran.push_back({.row = kFirstFreeRow + i, .run_ns = 1000, .solo_ns = 1000, .group = i});
  std::vector<uint64_t> ticks(kRows);
  for (int flush = 0; flush < kFlushes; ++flush) {
    for (int ms = 0; ms < 60; ++ms)
      ledger.Add({.dt_ns = kMs, .cpus = 4, .rows = ran}, 1100 + static_cast<uint64_t>(ms));
    const Settlement settlement = ledger.Settle();
    for (int i = 0; i < kRows; ++i)
      ticks[static_cast<size_t>(i)] += settlement.rows[static_cast<size_t>(kFirstFreeRow + i)].ticks;
  }
  const auto [least, most] = std::minmax_element(ticks.begin(), ticks.end());
  EXPECT_GE(*least, 300u);
  EXPECT_LE(*most - *least, 2u) << "whole ticks, and what is carried";
  const auto half = ticks.begin() + kRows / 2;
  const auto first = std::accumulate(ticks.begin(), half, int64_t{0});
  const auto last = std::accumulate(half, ticks.end(), int64_t{0});
  EXPECT_NEAR(static_cast<double>(first), static_cast<double>(last), kRows) << "a tick each is in the carry";
}

// Who is a hundred times smaller gets a hundredth, in every place.
TEST_P(ConservationTest, SmallRowsAreNotRoundedAway) {
  if (GetParam() == Model::kEnergat) return;  // by its formula a hundredth of the time is a quarter of the claim
  constexpr int kRows = 1000;
  Ledger ledger(GetParam());
  ledger.GiveBase(0);
  std::vector<RowTime> ran;
  for (int i = 0; i < kRows; ++i) {
    const int64_t ns = i % 2 == 0 ? 100 : 10'000;
    ran.push_back({.row = kFirstFreeRow + i, .run_ns = ns, .solo_ns = ns, .group = i});
  }
  std::vector<double> ticks(kRows);
  for (int flush = 0; flush < 100; ++flush) {
    for (int ms = 0; ms < 20; ++ms) ledger.Add({.dt_ns = kMs, .cpus = 6, .rows = ran}, 500);
    const Settlement settlement = ledger.Settle();
    for (int i = 0; i < kRows; ++i) {
      ticks[static_cast<size_t>(i)] +=
          static_cast<double>(settlement.rows[static_cast<size_t>(kFirstFreeRow + i)].ticks);
    }
  }
  double small = 0, large = 0;
  for (size_t i = 0; i < kRows; ++i) (i % 2 == 0 ? small : large) += ticks[i];
  EXPECT_NEAR(large / small, 100, 4) << "rows that are alike round alike";
}

INSTANTIATE_TEST_SUITE_P(Models, ConservationTest, testing::ValuesIn(kModels), [](const auto& tested) {
  std::string name(ModelName(tested.param));
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace vrapl
