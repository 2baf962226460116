#include "attribution/sub_ticks.h"

#include <algorithm>
#include <numeric>

namespace vrapl {
namespace {

using Wide = unsigned __int128;

// A division of 128 bits takes longer than all else that is done for a row. Where the result has no more bits than a
// double, a product by the reciprocal is right but for one, and the remainder tells which way.
constexpr uint64_t kMostByReciprocal = uint64_t{1} << 50;
constexpr uint64_t kMostWhole = uint64_t{1} << 61;

}  // namespace

uint64_t DivideOfWhole(uint64_t amount, absl::Span<const int64_t> weights, uint64_t whole, absl::Span<uint64_t> parts) {
  uint64_t given = 0;
  const auto heaviest = weights.empty() ? 0 : static_cast<uint64_t>(*std::max_element(weights.begin(), weights.end()));
  if (whole > 0 && amount < kMostByReciprocal && whole < kMostWhole && heaviest <= whole) {
    const double of_each = static_cast<double>(amount) / static_cast<double>(whole);
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto weight = static_cast<uint64_t>(weights[i]);
      auto part = static_cast<uint64_t>(of_each * static_cast<double>(weight));
      // Modulo 2^64; what is left is small.
      const auto rest = static_cast<int64_t>(amount * weight - part * whole);
      if (rest < 0) {
        --part;
      } else if (rest >= static_cast<int64_t>(whole)) {
        ++part;
      }
      parts[i] = part;
      given += part;
    }
    return amount - given;
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    parts[i] = whole == 0 ? 0 : static_cast<uint64_t>(Wide{amount} * static_cast<uint64_t>(weights[i]) / whole);
    given += parts[i];
  }
  return amount - given;
}

void Divide(uint64_t amount, absl::Span<const int64_t> weights, absl::Span<uint64_t> parts) {
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0}, [](uint64_t total, int64_t weight) {
    return total + static_cast<uint64_t>(weight);
  });
  const uint64_t left = DivideOfWhole(amount, weights, sum, parts);
  if (sum == 0 || left == 0) return;
  const auto largest = std::max_element(weights.begin(), weights.end());
  parts[static_cast<size_t>(largest - weights.begin())] += left;
}

std::vector<uint64_t> TickSettler::Settle(absl::Span<const uint64_t> owed) {
  if (carry_.size() < owed.size()) carry_.resize(owed.size());
  constexpr auto kTick = static_cast<int64_t>(kSubTicksPerTick);
  std::vector<uint64_t> ticks(carry_.size());
  int64_t open = 0;  // sub-ticks not handed out, over all rows
  for (size_t i = 0; i < carry_.size(); ++i) {
    const uint64_t due = i < owed.size() ? owed[i] : 0;
    ticks[i] = due >> kSubTickBits;
    carry_[i] += static_cast<int64_t>(due & (kSubTicksPerTick - 1));
    if (carry_[i] >= kTick) {
      ++ticks[i];
      carry_[i] -= kTick;
    }
    if (carry_[i] < 0 && ticks[i] > 0) {
      --ticks[i];
      carry_[i] += kTick;
    }
    open += carry_[i];
  }
  // Whole ticks are still open (or, rarely, too many were given): to and from those with the most to ask for. Fewer are
  // open than there are rows, so nobody gets two.
  std::vector<size_t> order(carry_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [this](size_t a, size_t b) { return carry_[a] != carry_[b] ? carry_[a] > carry_[b] : a < b; });
  for (auto row = order.begin(); open >= kTick && row != order.end(); ++row, open -= kTick) {
    ++ticks[*row];
    carry_[*row] -= kTick;
  }
  for (auto row = order.rbegin(); open <= -kTick && row != order.rend(); ++row) {
    if (ticks[*row] == 0) continue;
    --ticks[*row];
    carry_[*row] += kTick;
    open += kTick;
  }
  return ticks;
}

void TickSettler::MoveCarry(size_t from, size_t to) {
  if (carry_.size() <= std::max(from, to)) carry_.resize(std::max(from, to) + 1);
  carry_[to] += carry_[from];
  carry_[from] = 0;
}

}  // namespace vrapl
