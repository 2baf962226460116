#include "probe/json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "probe/text.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json CpuJson(const ProbeFindings& found) {
  if (!found.cpu.ok()) return nullptr;
  const CpuModel& cpu = *found.cpu;
  return {{"vendor", cpu.vendor_id},
          {"family", cpu.family},
          {"model", cpu.model},
          {"stepping", cpu.stepping},
          {"name", cpu.name},
          {"microcode", TextOrNull(cpu.microcode)},
          {"table_row", TextOrNull(found.table_row)},
          {"table_source", TextOrNull(found.table_row_source)},
          {"unit_rule", TextOrNull(found.unit_rule)}};
}

// Integers beyond this are not exact in a JSON reader's doubles; no counter that wraps around has so many values.
constexpr uint64_t kMostWrapTicks = uint64_t{1} << 53;

Json DomainJson(const PackageFindings& package, const DomainProbe& domain) {
  Json json = {{"domain", DomainName(domain.id)}, {"present", domain.present}, {"origin", domain.origin}};
  if (!domain.present) {
    json["why_absent"] = domain.why;
    return json;
  }
  json["unit_uj"] = domain.unit.joules_per_tick * 1e6;
  // A 64-bit count, or a sum of our own, does not wrap around in the life of a machine.
  const bool wraps = domain.wrap_ticks <= kMostWrapTicks;
  json["wrap_ticks"] = wraps ? Json(domain.wrap_ticks) : Json(nullptr);
  json["range_j"] = wraps ? Json((EnergyTicks{domain.wrap_ticks} * domain.unit).value) : Json(nullptr);
  json["updates"] = nullptr;
  if (const auto updates = package.updates.find(domain.id); updates != package.updates.end()) {
    const UpdateSummary& summary = updates->second.summary;
    json["updates"] = {{"polled_ns", updates->second.polled_ns},
                       {"reads", summary.reads},
                       {"edges", summary.edges},
                       {"period_ns", summary.period_ns},
                       {"period_err_ns", summary.period_err_ns},
                       {"jitter_ns", summary.jitter_ns},
                       {"uncertainty_ns", summary.uncertainty_ns}};
  }
  return json;
}

Json PackageJson(const ProbeFindings& found, const PackageFindings& package) {
  const PackageProbe& probe = package.probe;
  Json json = {{"package", probe.package_id},
               {"die", probe.die_id},
               {"cpus", probe.cpus},
               {"reader_cpu", probe.reader_cpu},
               {"note", TextOrNull(probe.note)},
               {"usable", probe.usable.ok()}};
  if (!probe.why_reader_cpu.empty()) json["why_reader_cpu"] = probe.why_reader_cpu;
  if (!probe.usable.ok()) json["why_unusable"] = std::string(probe.usable.message());
  json["tdp_w"] = nullptr;
  if (const auto thermal = found.thermal_power.find(probe.package_id); thermal != found.thermal_power.end()) {
    json["tdp_w"] = thermal->second.watts;
    json["tdp_origin"] = thermal->second.origin;
  }
  json["domains"] = Json::array();
  for (const DomainProbe& domain : probe.domains) json["domains"].push_back(DomainJson(package, domain));
  return json;
}

Json SourceJson(const ProbeFindings& found, const SourceFindings& source) {
  Json json = {{"name", source.name}, {"what", source.what}, {"usable", source.usable.ok()}};
  if (!source.usable.ok()) {
    json["why_not"] = std::string(source.usable.message());
    json["remedy"] = TextOrNull(source.remedy);
  }
  json["packages"] = Json::array();
  for (const PackageFindings& package : source.packages) json["packages"].push_back(PackageJson(found, package));
  return json;
}

// The last one is what a run would use, if it is usable at all.
Json RunTimeJson(const ProbeFindings& found) {
  const bool known = !found.run_time.empty() && found.run_time.back().usable.ok();
  Json json = {{"method", nullptr}, {"exact", false}, {"error", nullptr}, {"methods", Json::array()}};
  if (known) {
    const RunTimeMethod method = found.run_time.back().method;
    json["method"] = RunTimeMethodName(method);
    json["exact"] = IsExact(method);
    json["error"] = RunTimeError(method);
  }
  for (const RunTimeFindings& tried : found.run_time) {
    Json entry = {{"name", RunTimeMethodName(tried.method)}, {"usable", tried.usable.ok()}};
    if (!tried.usable.ok()) {
      entry["why_not"] = std::string(tried.usable.message());
      entry["remedy"] = TextOrNull(tried.remedy);
    }
    json["methods"].push_back(std::move(entry));
  }
  return json;
}

