#include "probe/json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "probe/text.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

Json StatusJson(const absl::Status& status) {
  Json json = {{"ok", status.ok()}};
  if (!status.ok()) json["why"] = std::string(status.message());
  return json;
}

}  // namespace

std::string ToJson(const ProbeFindings& found) {
  Json json = {{"vrapl", VRAPL_VERSION}, {"emulated", found.emulated}, {"chosen", nullptr}};
  if (!found.chosen.empty()) json["chosen"] = found.chosen;
  if (found.cpu.ok()) {
    json["cpu"] = {
        {"vendor", found.cpu->vendor_id},     {"family", found.cpu->family}, {"model", found.cpu->model},
        {"stepping", found.cpu->stepping},    {"name", found.cpu->name},     {"microcode", found.cpu->microcode},
        {"hypervisor", found.cpu->hypervisor}};
  }
  json["backends"] = Json::array();
  for (const SourceFindings& source : found.sources) {
    Json entry = {{"name", source.name}, {"usable", StatusJson(source.usable)}, {"packages", Json::array()}};
    for (const PackageProbe& package : source.packages) {
      Json domains = Json::array();
      for (const DomainProbe& domain : package.domains) {
        Json one = {{"domain", DomainName(domain.id)}, {"present", domain.present}, {"origin", domain.origin}};
        if (domain.present) {
          one["unit_uj"] = domain.unit.joules_per_tick * 1e6;
          one["wrap_ticks"] = domain.wrap_ticks;
        } else {
          one["why"] = domain.why;
        }
        domains.push_back(std::move(one));
      }
      entry["packages"].push_back({{"package", package.package_id},
                                   {"die", package.die_id},
                                   {"cpus", package.cpus},
                                   {"reader_cpu", package.reader_cpu},
                                   {"domains", std::move(domains)}});
    }
    json["backends"].push_back(std::move(entry));
  }
  json["run_time"] = StatusJson(found.run_time);
  json["vms"] = {{"by", found.vms_by}, {"status", StatusJson(found.vms_status)}, {"list", Json::array()}};
  for (const Vm& vm : found.vms) {
    Json ports = Json::array();
    for (const GuestPort& port : vm.ports) ports.push_back(PortText(port));
    json["vms"]["list"].push_back(
        {{"name", vm.name}, {"id", vm.uuid}, {"pid", vm.pid}, {"vcpus", vm.vcpus.size()}, {"ports", std::move(ports)}});
  }
  return json.dump(2) + "\n";
}

}  // namespace vrapl
