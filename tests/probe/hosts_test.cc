// Every directory of tests/hosts/ is what `vrapl probe --report` captured of one host (CONTRIBUTING.md says how to add
// one). vrapl, let loose on what was captured, must find again what it found on the host itself.
//
// Compared is what the hardware decides: the CPU and its table row, which sources were usable, their packages and
// domains with units, energy filtering. perf cannot be replayed: its counts are the kernel's.
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "probe/json.h"
#include "probe/look.h"
#include "tests/emulator/temp_dir.h"
#include "tests/fakes/captured_host.h"
#include "tests/probe/findings_examples.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

constexpr char kHosts[] = VRAPL_SOURCE "/tests/hosts";

std::vector<std::string> Hosts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kHosts)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The keys of `json` that are named; wording may change, what was found may not.
Json Only(const Json& json, const std::vector<std::string>& keys) {
  Json kept = Json::object();
  for (const std::string& key : keys) {
    if (json.contains(key)) kept[key] = json[key];
  }
  return kept;
}

// What the hardware decides, of a probe's JSON, about the sources that were known when the archive was made.
Json OfTheHardware(const Json& json, const std::set<std::string>& sources) {
  Json kept = {{"cpu", Only(json["cpu"], {"vendor", "family", "model", "stepping", "name", "microcode"})}};
  for (const Json& source : json["sources"]) {
    const auto name = source["name"].get<std::string>();
    if (!sources.contains(name)) continue;
    kept["sources"][name] = {{"usable", source["usable"]}, {"packages", Json::array()}};
    if (source["usable"] == false) continue;
    for (const Json& package : source["packages"]) {
      Json one = Only(package, {"package", "die", "cpus", "reader_cpu", "usable", "tdp_w"});
      for (const Json& domain : package["domains"]) {
        one["domains"].push_back(Only(domain, {"domain", "present", "unit_uj", "wrap_ticks", "range_j"}));
      }
      kept["sources"][name]["packages"].push_back(std::move(one));
    }
  }
  for (const Json& check : json["checks"]) {
    if (check["id"] == "energy_filtering" || check["id"] == "virtual_machine") {
      kept["checks"][check["id"].get<std::string>()] = check["verdict"];
    }
  }
  return kept;
}

std::set<std::string> SourcesToCompare(const Json& json) {
  std::set<std::string> names;
  for (const Json& source : json["sources"]) names.insert(source["name"].get<std::string>());
  names.erase("perf");
  return names;
}

class HostsTest : public testing::TestWithParam<std::string> {};

TEST_P(HostsTest, IsFoundAsItWasCaptured) {
  VRAPL_NEEDS("fuse");
  const std::string archive = absl::StrCat(kHosts, "/", GetParam());
  const absl::StatusOr<std::string> captured = ReadSmallFile(absl::StrCat(archive, "/probe.json"));
  ASSERT_THAT(captured, IsOk());
  const TempDir directory;
  const absl::StatusOr<std::unique_ptr<CapturedHost>> host = CapturedHost::Mount(archive, directory.path());
  ASSERT_THAT(host, IsOk());
  const LookOptions quick{.updates = {.poll = absl::Milliseconds(5), .patience = absl::Milliseconds(5)},
                          .on_step = nullptr};
  const ProbeFindings found = Look((*host)->root(), FreeSystem(), quick);
  const std::string replayed = absl::StrReplaceAll(ToJson(found), {{directory.path(), ""}});
  const std::set<std::string> sources = SourcesToCompare(Json::parse(*captured));
  EXPECT_FALSE(sources.empty());
  const Json expected = OfTheHardware(Json::parse(*captured), sources);
  const Json actual = OfTheHardware(Json::parse(replayed), sources);
  EXPECT_EQ(actual, expected) << "captured: " << expected.dump(1) << "\nreplayed: " << actual.dump(1);
}

INSTANTIATE_TEST_SUITE_P(Captured, HostsTest, testing::ValuesIn(Hosts()),
                         [](const testing::TestParamInfo<std::string>& test) {
                           return absl::StrReplaceAll(test.param, {{"-", "_"}, {".", "_"}});
                         });

}  // namespace
}  // namespace vrapl
