#include "cli/flush_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

// `asked`: the model of the group that the counter stands in.
Json CounterJson(const CounterReport& counter, Model asked) {
  Json json = {{"package", counter.package_id}, {"domain", DomainName(counter.domain)}};
  if (counter.die_id > 0) json["die"] = counter.die_id;
  json["dt_ns"] = counter.dt_ns;
  json["energy_ticks"] = counter.energy_ticks;
  json["unit_uj"] = counter.unit_uj;
  json["energy_uj"] = counter.energy_uj;
  json["err_uj"] = counter.err_uj ? Json(*counter.err_uj) : Json(nullptr);
  json["model"] = ModelName(counter.model);
  if (counter.model != asked) json["asked"] = ModelName(asked);
  if (!ClaimsAll(counter.model)) json["unclaimed_ticks"] = counter.unclaimed_ticks;
  if (counter.base_w) {
    json["base_w"] = *counter.base_w;
    json["base_err_w"] = counter.base_err_w;
    json["base_given"] = counter.base_given;
  }
  if (counter.read_errors > 0) json["read_errors"] = counter.read_errors;
  if (counter.glitches > 0) json["glitches"] = counter.glitches;
  if (counter.unknown_ns > 0) json["unknown_ns"] = counter.unknown_ns;
  if (counter.frozen) json["frozen"] = true;
  const UpdateSummary& updates = counter.updates;
  json["updates"] = {{"reads", updates.reads}, {"edges", updates.edges}, {"empty", updates.empty}};
  if (updates.period_ns > 0) {
    json["updates"]["period_ns"] = updates.period_ns;
    json["updates"]["period_err_ns"] = updates.period_err_ns;
    json["updates"]["jitter_ns"] = updates.jitter_ns;
  }
  json["updates"]["uncertainty_ns"] = updates.uncertainty_ns;
  return json;
}

Json RowJson(const RowReport& row) {
  const bool is_vm = row.kind == RowKind::kVm;
  Json json = {{"kind", RowKindName(row.kind)}, {"id", is_vm ? row.vm.uuid : std::string(RowKindName(row.kind))}};
  json["name"] = is_vm ? row.vm.name : std::string(RowKindName(row.kind));
  json["part"] = is_vm ? Json(row.part) : Json(nullptr);
  if (is_vm) json["pid"] = row.vm.pid;
  if (row.thread) json["thread"] = {{"tid", row.thread->tid}, {"tgid", row.thread->tgid}, {"comm", row.thread->comm}};
  json["package"] = row.package_id;
  if (row.die_id > 0) json["die"] = row.die_id;
  json["domain"] = DomainName(row.domain);
  json["energy_ticks"] = row.energy_ticks;
  json["energy_uj"] = row.energy_uj;
  json["err_uj"] = row.err_uj ? Json(*row.err_uj) : Json(nullptr);
  json["active_uj"] = row.active_uj ? Json(*row.active_uj) : Json(nullptr);
  json["run_time_ns"] = row.run_time_ns;
  if (row.solo_time_ns) json["solo_time_ns"] = *row.solo_time_ns;
  if (row.shared_time_ns) json["shared_time_ns"] = *row.shared_time_ns;
  return json;
}

Json VmJson(const VmReport& vm) {
  Json json = {{"id", vm.vm.uuid}, {"name", vm.vm.name}, {"pid", vm.vm.pid}, {"running", vm.running}};
  json["vcpus"] = vm.vcpus;
  char epoch[9];
  std::snprintf(epoch, sizeof epoch, "%08x", vm.epoch);
  json["epoch"] = epoch;
  json["energy_uj"] = vm.energy_uj;
  json["err_uj"] = vm.err_uj ? Json(*vm.err_uj) : Json(nullptr);
  json["active_uj"] = vm.active_uj ? Json(*vm.active_uj) : Json(nullptr);
  if (vm.idle_uj) json["idle_uj"] = *vm.idle_uj;
  json["run_time_ns"] = vm.run_time_ns;
  if (vm.halt_poll_ns) json["halt_poll_ns"] = *vm.halt_poll_ns;
  json["total_energy_uj"] = vm.total_energy_uj;
  json["line"] = vm.guest_line;
  json["delivery"] = {{"sent", vm.lines_sent},
                      {"skipped_unread", vm.lines_skipped_unread},
                      {"not_connected", vm.ports_not_connected},
                      {"errors", vm.port_errors}};
  return json;
}