Json VmsJson(const ProbeFindings& found) {
  Json json = {{"by", found.vms_by}, {"known", found.vms_status.ok()}};
  if (!found.vms_status.ok()) json["why_unknown"] = std::string(found.vms_status.message());
  json["list"] = Json::array();
  for (const Vm& vm : found.vms) {
    Json ports = Json::array();
    for (const GuestPort& port : vm.ports) ports.push_back(PortText(port));
    json["list"].push_back(
        {{"name", vm.name}, {"id", vm.uuid}, {"pid", vm.pid}, {"vcpus", vm.vcpus.size()}, {"ports", std::move(ports)}});
  }
  return json;
}

Json CrossDomainJson(const CrossDomain& domain) {
  Json json = {{"package", domain.package_id},
               {"die", domain.die_id},
               {"domain", DomainName(domain.id)},
               {"readings", Json::array()},
               {"differences", Json::array()}};
  for (const CrossReading& reading : domain.readings) {
    json["readings"].push_back({{"source", reading.source},
                                {"energy_j", reading.joules},
                                {"power_w", reading.watts},
                                {"edges", reading.updates.edges},
                                {"period_ns", reading.updates.period_ns},
                                {"failed_reads", reading.failed_reads}});
  }
  for (const CrossDifference& difference : domain.differences) {
    json["differences"].push_back({{"source", difference.source},
                                   {"reference", difference.reference},
                                   {"difference", difference.difference},
                                   {"known", difference.known},
                                   {"bound", difference.bound},
                                   {"flagged", difference.flagged},
                                   {"why", TextOrNull(difference.why)}});
  }
  return json;
}

Json RunTimeCheckJson(const RunTimeCheckReport& report) {
  const std::vector<std::string> why = OutOfBounds(report);
  return {{"method", RunTimeMethodName(report.method)},
          {"seconds", report.seconds},
          {"slices", report.slice_ns.count},
          {"slice_p50_ns", report.slice_ns.p50},
          {"slice_p99_ns", report.slice_ns.p99},
          {"slice_worst_ns", report.slice_ns.worst},
          {"threads", report.thread.count},
          {"thread_p99", report.thread.p99},
          {"thread_worst", report.thread.worst},
          {"thread_worst_unexplained", report.thread_unexplained.worst},
          {"residual_ns", report.residual_ns},
          {"stolen_ns", report.time.stolen_ns},
          {"late_ns", report.late_ns},
          {"unreported_ns", report.time.unreported_ns},
          {"gaps", report.gaps},
          {"lost_records", report.lost_records},
          {"oracle_drops", report.oracle_drops},
          {"recursion_misses", report.recursion_misses},
          {"flagged", !why.empty()},
          {"why", why}};
}

Json CrossCheckJson(const CrossCheck& check) {
  Json json = {{"seconds", check.seconds},   {"flagged", check.Flagged()}, {"sources", check.sources},
               {"left_out", check.left_out}, {"domains", Json::array()},   {"remarks", Json::array()}};
  for (const CrossDomain& domain : check.domains) json["domains"].push_back(CrossDomainJson(domain));
  for (const CrossRemark& remark : check.remarks) {
    json["remarks"].push_back({{"text", remark.text}, {"flagged", remark.flagged}});
  }
  if (check.run_time.has_value()) json["run_time"] = RunTimeCheckJson(*check.run_time);
  return json;
}

}  // namespace

std::string ToJson(const ProbeFindings& found, const CrossCheck* cross_check) {
  Json json = {{"vrapl", VRAPL_VERSION},
               {"emulated", found.emulated},
               {"energy", !found.chosen.empty()},
               {"chosen", TextOrNull(found.chosen)},
               {"cpu", CpuJson(found)}};
  if (!found.cpu_table.empty()) json["cpu_table"] = found.cpu_table;
  if (!found.cpu.ok()) json["why_no_cpu"] = std::string(found.cpu.status().message());
  json["sources"] = Json::array();
  for (const SourceFindings& source : found.sources) json["sources"].push_back(SourceJson(found, source));
  json["run_time"] = RunTimeJson(found);
  json["checks"] = Json::array();
  for (const Check& check : found.checks) {
    json["checks"].push_back({{"id", check.id},
                              {"verdict", VerdictName(check.verdict)},
                              {"finding", check.finding},
                              {"remedy", TextOrNull(check.remedy)}});
  }
  json["vms"] = VmsJson(found);
  if (cross_check != nullptr) json["cross_check"] = CrossCheckJson(*cross_check);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vrapl
