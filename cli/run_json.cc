#include "cli/run_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/run_summary.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

Json IntervalJson(const RunsInfo& info, const Interval& interval) {
  Json json = {{"start_t_ns", interval.start_t_ns}, {"dt_ns", interval.dt_ns}};
  json["counters"] = Json::array();
  for (const auto& [key, counter] : interval.counters) {
    const auto& [package, die, domain] = key;
    Json item = {{"package", package}, {"domain", DomainName(domain)}};
    if (die > 0) item["die"] = die;
    item["energy_ticks"] = counter.energy_ticks;
    item["energy_uj"] = counter.energy_uj;
    const std::optional<int64_t> err_uj = counter.err_uj();
    item["err_uj"] = err_uj ? Json(*err_uj) : Json(nullptr);
    if (counter.doubtful) item["doubtful"] = true;
    json["counters"].push_back(std::move(item));
  }
  json["rows"] = Json::array();
  for (const auto& [key, row] : interval.rows) {
    const auto& [package, die, domain] = key.counter;
    const bool is_vm = key.kind == RowKind::kVm;
    Json item = {{"kind", RowKindName(key.kind)}, {"id", is_vm ? key.vm_id : std::string(RowKindName(key.kind))}};
    item["name"] = is_vm ? row.vm_name : std::string(RowKindName(key.kind));
    if (is_vm) item["pid"] = key.vm_pid;
    item["package"] = package;
    if (die > 0) item["die"] = die;
    item["domain"] = DomainName(domain);
    item["energy_ticks"] = row.energy_ticks;
    item["energy_uj"] = row.energy_uj;
    const std::optional<int64_t> err_uj = row.error.err_uj();
    item["err_uj"] = err_uj ? Json(*err_uj) : Json(nullptr);
    item["active_uj"] = row.active_uj ? Json(*row.active_uj) : Json(nullptr);
    item["run_time_ns"] = row.run_time_ns;
    item["model"] = ModelName(interval.ChargedBy(key, info.models.front()));
    json["rows"].push_back(std::move(item));
  }
  return json;
}

Json ResultJson(const RunsInfo& info, const RunResult& result) {
  const CommandEnd& end = result.end;
  Json json = {{"command", info.commands[static_cast<size_t>(result.plan.command)]},
               {"command_index", result.plan.command},
               {"repetition", result.plan.repetition},
               {"t_ns", result.start_t_ns},
               {"wall_ns", result.wall_ns},
               {"exit_code", end.exit_code}};
  if (end.signal != 0) json["signal"] = end.signal;
  if (!end.error.empty()) json["error"] = end.error;
  if (result.interrupted) json["interrupted"] = true;
  json["user_ns"] = end.user_ns;
  json["system_ns"] = end.system_ns;
  json["max_rss_kib"] = end.max_rss_kib;
  json["late_run_time_ns"] = result.late_run_time_ns;
  if (result.missed_forks > 0) json["missed_forks"] = result.missed_forks;
  json["source"] = info.source;
  json["backend"] = info.backend;
  json["run_time_method"] = RunTimeMethodName(info.run_time_method);
  json.update(IntervalJson(info, result.whole));
  if (!result.phases.empty()) {
    json["phases"] = Json::array();
    for (const Interval& phase : result.phases) {
      Json item = {{"label", phase.label}};
      item.update(IntervalJson(info, phase));
      json["phases"].push_back(std::move(item));
    }
  }
  return json;
}

Json SummaryJson(const RunsInfo& info, const std::vector<RunResult>& results) {
  Json summaries = Json::array();
  for (size_t command = 0; command < info.commands.size(); ++command) {
    const CommandSummary summary = SummarizeRuns(info, results, static_cast<int>(command));
    Json figures = Json::object();
    for (const auto& [name, median, outliers] : summary.figures) {
      figures[name] = {{"runs", median.count}, {"median", median.median},     {"low", median.low},
                       {"high", median.high},  {"coverage", median.coverage}, {"least", median.least},
                       {"most", median.most},  {"outliers", outliers}};
    }
    summaries.push_back({{"command", info.commands[command]},
                         {"runs", summary.runs},
                         {"failed", summary.failed},
                         {"interrupted", summary.interrupted},
                         {"figures", std::move(figures)}});
  }
  return summaries;
}

Json InfoJson(const RunsInfo& info) {
  Json json = {{"vrapl_version", VRAPL_VERSION}, {"source", info.source}, {"backend", info.backend}, {"cpu", info.cpu}};
  json["run_time_method"] = RunTimeMethodName(info.run_time_method);
  json["commands"] = info.commands;
  json["repeats"] = info.repeats;
  json["warmups"] = info.warmups;
  json["seed"] = info.seed;
  return json;
}

Json CostJson(const OwnCost& cost) {
  return {{"wall_ns", cost.wall_ns},
          {"cpu_ns", cost.cpu_ns},
          {"voluntary_switches", cost.voluntary_switches},
          {"involuntary_switches", cost.involuntary_switches},
          {"energy_uj", cost.energy_uj},
          {"host_energy_uj", cost.host_energy_uj}};
}

// A command line may hold anything.
std::string Dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string RunToJson(const RunsInfo& info, const RunResult& result) { return Dump(ResultJson(info, result)); }

std::string OwnCostToJson(const OwnCost& cost) { return Dump({{"own_cost", CostJson(cost)}}); }

std::string RunsToJson(const RunsInfo& info, const std::vector<RunResult>& results,
                       const std::optional<OwnCost>& own_cost) {
  Json json = InfoJson(info);
  json["runs"] = Json::array();
  for (const RunResult& result : results) json["runs"].push_back(ResultJson(info, result));
  json["summary"] = SummaryJson(info, results);
  if (own_cost) json["own_cost"] = CostJson(*own_cost);
  return Dump(json, 1);
}

}  // namespace vrapl
