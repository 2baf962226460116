#include "recording/run_header.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "recording/json_depth.h"
#include "recording/json_integer.h"
#include "recording/records.h"

namespace vrapl {
namespace {

using nlohmann::json;

constexpr int kMostCpus = 1 << 16;
constexpr int64_t kLongestPeriodNs = 3600 * kNanosPerSecond;

json ToJson(const UpdateSummary& updates) {
  return {{"reads", updates.reads},         {"edges", updates.edges},
          {"empty", updates.empty},         {"sharp", updates.sharp},
          {"period_ns", updates.period_ns}, {"period_err_ns", updates.period_err_ns},
          {"jitter_ns", updates.jitter_ns}, {"uncertainty_ns", updates.uncertainty_ns}};
}

UpdateSummary UpdatesFromJson(const json& in) {
  return {.reads = JsonInteger(in, "reads"),
          .edges = JsonInteger(in, "edges"),
          .empty = JsonInteger(in, "empty"),
          .sharp = JsonInteger(in, "sharp"),
          .period_ns = JsonInteger(in, "period_ns"),
          .period_err_ns = JsonInteger(in, "period_err_ns"),
          .jitter_ns = JsonInteger(in, "jitter_ns"),
          .uncertainty_ns = JsonInteger(in, "uncertainty_ns")};
}

json ToJson(const RecordedPackage& package) {
  const PackageInfo& info = package.info;
  json domains = json::array();
  for (size_t i = 0; i < info.domains.size(); ++i) {
    const DomainInfo& domain = info.domains[i];
    json out = {{"domain", DomainName(domain.id.domain)},
                {"core", domain.id.core},
                {"joules_per_tick", domain.unit.joules_per_tick},
                {"wrap_ticks", domain.wrap_ticks},
                {"origin", domain.origin},
                {"start_ticks", package.start_ticks[i]}};
    if (i < package.updates.size()) out["updates"] = ToJson(package.updates[i]);
    domains.push_back(std::move(out));
  }
  return {{"package", info.package_id},      {"die", info.die_id},
          {"reader_cpu", info.reader_cpu},   {"cpus", info.cpus},
          {"power_based", info.power_based}, {"start_ns", package.start_ns},
          {"domains", std::move(domains)}};
}

absl::StatusOr<RaplDomain> DomainByName(const std::string& name) {
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore, RaplDomain::kDram,
                                  RaplDomain::kPsys, RaplDomain::kCore}) {
    if (name == DomainName(domain)) return domain;
  }
  return absl::InvalidArgumentError(absl::StrCat("domain: ", name, " is none"));
}

absl::StatusOr<RecordedPackage> PackageFromJson(const json& in) {
  RecordedPackage package;
  package.info.package_id = JsonInteger(in, "package");
  package.info.die_id = JsonInteger(in, "die");
  package.info.reader_cpu = JsonInteger(in, "reader_cpu");
  package.info.cpus = JsonIntegers<int>(in.at("cpus"));
  package.info.power_based = in.at("power_based");
  package.start_ns = JsonInteger(in, "start_ns");
  if (package.start_ns <= -kMostRecordedNs || package.start_ns >= kMostRecordedNs) {
    return absl::InvalidArgumentError("start_ns: no time of a machine");
  }
  if (package.info.cpus.size() > kMostCpus) return absl::InvalidArgumentError("cpus: too many");
  const json& domains = in.at("domains");
  if (!domains.is_array() || domains.size() > kMaxDomains) return absl::InvalidArgumentError("domains: too many");
  for (const json& one : domains) {
    absl::StatusOr<RaplDomain> domain = DomainByName(one.at("domain"));
    if (!domain.ok()) return domain.status();
    DomainInfo info{.id = {*domain, JsonInteger(one, "core")},
                    .unit = {one.at("joules_per_tick")},
                    .wrap_ticks = JsonInteger(one, "wrap_ticks"),
                    .origin = one.at("origin")};
    if (!(info.unit.joules_per_tick > 0 && info.unit.joules_per_tick < 1e6)) {
      return absl::InvalidArgumentError("joules_per_tick: no unit of energy");
    }
    package.info.domains.push_back(std::move(info));
    package.start_ticks.push_back(JsonInteger(one, "start_ticks"));
    if (one.contains("updates")) package.updates.push_back(UpdatesFromJson(one.at("updates")));
  }
  if (package.updates.size() != package.info.domains.size()) package.updates.clear();
  return package;
}

