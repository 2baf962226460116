#include "cli/run_export.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/run_summary.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

std::string Quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

Model ModelOf(const Interval& interval, const Interval::RowKey& key, bool first_model) {
  const auto counter = interval.counters.find(key.counter);
  // The weaker one, where one stood in for a while.
  Model model = key.model;
  if (!first_model || counter == interval.counters.end()) return model;
  for (const Model applied : counter->second.models) model = Weaker(model, applied);
  return model;
}

Json IntervalJson(const RunsInfo& info, const Interval& interval) {
  Json json = {{"start_t_ns", interval.start_t_ns}, {"dt_ns", interval.dt_ns}};
  json["counters"] = Json::array();
  for (const auto& [key, counter] : interval.counters) {
    const auto& [package, die, domain] = key;
    Json item = {{"package", package}, {"domain", DomainName(domain)}};
    if (die > 0) item["die"] = die;
    item["energy_ticks"] = counter.energy_ticks;
    item["energy_uj"] = counter.energy_uj;
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
    item["active_uj"] = row.active_uj ? Json(*row.active_uj) : Json(nullptr);
    item["run_time_ns"] = row.run_time_ns;
    item["model"] = ModelName(ModelOf(interval, key, key.model == info.models.front()));
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

std::string RunCsvHeader() {
  return "command,command_index,repetition,t_ns,wall_ns,dt_ns,exit_code,phase,phase_index,kind,vm_id,vm_name,vm_pid,"
         "package,die,domain,energy_ticks,energy_uj,active_uj,run_time_ns,model,user_ns,system_ns,run_time_method,"
         "source\n";
}

std::string RunToCsv(const RunsInfo& info, const RunResult& result) {
  std::string text;
  const auto append = [&](const Interval& interval, absl::string_view phase, int phase_index) {
    for (const auto& [key, row] : interval.rows) {
      const auto& [package, die, domain] = key.counter;
      absl::StrAppend(&text, Quoted(info.commands[static_cast<size_t>(result.plan.command)]), ",", result.plan.command,
                      ",", result.plan.repetition, ",", result.start_t_ns, ",", result.wall_ns, ",", interval.dt_ns,
                      ",", result.end.exit_code, ",", Quoted(std::string(phase)), ",");
      absl::StrAppend(&text, phase_index < 0 ? "" : absl::StrCat(phase_index), ",", RowKindName(key.kind), ",",
                      Quoted(key.vm_id), ",", Quoted(row.vm_name), ",",
                      key.kind == RowKind::kVm ? absl::StrCat(key.vm_pid) : "", ",", package, ",", die, ",",
                      DomainName(domain), ",", row.energy_ticks, ",");
      absl::StrAppend(&text, row.energy_uj, ",", row.active_uj ? absl::StrCat(*row.active_uj) : "", ",",
                      row.run_time_ns, ",", ModelName(ModelOf(interval, key, key.model == info.models.front())), ",",
                      result.end.user_ns, ",", result.end.system_ns, ",", RunTimeMethodName(info.run_time_method), ",",
                      info.source, "\n");
    }
  };
  append(result.whole, "", -1);
  for (size_t i = 0; i < result.phases.size(); ++i)
    append(result.phases[i], result.phases[i].label, static_cast<int>(i));
  return text;
}

std::string RunToJson(const RunsInfo& info, const RunResult& result) { return Dump(ResultJson(info, result)); }

absl::StatusOr<std::unique_ptr<RunExport>> RunExport::Create(const std::string& path, bool force) {
  Kind kind = Kind::kCsv;
  if (absl::EndsWith(path, ".json")) {
    kind = Kind::kJson;
  } else if (absl::EndsWith(path, ".jsonl")) {
    kind = Kind::kJsonl;
  } else if (!absl::EndsWith(path, ".csv")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "-o ", path, ": the name ends in .csv, .json or .jsonl, or in .vrapl for a recording of all of it"));
  }
  absl::StatusOr<OutputFile> file = OutputFile::Create(path, force);
  if (!file.ok()) return absl::Status(file.status().code(), absl::StrCat("-o ", file.status().message()));
  return std::unique_ptr<RunExport>(new RunExport(kind, *std::move(file)));
}

absl::Status RunExport::Write(const std::string& text) {
  absl::Status status = file_.Write(text);
  if (status.ok()) status = file_.Flush();
  if (status.ok()) {
    begun_ = true;
    return status;
  }
  if (!begun_) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; the runs before are in ", file_.Keep()));
}

absl::Status RunExport::Add(const RunsInfo& info, const RunResult& result) {
  any_ran_ |= result.end.error.empty();
  if (kind_ == Kind::kCsv) return Write(absl::StrCat(begun_ ? "" : RunCsvHeader(), RunToCsv(info, result)));
  if (kind_ == Kind::kJsonl) return Write(RunToJson(info, result) + "\n");
  results_.push_back(result);
  return absl::OkStatus();
}

absl::Status RunExport::Finish(const RunsInfo& info, const std::optional<OwnCost>& own_cost) {
  if (!any_ran_) return absl::OkStatus();
  absl::Status status;
  if (kind_ == Kind::kJson) {
    Json json = InfoJson(info);
    json["runs"] = Json::array();
    for (const RunResult& result : results_) json["runs"].push_back(ResultJson(info, result));
    json["summary"] = SummaryJson(info, results_);
    if (own_cost) json["own_cost"] = CostJson(*own_cost);
    status = Write(Dump(json, 1) + "\n");
  } else if (kind_ == Kind::kJsonl && own_cost) {
    status = Write(Dump({{"own_cost", CostJson(*own_cost)}}) + "\n");
  }
  if (!status.ok()) return status;
  status = file_.Commit();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; the runs are in ", file_.Keep()));
}

}  // namespace vrapl
