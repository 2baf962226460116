// docs/probe-json.md and the output must name the same keys: neither may drift from the other.
#include "probe/json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "probe/hardware.h"
#include "probe/text.h"
#include "tests/probe/findings_examples.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;
using testing::ElementsAreArray;

// Findings in which every key of the output has its case.
ProbeFindings Everything() {
  ProbeFindings found{.emulated = true, .cpu = CpuModel{.vendor_id = "GenuineIntel", .family = 6, .model = 0x55}};
  found.table_row = "Skylake-SP";
  found.table_row_source = "SDM";
  found.cpu_table = "my.json row 06_55";
  found.unit_rule = "2^-ESU J";
  found.thermal_power[0] = {.watts = 150, .origin = "MSR_PKG_POWER_INFO"};
  PackageFindings package;
  package.probe.cpus = {0, 1};
  package.probe.reader_cpu = 1;
  package.probe.why_reader_cpu = "CPU 0 is kept clear";
  package.probe.domains = {{.id = {RaplDomain::kPackage},
                            .present = true,
                            .origin = "a register",
                            .unit = {1.0 / 16384},
                            .wrap_ticks = 1ULL << 32},
                           {.id = {RaplDomain::kUncore}, .present = false, .why = "reads 0", .origin = "another"}};
  package.updates[{RaplDomain::kPackage}] = {.summary = {.reads = 9, .edges = 3}, .polled_ns = 300};
  PackageFindings broken;
  broken.probe.package_id = 1;
  broken.probe.usable = absl::NotFoundError("no such device");
  found.sources.push_back(
      {.name = "msr", .what = "registers", .usable = absl::OkStatus(), .packages = {package, broken}});
  found.sources.push_back(
      {.name = "sysfs", .what = "files", .usable = absl::NotFoundError("no zones"), .remedy = "modprobe"});
  found.chosen = "msr";
  found.run_time = JudgeRunTime(BoundSystem());
  found.checks = JudgeSystem(BoundSystem());
  found.vms_by = "libvirt";
  found.vms = TwoVms();
  return found;
}

CrossCheck Checked() {
  CrossCheck check{.seconds = 2, .sources = {"msr", "sysfs"}, .left_out = {"perf: none"}};
  check.domains.push_back({.id = {RaplDomain::kPackage},
                           .readings = {{.source = "msr", .joules = 1, .watts = 2}},
                           .differences = {{.source = "sysfs", .reference = "msr"}}});
  check.remarks.push_back({"psys is the whole platform", false});
  check.run_time = RunTimeCheckReport{.residual_ns = 1};
  return check;
}

ProbeFindings Nothing() {
  ProbeFindings found;
  found.vms_by = "libvirt";
  found.vms_status = absl::UnavailableError("libvirt is down");
  return found;
}

// Every key as its path: "cpu", "cpu.vendor", "sources[].name".
void AddPaths(const Json& json, const std::string& path, std::set<std::string>& paths) {
  if (json.is_array()) {
    for (const Json& entry : json) AddPaths(entry, path + "[]", paths);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      const std::string below = path.empty() ? key : absl::StrCat(path, ".", key);
      paths.insert(below);
      AddPaths(value, below, paths);
    }
  }
}

std::string Documentation() {
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat(VRAPL_SOURCE, "/docs/probe-json.md"));
  return text.ok() ? *text : "";
}

// What stands in backquotes in the first column of the tables of one part of the document.
std::set<std::string> FirstColumn(const std::string& text, bool optional_too = true) {
  std::set<std::string> words;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    const std::string cell(line.substr(2, line.find('|', 2) - 2));
    const std::regex word(optional_too ? "`([^`?]+)\\??`" : "`([^`?]+)`");
    for (std::sregex_iterator it(cell.begin(), cell.end(), word), end; it != end; ++it) words.insert((*it)[1]);
  }
  return words;
}

TEST(ProbeJsonTest, KeysAreThoseOfTheDocument) {
  std::set<std::string> paths;
  const CrossCheck check = Checked();
  AddPaths(Json::parse(ToJson(Everything(), &check)), "", paths);
  AddPaths(Json::parse(ToJson(Nothing())), "", paths);
  const std::string text = Documentation();
  EXPECT_THAT(FirstColumn(text.substr(0, text.find("\n## Checks"))), ElementsAreArray(paths));
}

TEST(ProbeJsonTest, KeysWithoutAQuestionMarkAreAlwaysThere) {
  std::set<std::string> paths;
  AddPaths(Json::parse(ToJson(Nothing())), "", paths);
  const std::string text = Documentation();
  for (const std::string& key : FirstColumn(text.substr(0, text.find("\n## Checks")), /*optional_too=*/false)) {
    if (absl::StrContains(key, ".")) continue;
    EXPECT_TRUE(paths.contains(key)) << key;
  }
}

TEST(ProbeJsonTest, ChecksAreThoseOfTheDocument) {
  std::set<std::string> ids;
  for (const Check& check : JudgeSystem(FreeSystem())) ids.insert(check.id);
  const HostRoot nowhere("/does/not/exist");
  ids.insert(CheckVirtualMachine(nowhere, {}).id);
  ids.insert(CheckEnergyFiltering(nowhere, {}).id);
  const std::string text = Documentation();
  EXPECT_THAT(FirstColumn(text.substr(text.find("\n## Checks"))), ElementsAreArray(ids));
}

// The reason is beside the CPU, for programs and for people.
TEST(ProbeJsonTest, SaysWhyAnotherCpuReads) {
  const Json packages = Json::parse(ToJson(Everything()))["sources"][0]["packages"];
  EXPECT_EQ(packages[0]["reader_cpu"], 1);
  EXPECT_EQ(packages[0]["why_reader_cpu"], "CPU 0 is kept clear");
  EXPECT_FALSE(packages[1].contains("why_reader_cpu")) << "the first, as everywhere";
  EXPECT_TRUE(absl::StrContains(ToText(Everything()), "read on CPU 1: CPU 0 is kept clear; TDP"));
}

TEST(ProbeJsonTest, SaysNothingOfWhatIsNotKnown) {
  const Json json = Json::parse(ToJson(Nothing()));
  EXPECT_EQ(json["energy"], false);
  EXPECT_TRUE(json["chosen"].is_null());
  EXPECT_TRUE(json["cpu"].is_null());
  EXPECT_EQ(json["vms"]["why_unknown"], "libvirt is down");
}

}  // namespace
}  // namespace vrapl