absl::StatusOr<RunHeader> Parse(const json& in) {
  RunHeader header;
  header.vrapl_version = in.at("vrapl_version");
  header.source = in.at("source");
  header.backend = in.at("backend");
  header.power_based = in.at("power_based");
  header.cpu_table = in.at("cpu_table");
  header.cpu = in.at("cpu");
  const std::optional<RunTimeMethod> method = RunTimeMethodOfName(in.at("run_time_method").get<std::string>());
  if (!method) return absl::InvalidArgumentError("run_time_method: not known");
  header.run_time_method = *method;
  header.vms = in.at("vms");
  header.period_ns = JsonInteger(in, "period_ns");
  header.flush_ns = JsonInteger(in, "flush_ns");
  header.frozen_after_ns = JsonInteger(in, "frozen_after_ns");
  if (header.period_ns <= 0 || header.period_ns > kLongestPeriodNs) return absl::InvalidArgumentError("period_ns");
  if (header.flush_ns <= 0 || header.flush_ns > kLongestPeriodNs) return absl::InvalidArgumentError("flush_ns");
  if (in.contains("duration_ns")) header.duration_ns = static_cast<int64_t>(JsonInteger(in, "duration_ns"));
  header.models = in.at("models").get<std::vector<std::string>>();
  for (const auto& [name, watts] : in.at("base_power_w").items()) {
    absl::StatusOr<RaplDomain> domain = DomainByName(name);
    if (!domain.ok()) return domain.status();
    GivenPower& given = header.base_power_w[*domain] = watts.get<double>();
    if (in.contains("base_power_err_w")) given.err_w = in.at("base_power_err_w").value(name, 0.0);
  }
  const json& packages = in.at("packages");
  if (!packages.is_array() || packages.empty() || packages.size() > kMaxRecordedPackages) {
    return absl::InvalidArgumentError("packages: none, or too many");
  }
  for (const json& one : packages) {
    absl::StatusOr<RecordedPackage> package = PackageFromJson(one);
    if (!package.ok()) return package.status();
    header.packages.push_back(*std::move(package));
  }
  const json& anchor = in.at("start");
  header.anchor = {.monotonic_ns = JsonInteger(anchor, "monotonic_ns"),
                   .boottime_ns = JsonInteger(anchor, "boottime_ns"),
                   .realtime_ns = JsonInteger(anchor, "unix_ns"),
                   .tsc = JsonInteger(anchor, "tsc")};
  for (const int64_t ns : {header.anchor.monotonic_ns, header.anchor.boottime_ns, header.anchor.realtime_ns}) {
    if (ns <= -kMostRecordedNs || ns >= kMostRecordedNs)
      return absl::InvalidArgumentError("start: no time of a machine");
  }
  header.command = in.at("command");
  if (in.contains("align")) header.align = in.at("align");
  header.host_json = in.at("host").dump();
  return header;
}

}  // namespace

std::string RunHeaderToJson(const RunHeader& header) {
  json base_power = json::object();
  json base_power_err = json::object();
  for (const auto& [domain, given] : header.base_power_w) {
    base_power[DomainName(domain)] = given.watts;
    if (given.err_w > 0) base_power_err[DomainName(domain)] = given.err_w;
  }
  json packages = json::array();
  for (const RecordedPackage& package : header.packages) packages.push_back(ToJson(package));
  json host = json::parse(header.host_json, nullptr, /*allow_exceptions=*/false);
  json out = {{"vrapl_version", header.vrapl_version},
              {"source", header.source},
              {"backend", header.backend},
              {"power_based", header.power_based},
              {"cpu_table", header.cpu_table},
              {"cpu", header.cpu},
              {"run_time_method", std::string(RunTimeMethodName(header.run_time_method))},
              {"vms", header.vms},
              {"period_ns", header.period_ns},
              {"flush_ns", header.flush_ns},
              {"frozen_after_ns", header.frozen_after_ns},
              {"models", header.models},
              {"base_power_w", std::move(base_power)},
              {"packages", std::move(packages)},
              {"start",
               {{"monotonic_ns", header.anchor.monotonic_ns},
                {"boottime_ns", header.anchor.boottime_ns},
                {"unix_ns", header.anchor.realtime_ns},
                {"tsc", header.anchor.tsc}}},
              {"command", header.command},
              {"align", header.align},
              {"host", host.is_object() ? std::move(host) : json::object()}};
  if (!base_power_err.empty()) out["base_power_err_w"] = std::move(base_power_err);
  if (header.duration_ns) out["duration_ns"] = *header.duration_ns;
  // Names of VMs and files may be no UTF-8: what is not becomes U+FFFD.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<RunHeader> RunHeaderFromJson(const std::string& text) {
  if (!IsShallowJson(text)) return absl::InvalidArgumentError("what identifies the run nests too deeply");
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return absl::InvalidArgumentError("what identifies the run is no JSON object");
  try {
    return Parse(parsed);
  } catch (const std::exception& error) {  // the JSON library's, and JsonInteger's
    return absl::InvalidArgumentError(absl::StrCat("what identifies the run: ", error.what()));
  }
}

}  // namespace vrapl
