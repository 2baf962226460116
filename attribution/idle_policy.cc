#include "attribution/idle_policy.h"

#include <algorithm>
#include <numeric>

namespace vrapl {
namespace {

constexpr IdlePolicy kPolicies[] = {IdlePolicy::kOwn, IdlePolicy::kProportional, IdlePolicy::kEqual, IdlePolicy::kVcpus,
                                    IdlePolicy::kShapley};

using Wide = unsigned __int128;

// amount x part / whole, rounded down.
uint64_t Part(uint64_t amount, int64_t part, int64_t whole) {
  return static_cast<uint64_t>(Wide{amount} * static_cast<uint64_t>(part) / static_cast<uint64_t>(whole));
}

void DivideByTime(uint64_t idle, int64_t flush_ns, absl::Span<const IdleSharer> sharers, std::vector<uint64_t>& parts) {
  std::vector<size_t> order(sharers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto on_ns = [&](size_t i) { return std::clamp<int64_t>(sharers[i].on_ns, 0, flush_ns); };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return on_ns(a) != on_ns(b) ? on_ns(a) < on_ns(b) : a < b; });
  // From the shortest on: the energy of the time up to it is everybody's who was there that long.
  uint64_t each = 0;
  uint64_t up_to_before = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const uint64_t up_to = flush_ns > 0 ? Part(idle, on_ns(order[i]), flush_ns) : 0;
    each += (up_to - up_to_before) / (order.size() - i);
    up_to_before = up_to;
    parts[order[i]] = each;
  }
}

}  // namespace

absl::string_view IdlePolicyName(IdlePolicy policy) {
  switch (policy) {
    case IdlePolicy::kOwn:
      return "own";
    case IdlePolicy::kProportional:
      return "proportional";
    case IdlePolicy::kEqual:
      return "equal";
    case IdlePolicy::kVcpus:
      return "vcpus";
    case IdlePolicy::kShapley:
      return "shapley";
  }
  return "unknown";
}

std::optional<IdlePolicy> IdlePolicyByName(absl::string_view name) {
  for (const IdlePolicy policy : kPolicies) {
    if (name == IdlePolicyName(policy)) return policy;
  }
  return std::nullopt;
}

std::vector<std::string> IdlePolicyNames() {
  std::vector<std::string> names;
  for (const IdlePolicy policy : kPolicies) names.emplace_back(IdlePolicyName(policy));
  return names;
}

std::vector<uint64_t> IdleParts(IdlePolicy policy, uint64_t idle_ticks, int64_t flush_ns,
                                absl::Span<const IdleSharer> sharers) {
  std::vector<uint64_t> parts(sharers.size());
  const uint64_t idle = idle_ticks << kSubTickBits;
  if (policy == IdlePolicy::kOwn) return parts;
  if (policy == IdlePolicy::kShapley) {
    DivideByTime(idle, flush_ns, sharers, parts);
    return parts;
  }
  std::vector<int64_t> weights;
  for (const IdleSharer& sharer : sharers) {
    weights.push_back(policy == IdlePolicy::kProportional ? static_cast<int64_t>(sharer.ticks)
                      : policy == IdlePolicy::kVcpus      ? std::max(sharer.vcpus, 0)
                                                          : (sharer.on_ns > 0 ? 1 : 0));
  }
  Divide(idle, weights, absl::MakeSpan(parts));
  return parts;
}

std::vector<uint64_t> IdleSettler::Settle(uint64_t idle_ticks, int64_t flush_ns, absl::Span<const IdleSharer> sharers) {
  std::vector<uint64_t> owed = IdleParts(policy_, idle_ticks, flush_ns, sharers);
  const uint64_t given = std::accumulate(owed.begin(), owed.end(), uint64_t{0});
  owed.insert(owed.begin(), (idle_ticks << kSubTickBits) - given);
  std::vector<uint64_t> ticks = settler_.Settle(owed);
  ticks.erase(ticks.begin());
  ticks.resize(std::max(ticks.size(), sharers.size()));
  return ticks;
}

}  // namespace vrapl
