#include "report/curves.h"

#include <algorithm>
#include <bit>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

// The floor first, then what the host itself does, so that VMs lie upon it.
constexpr RowKind kOrder[] = {RowKind::kIdle,     RowKind::kUnreported, RowKind::kInterrupts, RowKind::kVrapl,
                              RowKind::kEmulator, RowKind::kKernel,     RowKind::kOther};

std::vector<Curves::Group> GroupsOf(const RunTotals& totals) {
  std::vector<Curves::Group> groups = {{.label = "all packages"}};
  std::map<int, int> dies;
  for (const auto& [key, sampler] : totals.samplers()) ++dies[key.first];
  for (const auto& [key, sampler] : totals.samplers()) {
    const std::string die = dies[key.first] > 1 ? absl::StrCat(", die ", key.second) : "";
    groups.push_back(
        {.label = absl::StrCat("package ", key.first, die), .package_id = key.first, .die_id = key.second});
  }
  if (groups.size() == 2) groups.erase(groups.begin());
  return groups;
}

std::vector<size_t> ClockOfTrack(size_t groups, size_t tracks_per_group) {
  std::vector<size_t> clocks;
  for (size_t group = 0; group < groups; ++group) clocks.insert(clocks.end(), tracks_per_group, group);
  return clocks;
}

}  // namespace

CurveOwners::CurveOwners(const RunTotals& totals, size_t most_vms, const std::vector<std::string>& only_vms) {
  std::vector<std::pair<int64_t, Owner>> vms;  // by energy
  std::map<std::string, int> starts;
  const auto of_vm = [](const std::string& word, const Owner& owner) {
    return owner.kind == RowKind::kVm && (word == owner.vm.name || absl::EqualsIgnoreCase(word, owner.vm.uuid));
  };
  if (totals.windows() == 0) return;
  int all_vms = 0;
  for (const auto& [owner, total] : totals.owners()) {
    if (owner.kind != RowKind::kVm) continue;
    ++all_vms;
    ++starts[owner.vm.name];
    const bool wanted = only_vms.empty() || std::any_of(only_vms.begin(), only_vms.end(),
                                                        [&](const std::string& word) { return of_vm(word, owner); });
    if (wanted) vms.emplace_back(total.sum.energy_uj, owner);
  }
  for (const std::string& word : only_vms) {
    const bool known = std::any_of(totals.owners().begin(), totals.owners().end(),
                                   [&](const auto& owner) { return of_vm(word, owner.first); });
    if (!known) unknown_vms_.push_back(word);
  }
  std::stable_sort(vms.begin(), vms.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (vms.size() > most_vms) vms.resize(most_vms);
  for (const RowKind kind : kOrder) {
    const bool there = std::any_of(totals.owners().begin(), totals.owners().end(),
                                   [&](const auto& owner) { return owner.first.kind == kind; });
    if (!there) continue;
    index_[{kind, {}}] = entries_.size();
    entries_.push_back({.owner = {kind, {}}, .label = std::string(RowKindName(kind)), .others = 0});
  }
  for (const auto& [energy_uj, owner] : vms) {
    index_[owner] = entries_.size();
    const std::string label =
        starts[owner.vm.name] > 1 ? absl::StrCat(owner.vm.name, " (pid ", owner.vm.pid, ")") : owner.vm.name;
    entries_.push_back({.owner = owner, .label = label, .others = 0});
  }
  others_ = entries_.size();
  if (const int others = all_vms - static_cast<int>(vms.size()); others > 0) {
    entries_.push_back({.owner = {RowKind::kVm, {}},
                        .label = absl::StrCat(others, vms.empty() ? "" : " other", others == 1 ? " VM" : " VMs"),
                        .others = others});
  }
}

size_t CurveOwners::IndexOf(const Owner& owner) const {
  const auto known = index_.find(owner.kind == RowKind::kVm ? owner : Owner{owner.kind, {}});
  if (known != index_.end()) return known->second;
  return others_ < entries_.size() ? others_ : 0;
}

Curves::Curves(const CurveOwners& owners, const RunTotals& totals, int64_t bin_ns)
    : owners_(owners),
      groups_(GroupsOf(totals)),
      pyramid_(groups_.size(), ClockOfTrack(groups_.size(), owners.entries().size() + 1), bin_ns),
      distributions_(owners.entries().size() + 1),
      energy_uj_(groups_.size() * (owners.entries().size() + 1)),
      dt_ns_(groups_.size()) {
  for (size_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].package_id >= 0) group_of_[{groups_[group].package_id, groups_[group].die_id}] = group;
  }
}

size_t Curves::OwnerOf(size_t position, const RowReport& row) {
  if (known_.size() <= position) known_.resize(position + 1, {{RowKind::kStolen, {}}, 0});
  auto& [owner, index] = known_[position];
  if (owner.kind == row.kind && owner.vm == row.vm) return index;
  owner = {row.kind, row.vm};
  return index = owners_.IndexOf(owner);
}

void Curves::Add(const FlushReport& report) {
  ++windows_;
  longest_window_ns_ = std::max(longest_window_ns_, report.dt_ns);
  std::fill(energy_uj_.begin(), energy_uj_.end(), 0);
  std::fill(dt_ns_.begin(), dt_ns_.end(), report.dt_ns);
  const size_t per_group = tracks_per_group();
  const bool several = groups_.size() > 1;
  const auto add = [&](int package_id, int die_id, size_t track, int64_t energy_uj) {
    const auto group = group_of_.find({package_id, die_id});
    if (group != group_of_.end()) energy_uj_[group->second * per_group + track] += energy_uj;
    if (several) energy_uj_[track] += energy_uj;
  };
  const ModelReport& model = report.models.front();
  for (const CounterReport& counter : model.counters) {
    if (!CountsInTotal(counter.domain.domain)) continue;
    add(counter.package_id, counter.die_id, per_group - 1, counter.energy_uj);
    const auto group = group_of_.find({counter.package_id, counter.die_id});
    if (group != group_of_.end()) dt_ns_[group->second] = counter.dt_ns;
  }
  for (size_t i = 0; i < model.rows.size(); ++i) {
    const RowReport& row = model.rows[i];
    if (!CountsInTotal(row.domain.domain) || row.kind == RowKind::kStolen) continue;  // stolen time gets no energy
    add(row.package_id, row.die_id, OwnerOf(i, row), row.energy_uj);
  }
  pyramid_.Add(report.t_ns, dt_ns_, energy_uj_);
  for (size_t track = 0; track < per_group; ++track) {
    distributions_[track].Add(report.t_ns, dt_ns_.front(), energy_uj_[track]);
  }
  for (const SamplerReport& sampler : report.samplers) {
    ++lateness_[{sampler.package_id, sampler.die_id}][BucketBound(sampler.late_max_ns)];
  }
}

int64_t Curves::BucketBound(int64_t late_ns) {
  if (late_ns < 8) return std::max<int64_t>(late_ns, 0);
  const int exponent = std::bit_width(static_cast<uint64_t>(late_ns)) - 4;
  return ((late_ns >> exponent) + 1) * (int64_t{1} << exponent) - 1;
}

}  // namespace vrapl
