#include "sampler/idle_shares.h"

#include <algorithm>
#include <utility>

#include "base/units.h"

namespace vrapl {

std::map<int, int64_t> IdleShares::Settle(const ModelReport& model, const std::vector<Sharer>& sharers) {
  std::map<int, int64_t> parts;
  for (const Sharer& sharer : sharers) parts[sharer.vm] = 0;
  if (policy_ == IdlePolicy::kOwn || parts.empty()) return parts;
  const auto end = static_cast<size_t>(parts.rbegin()->first) + 1;
  for (const CounterReport& counter : model.counters) {
    if (!counter.attributed || !CountsInTotal(counter.domain.domain)) continue;
    std::vector<IdleSharer> by_vm(end);
    uint64_t idle_ticks = 0;
    for (const Sharer& sharer : sharers) {
      IdleSharer& of_vm = by_vm[static_cast<size_t>(sharer.vm)];
      of_vm.vcpus = sharer.vcpus;
      of_vm.on_ns = sharer.on_ns;
    }
    for (const RowReport& row : model.rows) {
      if (row.package_id != counter.package_id || row.die_id != counter.die_id || row.domain != counter.domain)
        continue;
      if (row.kind == RowKind::kIdle) idle_ticks += row.energy_ticks;
      if (row.kind != RowKind::kVm) continue;
      for (const Sharer& sharer : sharers) {
        if (sharer.run == row.vm) by_vm[static_cast<size_t>(sharer.vm)].ticks += row.energy_ticks;
      }
    }
    Counter& account =
        counters_.try_emplace({counter.package_id, counter.die_id, counter.domain}, policy_).first->second;
    const std::vector<uint64_t> ticks = account.settler.Settle(idle_ticks, counter.dt_ns, by_vm);
    account.ticks.resize(std::max(account.ticks.size(), ticks.size()));
    account.told_uj.resize(account.ticks.size());
    for (size_t i = 0; i < ticks.size(); ++i) {
      account.ticks[i] += ticks[i];
      const int64_t now_uj = RoundedMicrojoules({account.ticks[i]}, {counter.unit_uj * 1e-6});
      const int64_t part_uj = now_uj - std::exchange(account.told_uj[i], now_uj);
      if (const auto part = parts.find(static_cast<int>(i)); part != parts.end()) part->second += part_uj;
    }
  }
  return parts;
}

void IdleShares::Retire(int vm) {
  const auto index = static_cast<size_t>(vm);
  for (auto& [key, counter] : counters_) {
    counter.settler.Retire(index);
    if (index >= counter.ticks.size()) continue;
    counter.ticks[index] = 0;
    counter.told_uj[index] = 0;
  }
}

}  // namespace vrapl
