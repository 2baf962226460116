#include "report/page_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_replace.h"
#include "report/packed_numbers.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

// Steps of equal share in a distribution's curve: 0.5 % each.
constexpr int kQuantileSteps = 200;

// The page is to be read by people.
constexpr size_t kMostEvents = 1000;

// A recording's header and events are text that somebody else wrote.
Json Parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

Json LevelJson(const PyramidLevel& level) {
  Json json = {{"exact", level.exact}, {"bins", level.end_ns.size()}, {"end_ns", PackAscending(level.end_ns)}};
  json["dt_ns"] = Json::array();
  for (const std::vector<int64_t>& clock : level.dt_ns) json["dt_ns"].push_back(PackNumbers(clock));
  json["tracks"] = Json::array();
  for (const PyramidLevel::Track& track : level.tracks) {
    Json out = {{"uj", PackNumbers(track.energy_uj)}};
    if (!track.min_mw.empty()) {
      out["min_mw"] = PackNumbers(track.min_mw);
      out["max_mw"] = PackNumbers(track.max_mw);
    }
    json["tracks"].push_back(std::move(out));
  }
  return json;
}

Json EnergyJson(const RunTotals::Energy& energy) {
  Json json = {{"energy_ticks", energy.ticks}, {"energy_uj", energy.energy_uj}, {"run_time_ns", energy.run_time_ns}};
  json["active_uj"] = energy.active_known_uj > 0 || energy.energy_uj == 0 ? Json(energy.active_uj) : Json(nullptr);
  json["active_known_uj"] = energy.active_known_uj;
  return json;
}

Json OwnersJson(const ReportParts& parts) {
  const RunTotals& totals = parts.totals;
  Json list = Json::array();
  for (const auto& [owner, total] : totals.owners()) {
    const bool is_vm = owner.kind == RowKind::kVm;
    Json json = {{"kind", RowKindName(owner.kind)},
                 {"id", is_vm ? owner.vm.uuid : std::string(RowKindName(owner.kind))},
                 {"name", is_vm ? owner.vm.name : std::string(RowKindName(owner.kind))}};
    if (is_vm) json["pid"] = owner.vm.pid;
    json["curve"] = owner.kind == RowKind::kStolen ? Json(nullptr) : Json(parts.owners.IndexOf(owner));
    json.update(EnergyJson(total.sum));
    const std::optional<int64_t> err_uj = total.err_uj();
    json["err_uj"] = err_uj ? Json(*err_uj) : Json(nullptr);
    if (total.idle_uj) json["idle_uj"] = *total.idle_uj;
    json["counters"] = Json::array();
    for (const auto& [key, energy] : total.counters) {
      Json counter = {{"package", key.package_id}, {"die", key.die_id}, {"domain", DomainName(key.domain)}};
      counter.update(EnergyJson(energy));
      const std::optional<int64_t> of_counter_uj = energy.error.err_uj();
      counter["err_uj"] = of_counter_uj ? Json(*of_counter_uj) : Json(nullptr);
      json["counters"].push_back(std::move(counter));
    }
    json["by_model"] = Json::array();
    for (size_t model = 0; model < totals.models().size(); ++model) {
      const auto same = totals.owners(model).find(owner);
      json["by_model"].push_back(same != totals.owners(model).end() ? same->second.sum.energy_uj : 0);
    }
    list.push_back(std::move(json));
  }
  return list;
}

