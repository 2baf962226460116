#include "cli/flush_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "tests/cli/made_report.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Json = nlohmann::json;

std::vector<std::string> KeysOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(FlushJsonTest, HasTheKeysThatAreDocumented) {
  const std::string text = FlushToJson(MadeReport());
  EXPECT_THAT(text, Not(HasSubstr("\n"))) << "one line";
  const Json json = Json::parse(text);
  EXPECT_THAT(KeysOf(json),
              testing::UnorderedElementsAre("seq", "t_ns", "dt_ns", "unix_ns", "source", "backend", "run_time_method",
                                            "recursion_misses", "model", "counters", "rows", "vms", "samplers"));
  EXPECT_EQ(json["seq"], 3);
  EXPECT_EQ(json["t_ns"], 6 * kSecond + 17);
  EXPECT_EQ(json["dt_ns"], 2 * kSecond);
  EXPECT_EQ(json["source"], "emulated");
  EXPECT_EQ(json["backend"], "msr");
  EXPECT_EQ(json["model"], "base-share");
  EXPECT_THAT(KeysOf(json["counters"][0]),
              testing::UnorderedElementsAre("package", "domain", "dt_ns", "energy_ticks", "unit_uj", "energy_uj",
                                            "err_uj", "model", "asked", "updates"));
  EXPECT_EQ(json["counters"][0]["unit_uj"], 61.03515625) << "a power of two is exact";
  EXPECT_EQ(json["counters"][0]["model"], "capacity") << "the one that was applied";
  EXPECT_EQ(json["counters"][0]["asked"], "base-share") << "and the one that it stands in for";
  EXPECT_FALSE(json["counters"][1].contains("asked"));
  EXPECT_EQ(json["counters"][1]["base_w"], 3.5);
  EXPECT_EQ(json["counters"][1]["base_err_w"], 0.25);
  EXPECT_EQ(json["counters"][1]["base_given"], true);
  EXPECT_EQ(json["counters"][1]["read_errors"], 7);
  for (const Json& row : json["rows"]) {
    for (const char* key : {"kind", "id", "name", "part", "package", "domain", "energy_ticks", "energy_uj", "err_uj",
                            "active_uj", "run_time_ns"}) {
      EXPECT_TRUE(row.contains(key)) << key;
    }
  }
  EXPECT_EQ(json["rows"][1]["id"], "11112222-3333-4444-5555-666677778888");
  EXPECT_EQ(json["rows"][1]["name"], "web");
  EXPECT_EQ(json["rows"][1]["part"], "vcpu0");
  EXPECT_EQ(json["rows"][1]["pid"], 4711);
  EXPECT_TRUE(json["rows"][1]["active_uj"].is_null()) << "not known is not zero";
  EXPECT_EQ(json["rows"][3]["active_uj"], 150);
  EXPECT_EQ(json["rows"][1]["solo_time_ns"], 600'000'000);
  EXPECT_EQ(json["rows"][1]["shared_time_ns"], 400'000'000);
  EXPECT_FALSE(json["rows"][0].contains("solo_time_ns")) << "nobody runs in the idle row";
  EXPECT_EQ(json["rows"][0]["id"], "idle");
  EXPECT_TRUE(json["rows"][0]["part"].is_null());
  EXPECT_THAT(KeysOf(json["vms"][0]),
              testing::UnorderedElementsAre("id", "name", "pid", "running", "vcpus", "epoch", "energy_uj", "err_uj",
                                            "active_uj", "run_time_ns", "total_energy_uj", "line", "delivery"));
  EXPECT_EQ(json["vms"][0]["epoch"], "0000009f");
  EXPECT_TRUE(json["vms"][0]["active_uj"].is_null());
  EXPECT_THAT(KeysOf(json["vms"][0]["delivery"]),
              testing::UnorderedElementsAre("sent", "skipped_unread", "not_connected", "errors"));
  EXPECT_THAT(KeysOf(json["samplers"][0]),
              testing::UnorderedElementsAre("package", "cpu", "cpus", "capacity_ns", "samples", "late", "missed",
                                            "dropped", "read_errors", "gaps", "unreported_switches", "late_run_time_ns",
                                            "lost_records", "skew_max_ns", "late_p50_ns", "late_p99_ns", "late_p999_ns",
                                            "late_max_ns", "cpu_time_ns", "edges", "missed_stolen", "stalls",
                                            "stalled_ns", "stalled_stolen_ns", "new_stalls"));
  EXPECT_EQ(json["samplers"][0]["cpu_time_ns"], 250'000'000);
  EXPECT_EQ(json["samplers"][0]["edges"],
            Json::parse(R"({"at_edge":5900,"missed":60,"double":8,"empty":3,"by_clock":30})"));
  EXPECT_EQ(json["samplers"][0]["missed_stolen"], 6);
  EXPECT_EQ(json["samplers"][0]["stalls"], 2);
  EXPECT_EQ(json["samplers"][0]["stalled_ns"], 18'000'000);
  EXPECT_EQ(json["samplers"][0]["stalled_stolen_ns"], 7'000'000);
  EXPECT_EQ(json["samplers"][0]["new_stalls"],
            Json::parse(R"([{"t_ns":5000000000,"late_ns":12000000,"stolen_ns":7000000}])"));
  EXPECT_EQ(json["samplers"][0]["gaps"], 5);
  EXPECT_EQ(json["samplers"][0]["unreported_switches"], 12);
  EXPECT_EQ(json["samplers"][0]["late_run_time_ns"], 3'456'000);
  EXPECT_EQ(json["run_time_method"], "bpf");
  EXPECT_EQ(json["recursion_misses"], 0);
}

