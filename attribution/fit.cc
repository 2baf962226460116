// Fit: as base-share, but run time counts for as much as a fit of the package's power found it to draw: alone on a core
// or beside a busy sibling, and of which VM; the power of a package that is awake at all goes by run time. The fit only
// makes weights, so that no error of it can lose energy.
//
// Where the samples do not tell VMs apart, which shows in that they are foretold no better than by base-share, it is
// base-share, and says so.
#include <algorithm>
#include <cmath>
#include <utility>

#include "attribution/fit_doubt.h"
#include "attribution/power_fit.h"
#include "attribution/simple_rules.h"
#include "attribution/sub_ticks.h"

namespace vrapl {
namespace {

constexpr size_t kSlots = 128;        // VMs that may have a power of their own at a time: those that run most
constexpr double kBatchMs = 1900;     // a batch is learned from when it is that long: just below the usual flush
constexpr double kBelieve = 3;        // so much better foretold than by base-share (log likelihood) ...
constexpr double kDoubt = 0.5;        // ... and until it is less than this
constexpr double kOpenBelieve = 0.5;  // so little may be open of how VMs differ ...
constexpr double kOpenDoubt = 0.7;    // ... and until it is more than this
constexpr double kRemember = 0.8;     // of that from batch to batch
constexpr double kWholeWeight = static_cast<double>(int64_t{1} << 44);

class Fit : public ModelRule {
 public:
  Pace pace() const override { return Pace::kLate; }

  void Learn(absl::Span<const Move> moves) override {
    for (const Move& move : moves) Remember(move);
    lags_.clear();
    next_lag_ = 0;
    if (batch_ms_ < kBatchMs) return;
    Digest();
    if (fit_.lag().size() >= moves.size())
      lags_.assign(fit_.lag().end() - static_cast<std::ptrdiff_t>(moves.size()), fit_.lag().end());
  }

  void Divide(const Move& move, Division& division) override {
    const double lag = next_lag_ < lags_.size() ? lags_[next_lag_++] : 0;
    const BasePower& base = own_base_.known && !Found(move.base) ? own_base_ : move.base;
    if (base.known) {
      division.floor = allowance_.Take(move, base);
      division.active = move.energy - division.floor;
    } else {
      DivideByCapacity(move, division);
      capacity_ = true;
      // As capacity has it.
      const auto there_was = static_cast<double>(std::max(move.capacity_ns, move.busy_ns));
      if (move.busy_ns > 0) {
        CountByRunTime(move, static_cast<double>(move.energy) * static_cast<double>(move.busy_ns) / there_was);
      }
      return;
    }
    (believed_ ? fitted_ : fell_back_) = true;
    if (believed_ && Weigh(move, lag, division)) return;
    division.weights.clear();
    division.rows.clear();
    for (const RowTime& row : move.rows) division.weights.push_back(row.run_ns);
    CountByRunTime(move, static_cast<double>(move.energy - division.floor));
  }

  Model Applied(bool base_known) const override {
    if (capacity_ || !(fitted_ || fell_back_ || base_known)) return Model::kCapacity;
    return fitted_ && !fell_back_ ? Model::kFit : Model::kBaseShare;
  }
  bool ActiveKnown(bool base_known) const override { return Applied(base_known) != Model::kCapacity; }
  std::optional<BasePower> Base() const override { return own_base_.known ? std::optional(own_base_) : std::nullopt; }
  double RowErrorTicks(int row) const override {
    const auto index = static_cast<size_t>(row);
    if (index >= key_of_row_.size() || key_of_row_[index] < 0) return 0;
    return doubt_.ErrorTicks(row, static_cast<size_t>(key_of_row_[index]), fit_, [this](size_t key) {
      return keys_[key].slot >= 0 ? static_cast<size_t>(keys_[key].slot) : PowerFit::kCommon;
    });
  }
  void Settled() override {
    fitted_ = fell_back_ = capacity_ = false;
    doubt_.Clear();
  }
  void Forget() override {
    allowance_.Forget();
    now_.clear();
  }

  void Retire(int row) override {
    std::erase_if(now_, [row](const Expected& expected) { return expected.row == row; });
    const auto index = static_cast<size_t>(row);
    if (index >= key_of_row_.size() || key_of_row_[index] < 0) return;
    const int gone = key_of_row_[index];
    batch_run_ms_.resize(keys_.size());
    doubt_.ForgetRow(row);
    doubt_.ForgetKey(static_cast<size_t>(gone));
    Key& key = keys_[static_cast<size_t>(gone)];
    if (key.slot >= 0) fit_.ResetSlot(static_cast<size_t>(key.slot)), free_slots_.push_back(key.slot);
    key = {};
    batch_run_ms_[static_cast<size_t>(gone)] = 0;
    free_keys_.push_back(gone);
    for (std::vector<int>* const map : {&key_of_row_, &key_of_group_}) std::replace(map->begin(), map->end(), gone, -1);
    for (FitEntry& entry : entries_) {
      if (entry.slot == gone) entry.slot = -1;
    }
  }