// Every model side by side, each row over all counters that count. The spread is of those that claim all energy, since
// others do not divide the same sum.
Json ComparisonJson(const RunTotals& totals) {
  Json json = {{"models", Json::array()}, {"claims_all", Json::array()}, {"stood_in", Json::array()}};
  for (size_t i = 0; i < totals.models().size(); ++i) {
    json["models"].push_back(ModelName(totals.models()[i]));
    json["claims_all"].push_back(ClaimsAll(totals.models()[i]));
    int64_t fallback_ns = 0;
    int64_t dt_ns = 0;
    for (const auto& [key, counter] : totals.counters(i)) {
      if (!counter.last.attributed || !CountsInTotal(key.domain.domain)) continue;
      fallback_ns += counter.fallback_ns;
      dt_ns += counter.dt_ns;
    }
    json["stood_in"].push_back(dt_ns > 0 ? static_cast<double>(fallback_ns) / static_cast<double>(dt_ns) : 0);
  }
  json["rows"] = Json::array();
  for (const auto& [owner, total] : totals.owners()) {
    if (owner.kind == RowKind::kStolen) continue;
    const bool is_vm = owner.kind == RowKind::kVm;
    Json row = {{"kind", RowKindName(owner.kind)},
                {"name", is_vm ? owner.vm.name : std::string(RowKindName(owner.kind))},
                {"energy_uj", Json::array()}};
    if (is_vm) row["pid"] = owner.vm.pid;
    int64_t least_uj = INT64_MAX;
    int64_t most_uj = INT64_MIN;
    for (size_t i = 0; i < totals.models().size(); ++i) {
      const auto same = totals.owners(i).find(owner);
      const int64_t energy_uj = same != totals.owners(i).end() ? same->second.sum.energy_uj : 0;
      row["energy_uj"].push_back(energy_uj);
      if (!ClaimsAll(totals.models()[i])) continue;
      least_uj = std::min(least_uj, energy_uj);
      most_uj = std::max(most_uj, energy_uj);
    }
    row["spread_uj"] = most_uj < least_uj ? 0 : most_uj - least_uj;
    json["rows"].push_back(std::move(row));
  }
  return json;
}

