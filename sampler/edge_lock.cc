#include "sampler/edge_lock.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/sample.h"

namespace vrapl {
namespace {

// Updates may come so much before they are due: a thread that wakes later than that may have missed one.
constexpr int64_t kEarlyPart = 32;
// Across more periods than this the last edge does not tell where the next one is.
constexpr int64_t kMaxCoastPeriods = 500;
// The period follows the edges with this weight, and no further than so much from what was measured before.
constexpr double kFollow = 1.0 / 64;
constexpr double kMaxDrift = 0.05;
// Updates more uneven than this part of a period would be missed all the time: four deviations must fit into what is
// polled.
constexpr int64_t kJitterPart = 32;

// Why a counter with these updates cannot be locked to, "" where it can.
std::string WhyNoEdgeLock(const UpdateSummary& updates) {
  if (updates.edges == 0) return "its counter did not move while it was looked at";
  if (updates.period_ns <= 0) return "its counter moves at no even period that could be found";
  if (updates.period_ns > EdgeLock::kMaxUpdatePeriodNs) {
    return absl::StrCat("its counter moves only every ", updates.period_ns / kNanosPerMilli, " ms, more than ",
                        EdgeLock::kMaxUpdatePeriodNs / kNanosPerMilli);
  }
  if (updates.jitter_ns > updates.period_ns / (kJitterPart)) {
    return absl::StrFormat("its counter moves unevenly, %.0f us off a period of %.0f us",
                           static_cast<double>(updates.jitter_ns) * 1e-3,
                           static_cast<double>(updates.period_ns) * 1e-3);
  }
  return "";
}

}  // namespace

EdgeLock::EdgeLock(EnergySource& source, const Clock& clock, const Options& options)
    : source_(source),
      clock_(clock),
      domain_(options.domain),
      learned_period_ns_(static_cast<double>(options.update_period_ns)),
      stride_(std::max<int64_t>(1, (options.period_ns + options.update_period_ns / 2) / options.update_period_ns)),
      update_period_ns_(learned_period_ns_) {}

void EdgeLock::Start(int64_t start_ns) {
  last_sample_ns_ = start_ns;
  expected_ns_ = start_ns + step_ns();
}

EdgeLock::Tick EdgeLock::NextByClock() {
  Tick tick;
  const int64_t wake_ns = expected_ns_;
  clock_.SleepUntil(wake_ns);
  const int64_t now_ns = clock_.NowNs();
  tick.late_ns = now_ns - wake_ns;
  const int64_t passed = tick.late_ns / step_ns();
  tick.missed = static_cast<uint64_t>(passed);
  expected_ns_ += (passed + 1) * step_ns();
  last_sample_ns_ = now_ns;
  return tick;
}

EdgeLock::Tick EdgeLock::Next() {
  if (rest_until_ns_ != 0) {
    if (clock_.NowNs() < rest_until_ns_) return NextByClock();
    rest_until_ns_ = 0;
    misses_ = kMissesToRest - 2;  // it need not be sixteen times again
  }
  Tick tick;
  clock_.SleepUntil(wake_ns());
  const int64_t now_ns = clock_.NowNs();
  tick.late_ns = now_ns - wake_ns();
  uint64_t raw = 0;
  if (source_.Peek(domain_, raw) != 0) {
    OnNoEdge(tick);
    return tick;
  }
  bool too_late = now_ns >= expected_ns_ - period_ns() / kEarlyPart;
  if (now_ns - last_edge_ns_ > kMaxCoastPeriods * period_ns()) lost_ = true;
  if (!lost_) {
    // With several updates to a sample the value does not tell whether the last of them has been.
    const bool gone = stride_ == 1 ? raw != raw_ : too_late;
    too_late = too_late && gone;
    // It came too early or the thread too late, and nobody knows when it was. The next one is waited for here and now:
    // to sleep first would be to wake too late again.
    lost_ = gone;
  }
  const int64_t limit_ns = lost_ ? now_ns + period_ns() * 3 / 2 : expected_ns_ + period_ns() / 2;
  switch (Poll(raw, now_ns, limit_ns, tick)) {
    case Polled::kEdge:
      OnEdge(tick);
      break;
    case Polled::kBlurred:
      OnBlurred(tick);
      break;
    case Polled::kNone:
      OnNoEdge(tick);
      return tick;
  }
  if (too_late) {
    CountMiss(tick.after_ns);
  } else {
    misses_ = 0;
  }
  return tick;
}

EdgeLock::Polled EdgeLock::Poll(uint64_t old, int64_t before_ns, int64_t limit_ns, Tick& tick) {
  for (int64_t start_ns = clock_.NowNs();;) {
    uint64_t raw = 0;
    if (source_.Peek(domain_, raw) != 0) return Polled::kNone;
    const int64_t after_ns = clock_.NowNs();
    if (raw != old) {
      tick.before_ns = before_ns;
      tick.after_ns = after_ns;
      raw_ = raw;
      return after_ns - before_ns > longest_hold_up_ns() ? Polled::kBlurred : Polled::kEdge;
    }
    if (after_ns >= limit_ns) return Polled::kNone;
    before_ns = start_ns;
    start_ns = after_ns;
  }
}

void EdgeLock::OnEdge(Tick& tick) {
  const int64_t edge_ns = tick.edge_ns();
  tick.flags = kSampleAtEdge;
  if (edge_ns - last_sample_ns_ > step_ns() + period_ns() / 2) tick.flags |= kSampleDouble;
  // So many updates after the one that was to be sampled.
  const int64_t after = std::max<int64_t>(0, (edge_ns - expected_ns_ + period_ns() / 2) / period_ns());
  tick.missed += static_cast<uint64_t>(after / stride_);
  if (!lost_ && after == 0 && last_edge_ns_ == last_sample_ns_) {
    const double periods = std::round(static_cast<double>(expected_ns_ - last_edge_ns_) / update_period_ns_);
    const double spacing_ns = static_cast<double>(edge_ns - last_edge_ns_) / periods;
    if (std::abs(spacing_ns - update_period_ns_) < update_period_ns_ / 2) {
      update_period_ns_ = std::clamp(update_period_ns_ + (spacing_ns - update_period_ns_) * kFollow,
                                     learned_period_ns_ * (1 - kMaxDrift), learned_period_ns_ * (1 + kMaxDrift));
    }
  }
  last_edge_ns_ = last_sample_ns_ = edge_ns;
  expected_ns_ = edge_ns + step_ns() - (after % stride_) * period_ns();
  lost_ = false;
}

// The thread was held up between two reads: that an update was is known, and roughly when.
void EdgeLock::OnBlurred(Tick& tick) {
  tick.flags = kSampleMissedEdge;
  const int64_t passed = (tick.after_ns - expected_ns_) / step_ns();
  if (passed > 0) tick.missed += static_cast<uint64_t>(passed);
  lost_ = tick.after_ns - tick.before_ns > period_ns() / 2;
  expected_ns_ = tick.edge_ns() + step_ns();
  last_sample_ns_ = tick.after_ns;
}

void EdgeLock::OnNoEdge(Tick& tick) {
  tick.flags = kSampleMissedEdge;
  const int64_t now_ns = clock_.NowNs();
  // Ticks that went by while it was looked for are missed, but for the one that is sampled.
  const int64_t passed = std::max<int64_t>(0, (now_ns - expected_ns_) / step_ns());
  tick.missed += static_cast<uint64_t>(passed);
  expected_ns_ += (passed + 1) * step_ns();
  last_sample_ns_ = now_ns;
  lost_ = true;
  CountMiss(now_ns);
}

void EdgeLock::CountMiss(int64_t now_ns) {
  if (++misses_ >= kMissesToRest) rest_until_ns_ = now_ns + kRestNs;
}

Alignment AlignToEdges(EnergySource& source, absl::Span<const UpdateSummary> updates, int64_t period_ns) {
  const PackageInfo& package = source.package();
  const auto of_package = std::find_if(package.domains.begin(), package.domains.end(), [](const DomainInfo& domain) {
    return domain.id.domain == RaplDomain::kPackage;
  });
  const auto domain = static_cast<size_t>(of_package - package.domains.begin());
  std::string why = "it has no counter of its own that was looked at";
  if (domain < updates.size()) {
    uint64_t raw = 0;
    why = source.Peek(domain, raw) == ENOTSUP
              ? absl::StrCat("with ", std::string(source.backend()), " a reading does not show when the counter moves")
              : WhyNoEdgeLock(updates[domain]);
  }
  const std::string name = absl::StrCat("package ", package.package_id);
  if (!why.empty()) return {.lock = std::nullopt, .notice = absl::StrCat(name, " is sampled by the clock: ", why)};
  const int64_t update_ns = updates[domain].period_ns;
  Alignment aligned{.lock = EdgeLock::Options{.domain = domain, .update_period_ns = update_ns, .period_ns = period_ns}};
  if (period_ns < update_ns * 3 / 4) {
    aligned.notice = absl::StrFormat("%s is sampled at each update, every %.3f ms: there are no more of them", name,
                                     static_cast<double>(update_ns) * 1e-6);
  }
  return aligned;
}

}  // namespace vrapl
