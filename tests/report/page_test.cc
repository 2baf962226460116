#include "report/page.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "absl/strings/match.h"
#include "report/run_report.h"
#include "tests/report/made_run.h"

namespace vrapl {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kHostile[] = "</script><img src=x onerror=alert(1)>";

std::string DataOf(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="data">)";
  const size_t from = page.find(begin) + begin.size();
  return page.substr(from, page.find("</script>", from) - from);
}

absl::StatusOr<RunReport> Make(const MadeRun& made, RecordedRun run, const RunReportOptions& options = {}) {
  return MakeRunReport(run, made.replay(), options);
}

TEST(PageTest, NamesOfOthersAreDataAndNothingElse) {
  MadeRun made(
      {.duration_ns = 2 * kSecond, .vms = {MadeVm(kHostile, 1000), MadeVm("&lt;b&gt; \xe2\x80\xa8 \xff", 2000)}});
  made.run().path = absl::StrCat("/tmp/", "<svg onload=x>.vrapl");
  made.run().marks = {{kSecond, kHostile}};
  made.run().events = {{kSecond, kHostile, kHostile}};
  made.run().header = absl::StrCat(R"({"command": ")", kHostile, R"("})");
  made.run().damage = {kHostile, "@SCRIPT@ @DATA@"};
  MadeRun phases({.duration_ns = 2 * kSecond, .phase_ns = kSecond});
  const absl::StatusOr<RunReport> report =
      MakeRunReport(made.run(),
                    [&](const ReplayOptions& options, absl::FunctionRef<void(const FlushReport&)> on_report) {
                      return (options.window_per_phase ? phases : made).replay()(options, on_report);
                    },
                    {});
  ASSERT_THAT(report, IsOk());
  // As many script elements as the page has by itself, and nothing of a name but in its data.
  const std::regex scripts("</script", std::regex::icase);
  const auto count = [&](const std::string& text) {
    return std::distance(std::sregex_iterator(text.begin(), text.end(), scripts), std::sregex_iterator());
  };
  EXPECT_EQ(count(report->page), 2);
  EXPECT_THAT(report->page, Not(HasSubstr("<img")));
  EXPECT_THAT(report->page, Not(HasSubstr("<svg onload")));
  const std::string data = DataOf(report->page);
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  for (const char c : data) ASSERT_TRUE(c >= 0x20 && c < 0x7f);
  const json parsed = json::parse(data);
  bool found = false;
  for (const json& owner : parsed["curves"]["owners"]) found = found || owner["label"] == kHostile;
  EXPECT_TRUE(found);
  EXPECT_EQ(parsed["marks"][0]["label"], kHostile);
  EXPECT_EQ(parsed["header"]["command"], kHostile);
}

TEST(PageTest, NeedsNothingButItself) {
  MadeRun made({.duration_ns = 2 * kSecond});
  const absl::StatusOr<RunReport> report = Make(made, made.run());
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->page.find("@STYLE@"), std::string::npos);
  EXPECT_EQ(report->page.find("@SCRIPT@"), std::string::npos);
  EXPECT_FALSE(std::regex_search(report->page, std::regex(R"((src|href)\s*=\s*["'])")));
  EXPECT_FALSE(std::regex_search(std::string(kPageCss), std::regex(R"(url\(|@import)")));
  EXPECT_FALSE(std::regex_search(
      std::string(kPageScript),
      std::regex(
          R"(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|fetch\(|XMLHttpRequest|import\()")));
  EXPECT_THAT(report->page, HasSubstr("default-src 'none'"));
}

TEST(PageTest, TheSameRecordingGivesTheSamePage) {
  MadeRun made({.duration_ns = 3 * kSecond});
  EXPECT_EQ(Make(made, made.run())->page, Make(made, made.run())->page);
}

TEST(PageTest, HoldsWhatTheRecordingHas) {
  MadeRun made({.duration_ns = 6 * kSecond, .phase_ns = 2 * kSecond, .source = "emulated"});
  made.run().events = {
      {1, "flush", "{}"}, {2, "conditions", "{}"}, {3, "stall", R"({"late_ns": 5})"}, {4, "clock", "{}"}};
  const absl::StatusOr<RunReport> report = Make(made, made.run(), {.replay = {.models = AllModels()}});
  ASSERT_THAT(report, IsOk());
  const json data = json::parse(DataOf(report->page));
  EXPECT_EQ(data["emulated"], true);
  EXPECT_EQ(data["event_count"], 1);  // what comes all the time is not for people
  EXPECT_EQ(data["events"][0]["what"]["late_ns"], 5);
  const size_t models = AllModels().size();
  EXPECT_EQ(data["models"].size(), models);
  EXPECT_EQ(data["owners"][0]["by_model"].size(), models);
  EXPECT_EQ(data["curves"]["levels"][0]["exact"], true);
  EXPECT_EQ(data["curves"]["levels"][0]["bins"], 6000);
  EXPECT_EQ(data["curves"]["told"]["bins"], 3);
  ASSERT_EQ(data["phases"].size(), 3u);
  EXPECT_EQ(data["phases"][0]["label"], "(before the first mark)");
  EXPECT_EQ(data["phases"][1]["label"], "phase 1");
  int64_t phases_uj = 0;
  for (const json& phase : data["phases"]) phases_uj += phase["host_uj"].get<int64_t>();
  EXPECT_EQ(phases_uj, data["host_uj"].get<int64_t>());
  EXPECT_THAT(data["warnings"][0]["text"].get<std::string>(), HasSubstr("EMULATED"));
}

TEST(PageTest, APartOfARecording) {
  MadeRun made({.duration_ns = 6 * kSecond});
  const absl::StatusOr<RunReport> part = Make(made, made.run(), {.replay = {.from_ns = kSecond, .to_ns = 2 * kSecond}});
  ASSERT_THAT(part, IsOk());
  const json data = json::parse(DataOf(part->page));
  EXPECT_GE(data["from_ns"], kSecond);
  EXPECT_LE(data["to_ns"], 2 * kSecond);
  EXPECT_NEAR(data["host_uj"].get<double>(), 54e6, 2e5);  // 50 W and 4 W of DRAM
  EXPECT_THAT(Make(made, made.run(), {.replay = {.from_ns = 7 * kSecond}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("6000 ms long")));
  EXPECT_THAT(Make(made, made.run(), {.only_vms = {"nobody"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nobody")));
}

TEST(PageTest, ALongRecordingIsShownInBins) {
  MadeRun made({.duration_ns = 20 * kSecond});
  const absl::StatusOr<RunReport> report = Make(made, made.run(), {.curve_bytes = 60'000});
  ASSERT_THAT(report, IsOk());
  const json data = json::parse(DataOf(report->page));
  EXPECT_EQ(data["curves"]["levels"][0]["exact"], false);
  EXPECT_LT(data["curves"]["levels"][0]["bins"], 4000);
  EXPECT_TRUE(data["curves"]["levels"][0]["tracks"][0].contains("max_mw"));
  EXPECT_LT(data["curves"].dump().size(), 120'000u);
}

}  // namespace
}  // namespace vrapl