TEST(FlushJsonTest, SaysOfWhichPhaseItIs) {
  EXPECT_EQ(Json::parse(FlushToJson(MadeReport(), "load"))["phase"], "load");
  EXPECT_FALSE(Json::parse(FlushToJson(MadeReport())).contains("phase"));
}

TEST(FlushJsonTest, RareKeysAreThereWhenTheyHaveSomethingToSay) {
  FlushReport report = MadeReport();
  report.models.push_back(MadeModel(Model::kShare));
  report.models[0].counters[0].die_id = 1;
  report.models[0].rows[0].die_id = 1;
  report.samplers[0].die_id = 1;
  report.problems = {"VM web: no port"};
  report.last = true;
  const Json json = Json::parse(FlushToJson(report));
  ASSERT_THAT(json["other_models"], SizeIs(1));
  EXPECT_EQ(json["other_models"][0]["model"], "share");
  EXPECT_THAT(json["other_models"][0]["rows"], SizeIs(4));
  EXPECT_THAT(json["other_models"][0]["counters"], SizeIs(2));
  EXPECT_THAT(json["rows"], SizeIs(4)) << "the first model's alone: they sum to the counters";
  EXPECT_EQ(json["problems"], Json({"VM web: no port"}));
  EXPECT_EQ(json["last"], true);
  EXPECT_EQ(json["counters"][0]["die"], 1);
  EXPECT_EQ(json["rows"][0]["die"], 1);
  EXPECT_EQ(json["samplers"][0]["die"], 1);
}

TEST(FlushJsonTest, IdleIsToldOfEveryModel) {
  FlushReport report = MadeReport();
  report.models.push_back(MadeModel(Model::kShare));
  const VmRun web = report.models[0].rows[1].vm;
  report.vms[0].idle_uj = 30'000;
  for (ModelReport& model : report.models) {
    model.vm_counters = {{.vm = web, .domain = {RaplDomain::kPackage}, .idle_uj = 29'000},
                         {.vm = web, .domain = {RaplDomain::kDram}, .idle_uj = 1'000}};
  }
  const Json json = Json::parse(FlushToJson(report));
  EXPECT_EQ(json["vms"][0]["idle_uj"], 30'000);
  EXPECT_EQ(json["vms"][0]["energy_uj"], report.vms[0].energy_uj) << "as everywhere, idle is beside it";
  ASSERT_THAT(json["other_models"][0]["vms"], SizeIs(1));
  EXPECT_EQ(json["other_models"][0]["vms"][0]["idle_uj"], 30'000);
  EXPECT_EQ(json["other_models"][0]["vms"][0]["name"], "web");
}

TEST(FlushJsonTest, AnyNameIsValidJson) {
  FlushReport report = MadeReport();
  const std::string odd = "a\"b\\c\n\x01 \xff\xfe end";
  report.models[0].rows[1].vm.name = odd;
  const std::string text = FlushToJson(report);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_TRUE(absl::StartsWith(json["rows"][1]["name"].get<std::string>(), "a\"b\\c\n"));
}

}  // namespace
}  // namespace vrapl
