// What an emulated host is, and what it did, as JSON.
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "emulator/emulated_host.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string EmulatedHost::Describe() const {
  Json packages = Json::array();
  for (size_t p = 0; p < packages_.size(); ++p) {
    Json domains = Json::array();
    for (const Counter& counter : counters_) {
      if (counter.package != p) continue;
      const DomainId id{.domain = counter.profile->domain, .core = CoreId(counter)};
      domains.push_back({{"domain", DomainName(id)},
                         {"register", absl::StrFormat("0x%x", counter.profile->energy_status)},
                         {"unit_j", counter.profile->tick.joules()},
                         {"start_ticks", counter.start}});
    }
    packages.push_back({{"package", packages_[p].package_id},
                        {"die", packages_[p].die_id},
                        {"cpus", packages_[p].cpus},
                        {"power", packages_[p].power->text()},
                        {"domains", std::move(domains)}});
  }
  const Json json = {{"emulated", true},
                     {"version", VRAPL_VERSION},
                     {"pid", ::getpid()},
                     {"cpu", options_.cpu->name},
                     {"cpu_model", absl::StrCat(options_.cpu->model_name, " (emulated)")},
                     {"update_period_ns", options_.period_ns},
                     {"jitter_ns", options_.jitter_ns},
                     {"seed", options_.seed},
                     {"start_ns", start_ns_},
                     {"busy_time", options_.busy == nullptr ? "none" : std::string(options_.busy->name())},
                     {"dram", options_.dram.own ? options_.dram.own->text() : absl::StrCat(options_.dram.percent, "%")},
                     {"packages", std::move(packages)}};
  return absl::StrCat(json.dump(2), "\n");
}

std::string EmulatedHost::Truth() {
  CatchUp();
  if (read_log_ != nullptr) std::fflush(read_log_.get());
  // Noted down first and put into words afterwards: who reads a register waits for this lock.
  struct Note {
    uint64_t ticks;
    int64_t busy_ns;
    int64_t updates;
    int64_t last_update_ns;
  };
  std::vector<Note> notes;
  notes.reserve(counters_.size());
  {
    const std::lock_guard lock(mutex_);
    for (const Counter& counter : counters_) {
      notes.push_back({.ticks = counter.ticks,
                       .busy_ns = counter.busy_ns,
                       .updates = counter.updates,
                       .last_update_ns = counter.last_update_ns});
    }
  }
  Json packages = Json::array();
  for (size_t p = 0; p < packages_.size(); ++p) {
    packages.push_back({{"package", packages_[p].package_id},
                        {"die", packages_[p].die_id},
                        {"cpus", packages_[p].cpus},
                        {"domains", Json::array()}});
  }
  for (size_t i = 0; i < notes.size(); ++i) {
    const Counter& counter = counters_[i];
    const Note& note = notes[i];
    const DomainId id{.domain = counter.profile->domain, .core = CoreId(counter)};
    packages[counter.package]["domains"].push_back({{"domain", DomainName(id)},
                                                    {"unit_j", counter.profile->tick.joules()},
                                                    {"start_ticks", counter.start},
                                                    {"ticks", note.ticks},
                                                    {"busy_ns", note.busy_ns},
                                                    {"updates", note.updates},
                                                    {"last_update_ns", note.last_update_ns},
                                                    {"reads", counter.reads.load()},
                                                    {"first_read_ticks", counter.first_read_ticks.load()},
                                                    {"last_read_ticks", counter.last_read_ticks.load()}});
  }
  const Json json = {{"emulated", true},      {"version", VRAPL_VERSION},          {"cpu", options_.cpu->name},
                     {"start_ns", start_ns_}, {"now_ns", options_.clock->NowNs()}, {"packages", std::move(packages)}};
  return absl::StrCat(json.dump(2), "\n");
}

}  // namespace vrapl