Json SamplerJson(const SamplerReport& sampler) {
  const LatenessSummary& lateness = sampler.lateness;
  Json json = {{"package", sampler.package_id},
               {"cpu", sampler.cpu},
               {"cpus", sampler.cpus},
               {"capacity_ns", sampler.capacity_ns}};
  if (sampler.die_id > 0) json["die"] = sampler.die_id;
  if (sampler.suspended_ns > 0) json["suspended_ns"] = sampler.suspended_ns;
  json["samples"] = lateness.samples;
  json["late"] = lateness.late;
  json["missed"] = lateness.missed;
  json["dropped"] = sampler.dropped;
  json["read_errors"] = sampler.read_errors;
  json["gaps"] = sampler.gaps;
  json["unreported_switches"] = sampler.unreported_switches;
  json["late_run_time_ns"] = sampler.late_run_time_ns;
  json["lost_records"] = sampler.lost_records;
  json["skew_max_ns"] = sampler.skew_max_ns;
  json["late_p50_ns"] = lateness.p50_ns;
  json["late_p99_ns"] = lateness.p99_ns;
  json["late_p999_ns"] = lateness.p999_ns;
  json["late_max_ns"] = lateness.max_ns;
  const StallSummary& stalls = sampler.stalls;
  json["cpu_time_ns"] = sampler.cpu_time_ns;
  if (const EdgeCounts& edges = sampler.edges; edges.locked()) {
    json["edges"] = {{"at_edge", edges.at_edge},
                     {"missed", edges.missed},
                     {"double", edges.doubles},
                     {"empty", edges.empty},
                     {"by_clock", edges.by_clock}};
  }
  json["missed_stolen"] = stalls.missed_stolen;
  json["stalls"] = stalls.stalls;
  json["stalled_ns"] = stalls.late_ns;
  json["stalled_stolen_ns"] = stalls.stolen_ns;
  if (!sampler.new_stalls.empty()) {
    json["new_stalls"] = Json::array();
    for (const Stall& stall : sampler.new_stalls) {
      json["new_stalls"].push_back({{"t_ns", stall.t_ns}, {"late_ns", stall.late_ns}, {"stolen_ns", stall.stolen_ns}});
    }
  }
  return json;
}

// Who pays for idle by another model than the first, whose VMs stand in `vms`: package and DRAM together, as there.
Json IdleOfVms(const ModelReport& model) {
  std::vector<std::pair<VmRun, int64_t>> sums;
  for (const VmCounterReport& part : model.vm_counters) {
    if (!part.idle_uj) continue;
    auto sum = std::find_if(sums.begin(), sums.end(), [&](const auto& known) { return known.first == part.vm; });
    if (sum == sums.end()) sum = sums.insert(sums.end(), {part.vm, 0});
    sum->second += *part.idle_uj;
  }
  Json list = Json::array();
  for (const auto& [vm, idle_uj] : sums) {
    list.push_back({{"id", vm.uuid}, {"name", vm.name}, {"pid", vm.pid}, {"idle_uj", idle_uj}});
  }
  return list;
}

template <typename T, typename Convert>
Json List(const std::vector<T>& values, Convert convert) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(convert(value));
  return list;
}

}  // namespace

std::string FlushToJson(const FlushReport& report, absl::string_view phase) {
  const ModelReport& first = report.models.front();
  Json json = {{"seq", report.seq}, {"t_ns", report.t_ns}, {"dt_ns", report.dt_ns}, {"unix_ns", report.unix_ns}};
  if (!phase.empty()) json["phase"] = std::string(phase);
  json["source"] = report.source;
  json["backend"] = report.backend;
  if (report.power_based) json["power_based"] = true;
  if (!report.cpu_table.empty()) json["cpu_table"] = report.cpu_table;
  json["run_time_method"] = RunTimeMethodName(report.run_time_method);
  if (!IsExact(report.run_time_method)) json["run_time_error"] = RunTimeError(report.run_time_method);
  json["recursion_misses"] = report.recursion_misses;
  json["model"] = ModelName(first.model);
  const auto counters = [](const ModelReport& model) {
    return List(model.counters, [&](const CounterReport& counter) { return CounterJson(counter, model.model); });
  };
  json["counters"] = counters(first);
  json["rows"] = List(first.rows, RowJson);
  // Other models of the same seconds: their rows sum to the same counters, so they stand apart.
  if (report.models.size() > 1) {
    json["other_models"] = Json::array();
    for (size_t i = 1; i < report.models.size(); ++i) {
      const ModelReport& other = report.models[i];
      json["other_models"].push_back(
          {{"model", ModelName(other.model)}, {"counters", counters(other)}, {"rows", List(other.rows, RowJson)}});
      if (Json idle = IdleOfVms(other); !idle.empty()) json["other_models"].back()["vms"] = std::move(idle);
    }
  }
  json["vms"] = List(report.vms, VmJson);
  json["samplers"] = List(report.samplers, SamplerJson);
  for (const Mark& mark : report.marks) json["marks"].push_back({{"t_ns", mark.t_ns}, {"label", mark.label}});
  if (report.own_cost) {
    const OwnCost& cost = *report.own_cost;
    json["own_cost"] = {{"wall_ns", cost.wall_ns},
                        {"cpu_ns", cost.cpu_ns},
                        {"voluntary_switches", cost.voluntary_switches},
                        {"involuntary_switches", cost.involuntary_switches},
                        {"energy_uj", cost.energy_uj},
                        {"host_energy_uj", cost.host_energy_uj}};
  }
  for (const Unobserved& unobserved : report.unobserved) {
    Json item = {{"package", unobserved.package_id}, {"domain", DomainName(unobserved.domain)}, {"ns", unobserved.ns}};
    if (unobserved.die_id > 0) item["die"] = unobserved.die_id;
    item["energy_uj"] = unobserved.energy_uj ? Json(*unobserved.energy_uj) : Json(nullptr);
    if (!unobserved.why_unknown.empty()) item["why_unknown"] = unobserved.why_unknown;
    json["unobserved"].push_back(std::move(item));
  }
  if (!report.problems.empty()) json["problems"] = report.problems;
  if (report.last) json["last"] = true;
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace vrapl