Json CountersJson(const RunTotals& totals) {
  Json list = Json::array();
  for (const auto& [key, counter] : totals.counters()) {
    Json json = {{"package", key.package_id},          {"die", key.die_id},
                 {"domain", DomainName(key.domain)},   {"in_total", CountsInTotal(key.domain.domain)},
                 {"energy_ticks", counter.ticks},      {"energy_uj", counter.energy_uj},
                 {"unit_uj", counter.last.unit_uj},    {"dt_ns", counter.dt_ns},
                 {"read_errors", counter.read_errors}, {"glitches", counter.glitches},
                 {"unknown_ns", counter.unknown_ns}};
    if (counter.last.base_w) {
      json["base_w"] = *counter.last.base_w;
      json["base_err_w"] = counter.last.base_err_w;
      json["base_given"] = counter.last.base_given;
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json SamplersJson(const ReportParts& parts) {
  Json list = Json::array();
  for (const auto& [key, sampler] : parts.totals.samplers()) {
    const LatenessSummary& lateness = sampler.lateness;
    Json json = {{"package", key.first},
                 {"die", key.second},
                 {"cpu", sampler.cpu},
                 {"cpus", sampler.cpus},
                 {"samples", lateness.samples},
                 {"late", lateness.late},
                 {"missed", lateness.missed},
                 {"dropped", sampler.dropped},
                 {"late_p50_ns", lateness.p50_ns},
                 {"late_p99_ns", lateness.p99_ns},
                 {"late_p999_ns", lateness.p999_ns},
                 {"late_max_ns", lateness.max_ns}};
    json["histogram"] = Json::array();
    const auto histogram = parts.curves.lateness().find(key);
    if (histogram != parts.curves.lateness().end()) {
      for (const auto& [upper_ns, count] : histogram->second) json["histogram"].push_back({upper_ns, count});
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json PhasesJson(const ReportParts& parts) {
  Json list = Json::array();
  for (const Phase& phase : parts.phases) {
    Json json = {{"label", phase.label},
                 {"from_ns", phase.totals.begin_ns()},
                 {"to_ns", phase.totals.end_ns()},
                 {"host_uj", phase.totals.host_uj()}};
    std::vector<int64_t> energy_uj(parts.owners.entries().size());
    for (const auto& [owner, total] : phase.totals.owners()) {
      if (owner.kind != RowKind::kStolen) energy_uj[parts.owners.IndexOf(owner)] += total.sum.energy_uj;
    }
    json["energy_uj"] = energy_uj;
    list.push_back(std::move(json));
  }
  return list;
}

Json CurvesJson(const ReportParts& parts) {
  Json json;
  json["groups"] = Json::array();
  for (const Curves::Group& group : parts.curves.groups()) json["groups"].push_back(group.label);
  json["owners"] = Json::array();
  for (const CurveOwners::Entry& entry : parts.owners.entries()) {
    json["owners"].push_back(
        {{"label", entry.label}, {"kind", RowKindName(entry.owner.kind)}, {"others", entry.others}});
  }
  json["levels"] = Json::array();
  for (const PyramidLevel& level : parts.curves.TakeLevels()) json["levels"].push_back(LevelJson(level));
  json["told"] = LevelJson(parts.told.front());
  json["longest_window_ns"] = parts.curves.longest_window_ns();
  json["quantile_steps"] = kQuantileSteps;
  json["quantiles_mw"] = Json::array();
  for (PowerDistribution& distribution : parts.curves.distributions()) {
    std::vector<int64_t> quantiles_mw;
    for (const double watts : distribution.TakeQuantiles(kQuantileSteps)) {
      quantiles_mw.push_back(static_cast<int64_t>(watts * 1e3 + 0.5));
    }
    json["quantiles_mw"].push_back(quantiles_mw);
  }
  return json;
}

}  // namespace

std::string PageData(const ReportParts& parts) {
  const RecordedRun& run = parts.run;
  Json json = {{"vrapl", VRAPL_VERSION},
               {"file", run.path.substr(run.path.find_last_of('/') + 1)},
               {"emulated", IsEmulated(run, parts.totals)},
               {"source", parts.totals.last().source},
               {"backend", parts.totals.last().backend},
               {"run_time_method", RunTimeMethodName(parts.totals.last().run_time_method)},
               {"start_unix_ns", run.start_unix_ns},
               {"duration_ns", run.duration_ns},
               {"period_ns", run.period_ns},
               {"flush_ns", run.flush_ns},
               {"from_ns", parts.totals.begin_ns()},
               {"to_ns", parts.totals.end_ns()},
               {"host_uj", parts.totals.host_uj()},
               {"capacity_ns", parts.totals.capacity_ns()}};
  json["models"] = Json::array();
  for (const Model model : parts.totals.models()) json["models"].push_back(ModelName(model));
  json["warnings"] = Json::array();
  for (const ReportWarning& warning : parts.warnings) {
    json["warnings"].push_back({{"severe", warning.severe}, {"text", warning.text}});
  }
  json["marks"] = Json::array();
  for (const RecordedRun::Mark& mark : run.marks) json["marks"].push_back({{"t_ns", mark.t_ns}, {"label", mark.label}});
  json["events"] = Json::array();
  size_t events = 0;
  for (const RecordedRun::Event& event : run.events) {
    // These come all the time; they are for a replay to compare with, and for programs.
    if (event.type == "flush" || event.type == "conditions" || event.type == "clock") continue;
    if (++events > kMostEvents) continue;
    json["events"].push_back({{"t_ns", event.t_ns}, {"type", event.type}, {"what", Parsed(event.json)}});
  }
  json["event_count"] = events;
  json["header"] = Parsed(run.header);
  json["owners"] = OwnersJson(parts);
  json["comparison"] = ComparisonJson(parts.all_models);
  json["counters"] = CountersJson(parts.totals);
  json["samplers"] = SamplersJson(parts);
  json["phases"] = PhasesJson(parts);
  json["curves"] = CurvesJson(parts);
  json["methods"] = parts.methods;
  const std::string text = json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return absl::StrReplaceAll(text, {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

}  // namespace vrapl
