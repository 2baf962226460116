#include "sampler/domain_ledger.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

namespace vrapl {
namespace {

// No machine uses so much in one window. A source never says so, but a recording that was made up may. The smallest
// unit there is, perf's 2^-32 J, decides how many ticks the ledger must be able to take at once.
constexpr double kMostMovedJoules = 1e6;
constexpr double kMostMovedTicks = static_cast<double>(uint64_t{1} << 52);

template <typename T>
T& At(std::vector<T>& values, int index) {
  const auto i = static_cast<size_t>(index);
  if (values.size() <= i) values.resize(i + 1);
  return values[i];
}

}  // namespace

DomainLedger::DomainLedger(DomainInfo info, uint64_t start_ticks, int64_t start_ns, const Options& options)
    : info_(std::move(info)),
      frozen_after_ns_(options.frozen_after_ns),
      most_moved_ticks_(std::min(kMostMovedTicks, kMostMovedJoules / info_.unit.joules_per_tick)),
      last_ticks_(start_ticks),
      last_good_ns_(start_ns),
      last_moved_ns_(start_ns),
      settled_ticks_(options.models.size()),
      settled_uj_(options.models.size()),
      active_uj_(options.models.size()) {
  ModelOptions of_domain;
  if (info_.id.domain == RaplDomain::kDram) of_domain.energat_exponent = kEnergatMemoryExponent;
  if (info_.id.domain == RaplDomain::kPackage) of_domain.nanojoules_per_tick = info_.unit.joules_per_tick * 1e9;
  for (const Model model : options.models) {
    Ledger& ledger = ledgers_.emplace_back(model, of_domain);
    if (const std::optional<GivenPower>& given = options.base_power_w) {
      ledger.GiveBase(given->watts / info_.unit.joules_per_tick, given->err_w / info_.unit.joules_per_tick);
    }
  }
  updates_.Learn(options.updates.period_ns, options.updates.period_err_ns, options.updates.jitter_ns);
}

std::optional<uint64_t> DomainLedger::Move(const SampleHeader& header, uint64_t ticks, int error) {
  suspended_ns_ += header.suspended_ns;
  unread_ = error != 0 && error != EOVERFLOW;
  if (unread_) {
    // Its energy comes with the next good read, and so does this time.
    ++(error == ERANGE ? trouble_.glitches : trouble_.read_errors);
    return 0;
  }
  const uint64_t moved = ticks - std::exchange(last_ticks_, ticks);  // a count that fell is more than any machine's
  const int64_t since_ns = header.t_ns - std::exchange(last_good_ns_, header.t_ns);
  const int64_t suspended_ns = std::exchange(suspended_ns_, 0);
  if (error == EOVERFLOW || static_cast<double>(moved) > most_moved_ticks_) {
    trouble_.unknown_ns += since_ns + suspended_ns;
    last_moved_ns_ = header.t_ns;
    return std::nullopt;
  }
  const int64_t half_ns = header.skew_ns / 2;
  updates_.AddRead(header.t_ns - half_ns, header.t_ns + half_ns, ticks);
  if (moved > 0) last_moved_ns_ = header.t_ns;
  now_ = {.watts = power_.Add(static_cast<double>(moved) * info_.unit.joules_per_tick * 1e6, since_ns),
          .skew_ns = header.skew_ns,
          .at_edge = (header.flags & kSampleAtEdge) != 0};
  return moved;
}

std::optional<uint64_t> DomainLedger::Add(const SampleHeader& header, uint64_t ticks, int error,
                                          const TimeWindow& window) {
  const std::optional<uint64_t> moved = Move(header, ticks, error);
  for (Ledger& ledger : ledgers_) {
    if (moved) {
      ledger.Add(window, *moved);
    } else {
      ledger.Forget();  // the energy of all this time is unknown: the next must not be charged to it
    }
  }
  return moved;
}

void DomainLedger::AddReading(const SampleHeader& header, uint64_t ticks, int error) {
  const std::optional<uint64_t> moved = Move(header, ticks, error);
  flush_ticks_ += moved.value_or(0);
  flush_unknown_ = flush_unknown_ || !moved;
}

void DomainLedger::ChargeFlush(const TimeWindow& window) {
  const uint64_t ticks = std::exchange(flush_ticks_, 0);
  // A part of the flush has no known energy, and which part of the run time that is nobody can tell here.
  const bool unknown = std::exchange(flush_unknown_, false);
  if (unknown) trouble_.unknown_ns = std::max(trouble_.unknown_ns, window.dt_ns);
  for (Ledger& ledger : ledgers_) {
    if (unknown) {
      ledger.Forget();
    } else {
      ledger.Add(window, ticks);
    }
  }
}

void DomainLedger::Settle(int64_t t_ns) {
  settlements_.clear();
  for (Ledger& ledger : ledgers_) settlements_.push_back(ledger.Settle());
  settled_trouble_ = std::exchange(trouble_, {});
  flush_begin_ = std::exchange(flush_end_, now_);
  // An idle graphics unit, or core, may well draw nothing.
  const bool may_rest = info_.id.domain == RaplDomain::kUncore || info_.id.domain == RaplDomain::kCore;
  frozen_ =
      !may_rest && t_ns - last_moved_ns_ >= frozen_after_ns_ && last_good_ns_ - last_moved_ns_ >= frozen_after_ns_;
  grain_ = Grain();
}

std::optional<CounterGrain> DomainLedger::Grain() const {
  const UpdateSummary updates = updates_.Summary();
  if (updates.period_ns == 0 || settled_trouble_.unknown_ns > 0 || unread_ || frozen_) return std::nullopt;
  return CounterGrain{.unit_uj = info_.unit.joules_per_tick * 1e6,
                      .period_ns = static_cast<double>(updates.period_ns),
                      .jitter_ns = static_cast<double>(updates.jitter_ns),
                      .skew_ns = static_cast<double>(std::max(flush_begin_.skew_ns, flush_end_.skew_ns)),
                      .at_edges = flush_begin_.at_edge && flush_end_.at_edge};
}

std::optional<int64_t> DomainLedger::ErrorUj() const {
  if (!grain_) return std::nullopt;
  // Before the first flush nothing was seen of the power: it began as it went on.
  const double begin_w = flush_begin_.watts > 0 ? flush_begin_.watts : flush_end_.watts;
  return std::llround(std::ceil(HostErrorUj(*grain_, begin_w, flush_end_.watts)));
}

std::optional<int64_t> DomainLedger::ErrorUj(size_t model, const RowErrorSums& sums, double model_err_uj) const {
  if (!grain_) return std::nullopt;
  const BasePower& base = settlements_[model].base;
  const double base_err_w = base.known ? base.error_ticks_per_second * info_.unit.joules_per_tick : 0;
  return std::llround(std::ceil(ErrorOfTicksUj(sums, *grain_, base_err_w, model_err_uj)));
}

CounterReport DomainLedger::ReportCounter(size_t model, int64_t dt_ns) {
  const Settlement& settlement = settlements_[model];
  // The counter's own microjoules: the same for every model, so counted once.
  if (model == 0) counter_total_ += settlement.counter_ticks;
  const int64_t total_uj = RoundedMicrojoules({counter_total_}, info_.unit);
  const int64_t before_uj = RoundedMicrojoules({counter_total_ - settlement.counter_ticks}, info_.unit);
  CounterReport counter{.domain = info_.id,
                        .dt_ns = dt_ns,
                        .energy_ticks = settlement.counter_ticks,
                        .unit_uj = info_.unit.joules_per_tick * 1e6,
                        .energy_uj = total_uj - before_uj,
                        .err_uj = dt_ns > 0 ? ErrorUj() : std::nullopt,
                        .grain = dt_ns > 0 ? grain_ : std::nullopt,
                        .model = settlement.model,
                        .base_given = settlement.base.given,
                        .unclaimed_ticks = settlement.unclaimed_ticks,
                        .read_errors = settled_trouble_.read_errors,
                        .glitches = settled_trouble_.glitches,
                        .unknown_ns = settled_trouble_.unknown_ns,
                        .frozen = frozen_,
                        .updates = updates_.Summary()};
  if (settlement.base.known) {
    counter.base_w = settlement.base.ticks_per_second * info_.unit.joules_per_tick;
    counter.base_err_w = settlement.base.error_ticks_per_second * info_.unit.joules_per_tick;
  }
  return counter;
}

RowReport DomainLedger::ReportRow(size_t model, int row) {
  const Settlement& settlement = settlements_[model];
  const auto index = static_cast<size_t>(row);
  const uint64_t ticks = index < settlement.rows.size() ? settlement.rows[index].ticks : 0;
  uint64_t& settled = At(settled_ticks_[model], row);
  settled += ticks;
  const int64_t now_uj = RoundedMicrojoules({settled}, info_.unit);
  RowReport report{.domain = info_.id,
                   .energy_ticks = ticks,
                   .energy_uj = now_uj - std::exchange(At(settled_uj_[model], row), now_uj),
                   .error_sums = ledgers_[model].ErrorOfRow(row),
                   .model_err_uj = ModelErrorUj(settlement, row)};
  report.err_uj = ErrorUj(model, report.error_sums, report.model_err_uj);
  const long double active_total = index < settlement.rows.size() ? settlement.rows[index].active_total : 0;
  const int64_t active_now_uj = std::llround(active_total * static_cast<long double>(info_.unit.joules_per_tick * 1e6));
  int64_t& active_told_uj = At(active_uj_[model], row);
  if (settlement.active_known) {
    // Energy is told in whole ticks, up to one later than it was charged: what is active of it waits for it.
    report.active_uj = std::clamp<int64_t>(active_now_uj - active_told_uj, 0, report.energy_uj);
    active_told_uj += *report.active_uj;
  } else {
    active_told_uj = active_now_uj;
  }
  return report;
}

VmCounterReport DomainLedger::ReportGroup(size_t model, int group, absl::Span<const int> rows) const {
  VmCounterReport report{.domain = info_.id, .error_sums = ledgers_[model].ErrorOfGroup(group, rows)};
  // A model takes the rows of a VM as one: it is wrong about all of them in the same way.
  for (const int row : rows) report.model_err_uj += ModelErrorUj(settlements_[model], row);
  report.err_uj = ErrorUj(model, report.error_sums, report.model_err_uj);
  return report;
}

double DomainLedger::ModelErrorUj(const Settlement& settlement, int row) const {
  const auto index = static_cast<size_t>(row);
  if (index >= settlement.rows.size()) return 0;
  return settlement.rows[index].model_err_ticks * info_.unit.joules_per_tick * 1e6;
}

void DomainLedger::Retire(int row, int heir) {
  for (size_t model = 0; model < ledgers_.size(); ++model) {
    ledgers_[model].Retire(row, heir);
    At(settled_ticks_[model], row) = 0;
    At(settled_uj_[model], row) = 0;
    At(active_uj_[model], row) = 0;
  }
}

}  // namespace vrapl