 private:
  // Whose power is looked for: a VM, or a row by itself.
  struct Key {
    double run_ms = 0;  // lately
    int slot = -1;
  };

  int KeyOf(const RowTime& row) {
    std::vector<int>& map = row.group >= 0 ? key_of_group_ : key_of_row_;
    const auto index = static_cast<size_t>(row.group >= 0 ? row.group : row.row);
    if (map.size() <= index) map.resize(index + 1, -1);
    if (map[index] < 0) {
      if (free_keys_.empty()) {
        free_keys_.push_back(static_cast<int>(keys_.size()));
        keys_.emplace_back();
      }
      map[index] = free_keys_.back();
      free_keys_.pop_back();
    }
    const int key = map[index];
    const auto own = static_cast<size_t>(row.row);
    if (key_of_row_.size() <= own) key_of_row_.resize(own + 1, -1);
    key_of_row_[own] = key;
    return key;
  }

  // By somebody who knows better than a fit does.
  static bool Found(const BasePower& base) { return base.given || base.seen; }

  // Of time of which nobody knows what the sibling did, half is taken for each.
  static std::pair<double, double> SoloShared(const RowTime& row) {
    const auto unknown = static_cast<double>(std::max<int64_t>(0, row.run_ns - row.solo_ns - row.shared_ns)) / 2;
    return {(static_cast<double>(row.solo_ns) + unknown) * 1e-6, (static_cast<double>(row.shared_ns) + unknown) * 1e-6};
  }

  void Remember(const Move& move) {
    found_base_ = move.base;
    FitSample sample{.ticks = static_cast<double>(move.energy) / static_cast<double>(kSubTicksPerTick),
                     .dt_ms = static_cast<double>(move.dt_ns) * 1e-6,
                     .awake_ms = move.awake_ns * 1e-6,
                     .first = entries_.size()};
    for (const RowTime& row : move.rows) {
      const auto [solo_ms, shared_ms] = SoloShared(row);
      sample.solo_ms += solo_ms;
      sample.shared_ms += shared_ms;
      const int key = KeyOf(row);
      // Keys stand where slots will.
      if (entries_.size() > sample.first && entries_.back().slot == key) {
        entries_.back().solo_ms += solo_ms;
        entries_.back().shared_ms += shared_ms;
      } else {
        entries_.push_back({.slot = key, .solo_ms = solo_ms, .shared_ms = shared_ms});
      }
      batch_run_ms_.resize(keys_.size());
      batch_run_ms_[static_cast<size_t>(key)] += solo_ms + shared_ms;
    }
    sample.entries = entries_.size() - sample.first;
    samples_.push_back(sample);
    batch_ms_ += sample.dt_ms;
  }

  // Slots to those that ran most lately; who has one keeps it until somebody ran clearly more.
  void HandOutSlots() {
    batch_run_ms_.resize(keys_.size());
    std::vector<int> without;
    std::vector<int> with;
    for (size_t i = 0; i < keys_.size(); ++i) {
      keys_[i].run_ms = kRemember * keys_[i].run_ms + batch_run_ms_[i];
      (keys_[i].slot < 0 ? without : with).push_back(static_cast<int>(i));
    }
    batch_run_ms_.assign(keys_.size(), 0);
    const auto ran = [this](int key) { return keys_[static_cast<size_t>(key)].run_ms; };
    std::sort(without.begin(), without.end(), [&](int a, int b) { return ran(a) != ran(b) ? ran(a) > ran(b) : a < b; });
    std::sort(with.begin(), with.end(), [&](int a, int b) { return ran(a) != ran(b) ? ran(a) < ran(b) : a < b; });
    auto least = with.begin();
    for (const int key : without) {
      if (ran(key) <= 0) break;
      if (free_slots_.empty()) {
        if (least == with.end() || ran(key) < 1.5 * ran(*least)) break;
        free_slots_.push_back(std::exchange(keys_[static_cast<size_t>(*least++)].slot, -1));
        fit_.ResetSlot(static_cast<size_t>(free_slots_.back()));
      }
      keys_[static_cast<size_t>(key)].slot = free_slots_.back();
      fit_.Grow(static_cast<size_t>(free_slots_.back()) + 1);
      free_slots_.pop_back();
    }
  }

  void Digest() {
    HandOutSlots();
    for (FitEntry& entry : entries_) {
      if (entry.slot >= 0) entry.slot = keys_[static_cast<size_t>(entry.slot)].slot;
    }
    for (PowerFit* const fit : {&fit_, &plain_}) {
      if (Found(found_base_)) {
        fit->FixBase(found_base_.ticks_per_second * 1e-3);
      } else {
        fit->FreeBase();
      }
    }
    const double gain = fit_.Update(samples_, entries_, &plain_);
    plain_.Update(samples_, entries_, nullptr);
    evidence_ = kRemember * evidence_ + gain;
    const double open = fit_.Undetermined();
    believed_ = evidence_ > (believed_ ? kDoubt : kBelieve) && open < (believed_ ? kOpenDoubt : kOpenBelieve);
    if (Found(found_base_)) {
      own_base_ = {};
    } else if (fit_.started()) {
      const PowerFit& found = believed_ ? fit_ : plain_;
      own_base_ = {.known = believed_ || found.base_error() <= BasePowerEstimator::kKnownWithin * fit_.mean_power(),
                   .ticks_per_second = std::max(0.0, found.base().value * 1e3),
                   .error_ticks_per_second = found.base_error() * 1e3};
    }
    samples_.clear();
    entries_.clear();
    batch_ms_ = 0;
  }

