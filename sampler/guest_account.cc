#include "sampler/guest_account.h"

#include <algorithm>
#include <cmath>

#include "delivery/guest_text.h"

namespace vrapl {

GuestAccount::GuestAccount(const GuestPolicy& policy, uint32_t epoch, uint64_t seed, int64_t start_ns, int64_t flush_ns)
    : policy_(policy),
      flushes_per_line_(std::max<int64_t>(1, (policy.period_ns + flush_ns - 1) / flush_ns)),
      maker_(epoch, start_ns,
             EnergyQuantizer(policy.quantum_uj, policy.noise ? std::optional<uint64_t>(seed) : std::nullopt)) {}

std::optional<std::string> GuestAccount::Add(const GuestFlush& flush, bool last) {
  energy_uj_ += flush.energy_uj;
  active_uj_ += flush.active_uj.value_or(0);
  run_time_ns_ += flush.run_time_ns;

  interval_.model = interval_.flushes == 0 ? flush.model : Weaker(interval_.model, flush.model);
  interval_.state |= flush.state;
  interval_.active_known = interval_.active_known && flush.active_uj.has_value();
  if (!flush.err_uj) interval_.err_squared.reset();
  if (interval_.err_squared) *interval_.err_squared += std::pow(static_cast<double>(*flush.err_uj), 2);
  if (++interval_.flushes < flushes_per_line_ && !last) return std::nullopt;

  const Interval ended = interval_;
  if (!policy_.deliver) return std::nullopt;
  GuestReading reading{.end_ns = flush.end_ns,
                       .unix_ns = flush.unix_ns,
                       .vcpus = flush.vcpus,
                       .model = std::string(ModelName(ended.model)),
                       .source = flush.source,
                       .run_time_method = flush.run_time_method,
                       .state = ended.state};
  if (policy_.run_time) reading.run_time_ns = run_time_ns_;
  if (flush.energy_known) {
    reading.energy_uj = energy_uj_;
    if (policy_.active && ended.active_known) reading.active_uj = active_uj_;
    if (policy_.error && ended.err_squared) {
      reading.err_uj = static_cast<int64_t>(std::ceil(std::sqrt(*ended.err_squared)));
    }
  }
  const absl::StatusOr<GuestLine> line = maker_.Next(reading);
  if (!line.ok()) return std::nullopt;  // the next one has this one's interval, too
  interval_ = Interval();
  return FormatGuestText(*line, policy_.format);
}

}  // namespace vrapl
