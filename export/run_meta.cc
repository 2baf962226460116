#include "export/run_meta.h"

#include <nlohmann/json.hpp>

#include "export/columns.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

// The recording's own JSON; what is none stays a text.
Json Parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

// By which models and with which base the figures here were made, whatever the run itself told live.
Json Charged(const RecordedRun& run, const ReplayOptions& options) {
  Json charged = Json::object();
  charged["models"] = Json::array();
  for (const Model model : options.models.empty() ? run.models : options.models) {
    charged["models"].push_back(ModelName(model));
  }
  charged["idle"] = IdlePolicyName(options.idle);
  Json header = Parsed(run.header);
  if (!header.is_object()) header = Json::object();
  Json watts = header.value("base_power_w", Json::object());
  Json errors = header.value("base_power_err_w", Json::object());
  for (const auto& [domain, given] : options.base_power_w) {
    watts[DomainName(domain)] = given.watts;
    errors[DomainName(domain)] = given.err_w;
  }
  charged["base_power_w"] = std::move(watts);
  charged["base_power_err_w"] = std::move(errors);
  if (options.from_ns > 0) charged["from_ns"] = options.from_ns;
  if (options.to_ns != INT64_MAX) charged["to_ns"] = options.to_ns;
  return charged;
}

}  // namespace

std::string RunMetaJson(const RecordedRun& run, const ExportQuery& query) {
  Json meta = {{"exported_by", "vrapl " VRAPL_VERSION}};
  meta["recording"] = run.path.substr(run.path.find_last_of('/') + 1);
  meta["source"] = run.source;
  meta["start_unix_ns"] = run.start_unix_ns;
  meta["duration_ns"] = run.duration_ns;
  meta["period_ns"] = run.period_ns;
  meta["flush_ns"] = run.flush_ns;
  meta["ended"] = run.ended;
  meta["damage"] = run.damage;
  meta["by"] = ByName(query.by);
  if (query.phases) {
    meta["window"] = "phase";
  } else {
    meta["window_ns"] = query.window_ns > 0 ? query.window_ns : run.flush_ns;
  }
  if (!query.vms.empty()) meta["vms"] = query.vms;
  meta["charged"] = Charged(run, query.charged);
  meta["columns"] = Json::object();
  for (const Column& column : Columns()) meta["columns"][column.name] = column.meaning;
  meta["marks"] = Json::array();
  for (const RecordedRun::Mark& mark : run.marks) {
    meta["marks"].push_back({{"t_ns", mark.t_ns}, {"label", mark.label}});
  }
  meta["events"] = Json::array();
  for (const RecordedRun::Event& event : run.events) {
    meta["events"].push_back({{"t_ns", event.t_ns}, {"type", event.type}, {"event", Parsed(event.json)}});
  }
  meta["header"] = Parsed(run.header);
  return meta.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace vrapl
