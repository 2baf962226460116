#include "sampler/idle_shares.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/units.h"

namespace vrapl {

namespace {

const VmRun& RunOf(const std::vector<IdleShares::Sharer>& sharers, int vm) {
  return std::find_if(sharers.begin(), sharers.end(), [vm](const auto& sharer) { return sharer.vm == vm; })->run;
}

void Tell(int64_t part_uj, const CounterReport& counter, const VmRun& vm, ModelReport& model) {
  for (VmCounterReport& of_vm : model.vm_counters) {
    if (of_vm.package_id != counter.package_id || of_vm.die_id != counter.die_id || of_vm.domain != counter.domain)
      continue;
    if (of_vm.vm == vm) of_vm.idle_uj = part_uj;
  }
}

}  // namespace

std::map<int, IdleShares::Part> IdleShares::Settle(ModelReport& model, const std::vector<Sharer>& sharers) {
  std::map<int, Part> parts;
  for (const Sharer& sharer : sharers) parts[sharer.vm] = {};
  if (policy_ == IdlePolicy::kOwn || parts.empty()) return parts;
  const auto end = static_cast<size_t>(parts.rbegin()->first) + 1;
  for (const CounterReport& counter : model.counters) {
    if (!counter.attributed || !CountsInTotal(counter.domain.domain)) continue;
    std::vector<IdleSharer> by_vm(end);
    uint64_t idle_ticks = 0;
    std::optional<int64_t> idle_err_uj;
    for (const Sharer& sharer : sharers) {
      IdleSharer& of_vm = by_vm[static_cast<size_t>(sharer.vm)];
      of_vm.vcpus = sharer.vcpus;
      of_vm.on_ns = sharer.on_ns;
    }
    for (const RowReport& row : model.rows) {
      if (row.package_id != counter.package_id || row.die_id != counter.die_id || row.domain != counter.domain)
        continue;
      if (row.kind == RowKind::kIdle) {
        idle_ticks += row.energy_ticks;
        idle_err_uj = row.err_uj;
      }
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
      const auto part = parts.find(static_cast<int>(i));
      if (part == parts.end()) continue;
      part->second.energy_uj += part_uj;
      Tell(part_uj, counter, RunOf(sharers, part->first), model);
      if (!idle_err_uj || !part->second.err_uj) {
        part->second.err_uj.reset();
      } else if (idle_ticks > 0) {
        const double of_idle = static_cast<double>(ticks[i]) / static_cast<double>(idle_ticks);
        *part->second.err_uj += std::llround(std::ceil(of_idle * static_cast<double>(*idle_err_uj)));
      }
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