  // What each row is expected to have used of the move: of what it ran in it and, as energy lags, in the one before.
  bool Weigh(const Move& move, double lag, Division& division) {
    std::swap(before_, now_);
    now_.clear();
    const double awake =
        move.busy_ns > 0 ? std::max(0.0, fit_.awake().value) * move.awake_ns * 1e-6 / static_cast<double>(move.busy_ns)
                         : 0;
    for (const RowTime& row : move.rows) {
      const int slot = keys_[static_cast<size_t>(KeyOf(row))].slot;
      const double power = slot >= 0 ? fit_.power(static_cast<size_t>(slot)).value : fit_.solo().value;
      const auto [solo_ms, shared_ms] = SoloShared(row);
      const double run_ms = solo_ms + fit_.shared_weight() * shared_ms;
      now_.push_back(
          {.row = row.row, .ticks = power * run_ms + awake * static_cast<double>(row.run_ns), .run_ms = run_ms});
    }
    // Both lists ascend by row.
    raw_.clear();
    raw_run_ms_.clear();
    double sum = 0;
    const auto add = [&](int row, double ticks, double run_ms) {
      division.rows.push_back(row);
      raw_.push_back(ticks);
      raw_run_ms_.push_back(run_ms);
      sum += ticks;
    };
    auto before = lag > 0 ? before_.begin() : before_.end();
    for (const Expected& now : now_) {
      for (; before != before_.end() && before->row < now.row; ++before) {
        add(before->row, lag * before->ticks, lag * before->run_ms);
      }
      const bool both = before != before_.end() && before->row == now.row;
      const Expected last = both ? *before++ : Expected{};
      add(now.row, (1 - lag) * now.ticks + lag * last.ticks, (1 - lag) * now.run_ms + lag * last.run_ms);
    }
    for (; before != before_.end(); ++before) add(before->row, lag * before->ticks, lag * before->run_ms);
    if (!(sum > 0)) return false;
    const double scale =
        static_cast<double>(move.energy - division.floor) / static_cast<double>(kSubTicksPerTick) / sum;
    for (size_t i = 0; i < raw_.size(); ++i) {
      const int key = key_of_row_[static_cast<size_t>(division.rows[i])];
      if (key < 0) continue;
      doubt_.Charged(division.rows[i], static_cast<size_t>(key), scale * raw_[i], scale * raw_run_ms_[i]);
    }
    for (const double weight : raw_) division.weights.push_back(std::llround(weight / sum * kWholeWeight));
    return true;
  }

  void CountByRunTime(const Move& move, double sub_ticks) {
    if (move.busy_ns <= 0) return;
    for (const RowTime& row : move.rows) {
      const double ticks = sub_ticks / static_cast<double>(kSubTicksPerTick) * static_cast<double>(row.run_ns) /
                           static_cast<double>(move.busy_ns);
      doubt_.ChargedByRunTime(row.row, static_cast<size_t>(KeyOf(row)), ticks);
    }
  }

  static std::vector<int> AllSlots() {
    std::vector<int> slots;
    for (size_t i = kSlots; i-- > 0;) slots.push_back(static_cast<int>(i));
    return slots;
  }

  PowerFit fit_{0, /*with_states=*/true};
  PowerFit plain_{0, /*with_states=*/false};  // base-share's view of the same samples
  BasePower own_base_;                        // where nobody else found one
  BasePower found_base_;                      // newest
  double evidence_ = 0;
  bool believed_ = false;
  IdleAllowance allowance_;
  FitDoubt doubt_;
  bool fitted_ = false;
  bool fell_back_ = false;
  bool capacity_ = false;
  // The batch to learn from next.
  std::vector<FitSample> samples_;
  std::vector<FitEntry> entries_;
  double batch_ms_ = 0;
  std::vector<double> batch_run_ms_;  // per key
  std::vector<Key> keys_;
  std::vector<int> key_of_group_;
  std::vector<int> key_of_row_;
  std::vector<int> free_keys_;
  std::vector<int> free_slots_ = AllSlots();
  // What the rows of a move, and of the move before it, are expected to have used.
  struct Expected {
    int row = 0;
    double ticks = 0;
    double run_ms = 0;  // time beside a busy sibling counts as the fit has it
  };
  std::vector<Expected> now_;
  std::vector<Expected> before_;
  std::vector<double> lags_;  // of the moves that are about to be divided; none where they are not known
  size_t next_lag_ = 0;
  std::vector<double> raw_;
  std::vector<double> raw_run_ms_;
};

}  // namespace

std::unique_ptr<ModelRule> MakeFit() { return std::make_unique<Fit>(); }

}  // namespace vrapl
