#include "guest/energy_account.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::Optional;

using Random = std::mt19937_64;

TEST(EnergyAccountTest, TheFirstLineCountsFromItsEpoch) {
  MadeLines made(7);
  made.Skip();
  made.Skip();
  EnergyAccount account;
  EXPECT_EQ(account.energy_uj(), std::nullopt);
  EXPECT_TRUE(account.Take(made.Next()));
  EXPECT_THAT(account.energy_uj(), Optional(60'000'000));
  EXPECT_EQ(account.skipped(), 0u) << "what was before it listened is not lost";
}

// Whatever is dropped, repeated, late, or begun anew: the count is the sum, over the epochs, of the most that each
// told; it never falls; and what was skipped is what was made and not taken.
TEST(EnergyAccountTest, Laws) {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    EnergyAccount account;
    std::map<uint32_t, int64_t> told;
    int64_t before = 0;
    uint64_t made_since_first = 0;
    uint64_t taken = 0;
    std::vector<GuestLine> waiting;  // a line of the past that may come once more
    for (int epoch = 1; epoch <= 6; ++epoch) {
      const auto id = static_cast<uint32_t>(random());
      MadeLines made(id);
      int64_t power_x_dt_uj = 0;
      for (uint64_t n = random() % 20 + 1; n > 0; --n) {
        const auto power_mw = static_cast<int64_t>(random() % 200'000);
        GuestLine line = made.Next(power_mw, power_mw / 2);
        power_x_dt_uj += *line.power_mw * line.dt_us / 1000;
        ASSERT_EQ(power_x_dt_uj, *line.energy_uj);
        const bool last_of_epoch = n == 1;
        if (taken > 0) ++made_since_first;
        if (random() % 4 == 0 && !last_of_epoch) continue;  // skipped
        if (random() % 8 == 0) line.energy_uj.reset();
        if (!waiting.empty() && random() % 4 == 0) {
          EXPECT_FALSE(account.Take(waiting[random() % waiting.size()]));
        }
        ASSERT_TRUE(account.Take(line));
        ++taken;
        if (line.energy_uj.has_value()) told[id] = *line.energy_uj;
        // Only the last two epochs: a port holds no more than that.
        if (waiting.size() > 8) waiting.erase(waiting.begin());
        waiting.push_back(line);
        std::erase_if(waiting, [&](const GuestLine& old) { return old.epoch != id; });
        int64_t sum = 0;
        for (const auto& [unused, energy_uj] : told) sum += energy_uj;
        ASSERT_EQ(account.energy_uj().value_or(0), sum);
        ASSERT_GE(account.energy_uj().value_or(0), before);
        before = account.energy_uj().value_or(0);
      }
    }
    EXPECT_EQ(account.lines(), taken);
    EXPECT_EQ(account.epochs(), 6u);
    EXPECT_EQ(account.skipped() + account.lines() - 1, made_since_first);
  }
}

// A line that waited in the port from before the host's restart comes after the first line of the new epoch.
TEST(EnergyAccountTest, ALateLineOfTheEpochBeforeIsNoNewEpoch) {
  MadeLines old(1);
  MadeLines fresh(2);
  EnergyAccount account;
  EXPECT_TRUE(account.Take(old.Next()));
  EXPECT_TRUE(account.Take(fresh.Next()));
  EXPECT_FALSE(account.Take(old.Next()));
  EXPECT_THAT(account.energy_uj(), Optional(40'000'000));
  EXPECT_EQ(account.epochs(), 2u);
}

TEST(EnergyAccountTest, ACountThatFallsWaits) {
  MadeLines made(1);
  EnergyAccount account;
  made.Skip();
  GuestLine line = made.Next();
  EXPECT_TRUE(account.Take(line));
  line.seq = 3;
  line.energy_uj = 1;
  EXPECT_TRUE(account.Take(line));
  EXPECT_THAT(account.energy_uj(), Optional(40'000'000));
}

TEST(EnergyAccountTest, SavedAndLoadedItGoesOnAsIfNothingHadBeen) {
  Random random(2);
  EnergyAccount whole;
  EnergyAccount parts;
  for (int epoch = 1; epoch <= 5; ++epoch) {
    MadeLines made(static_cast<uint32_t>(random()));
    for (int i = 0; i < 10; ++i) {
      const GuestLine line = made.Next(static_cast<int64_t>(random() % 100'000));
      if (random() % 3 == 0) continue;
      const std::optional<EnergyAccount> loaded = EnergyAccount::Load(parts.Save());
      ASSERT_TRUE(loaded.has_value());
      parts = *loaded;
      EXPECT_EQ(whole.Take(line), parts.Take(line));
      EXPECT_EQ(whole.Save(), parts.Save());
    }
  }
}

TEST(EnergyAccountTest, DamagedStateIsNotLoaded) {
  MadeLines made(3);
  EnergyAccount account;
  account.Take(made.Next());
  const std::string saved = account.Save();
  for (size_t i = 0; i < saved.size() - 1; ++i) {
    std::string damaged = saved;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(EnergyAccount::Load(damaged).has_value()) << damaged;
    EXPECT_FALSE(EnergyAccount::Load(saved.substr(0, i)).has_value());
  }
}

}  // namespace
}  // namespace vrapl
