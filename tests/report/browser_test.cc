// The page in a real browser: what it finds when it checks itself, and a zoom by mouse, wheel and key.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/run_report.h"
#include "tests/program.h"
#include "tests/report/made_run.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using nlohmann::json;

class BrowserTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("browser"); }
  ~BrowserTest() override { std::remove(page_.c_str()); }

  void MakePage(const MadeRun& made, RecordedRun run, const RunReportOptions& options = {}) {
    const absl::StatusOr<RunReport> report = MakeRunReport(run, made.replay(), options);
    ASSERT_THAT(report, IsOk());
    std::ofstream(page_) << report->page;
  }
  // The values of the steps that have one. The last is what the browser complained of.
  std::vector<json> Browse(std::vector<std::string> steps) {
    std::vector<std::string> words = {VRAPL_BROWSE, page_};
    words.insert(words.end(), steps.begin(), steps.end());
    Program program(words);
    const Ended ended = program.Wait();
    EXPECT_EQ(ended.code, 0) << ended.err << ended.out;
    std::vector<json> values;
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line);) values.push_back(json::parse(line, nullptr, false));
    values.resize(std::count_if(steps.begin(), steps.end(), [](const auto& step) { return step.find("eval:") == 0; }) +
                  1);
    return values;
  }
  static void ExpectPassed(const json& self_check) {
    ASSERT_TRUE(self_check.is_object());
    EXPECT_GE(self_check["checks"].size(), 7u);
    for (const json& check : self_check["checks"]) EXPECT_TRUE(check["ok"].get<bool>()) << check;
  }

  const std::string page_ = testing::TempDir() + "vrapl-browser-test.html";
};

TEST_F(BrowserTest, ThePageFindsNothingWrongWithItself) {
  MadeRun made({.packages = {{.package_id = 0}, {.package_id = 1, .cpus = {2, 3}, .seed = 9}},
                .duration_ns = 6 * kSecond,
                .phase_ns = 2 * kSecond});
  MakePage(made, made.run(), {.replay = {.models = AllModels()}});
  const std::vector<json> values = Browse({"eval:vraplSelfCheck()", "eval:document.documentElement.dataset.selfCheck",
                                           "eval:document.querySelectorAll('canvas.chart').length",
                                           "eval:document.getElementById('emulated').hidden"});
  ExpectPassed(values[0]);
  EXPECT_EQ(values[1], "passed");
  EXPECT_EQ(values[2], 3);
  EXPECT_EQ(values[3], true);
}

TEST_F(BrowserTest, ADragZoomsIntoWhatItCovers) {
  MadeRun made({.duration_ns = 8 * kSecond});
  MakePage(made, made.run());
  const std::vector<json> values =
      Browse({"eval:vraplView()", "drag:0.25,0.5", "eval:vraplView()", "eval:vraplSelfCheck()", "drag:0.5,0.52",
              "eval:vraplView()", "eval:vraplSelfCheck()", "key:Escape", "eval:vraplView()"});
  EXPECT_EQ(values[0]["from_ns"], 0);
  EXPECT_GT(values[0]["drawn"]["level"], 0);
  // A pixel of the chart is about 8 ms.
  EXPECT_NEAR(values[1]["from_ns"].get<double>(), 2e9, 2e7);
  EXPECT_NEAR(values[1]["to_ns"].get<double>(), 4e9, 2e7);
  ExpectPassed(values[2]);
  // 40 ms: now each step is a sample, and what is drawn is what these samples have.
  const json& close = values[3];
  EXPECT_NEAR(close["from_ns"].get<double>(), 3e9, 2e7);
  EXPECT_EQ(close["drawn"]["level"], 0);
  EXPECT_EQ(close["envelope"]["exact"], true);
  ExpectPassed(values[4]);
  double drawn_uj = 0;
  for (const json& energy : close["drawn"]["energy_uj"]) drawn_uj += energy.get<double>();
  int64_t truth_uj = 0;
  for (const FlushReport& report : made.Reports({.window_ns = kMs})) {
    if (report.t_ns <= close["drawn"]["from_ns"] || report.t_ns > close["drawn"]["to_ns"]) continue;
    for (const CounterReport& counter : report.models[0].counters) truth_uj += counter.energy_uj;
  }
  EXPECT_GT(truth_uj, 1'000'000);
  EXPECT_NEAR(drawn_uj, static_cast<double>(truth_uj), 1'000);
  EXPECT_EQ(values[5]["from_ns"], values[0]["from_ns"]);
  EXPECT_EQ(values[5]["to_ns"], values[0]["to_ns"]);
}

TEST_F(BrowserTest, WheelKeysAndADoubleClickZoomToo) {
  MadeRun made({.duration_ns = 4 * kSecond});
  MakePage(made, made.run());
  const std::vector<json> values = Browse({"wheel:0.5,-3", "eval:vraplView()", "key:ArrowRight", "eval:vraplView()",
                                           "key:+", "eval:vraplView()", "doubleclick", "eval:vraplView()"});
  const auto span = [](const json& view) { return view["to_ns"].get<double>() - view["from_ns"].get<double>(); };
  EXPECT_NEAR(span(values[0]), 4e9 * 0.8 * 0.8 * 0.8, 5e6);
  EXPECT_NEAR(values[1]["from_ns"].get<double>() - values[0]["from_ns"].get<double>(), span(values[0]) / 4, 5e6);
  EXPECT_NEAR(span(values[2]), span(values[1]) / 2, 5e6);
  EXPECT_NEAR(span(values[3]), 4e9, 5e6);
}

TEST_F(BrowserTest, NamesOfOthersStayNames) {
  constexpr char kHostile[] = "</script><img src=x onerror=\"document.title='broken'\"><b>";
  MadeRun made({.duration_ns = 2 * kSecond, .vms = {MadeVm(kHostile, 1000)}, .source = "emulated"});
  made.run().damage = {kHostile};
  MakePage(made, made.run());
  const std::vector<json> values =
      Browse({"eval:[document.images.length, document.querySelectorAll('b').length, document.title]",
              "eval:document.body.textContent.includes('onerror')", "eval:document.getElementById('emulated').hidden",
              "eval:vraplSelfCheck()"});
  EXPECT_EQ(values[0], json::parse(R"([0, 0, "made.vrapl: vrapl report"])"));
  EXPECT_EQ(values[1], true);
  EXPECT_EQ(values[2], false);
  ExpectPassed(values[3]);
}

// 1 J in one sample of 20 000 is seen in all of them, though no mean shows it.
TEST_F(BrowserTest, ALongRecordingShowsTheMostOfAnySample) {
  MadeRun made({.duration_ns = 20 * kSecond});
  const auto with_peak = [&](const ReplayOptions& options, absl::FunctionRef<void(const FlushReport&)> on_report) {
    constexpr int64_t kAtNs = 9'500 * kMs;
    constexpr int64_t kPeakUj = 1'000'000;
    for (FlushReport& report : made.Reports(options)) {
      if (report.t_ns >= kAtNs && report.t_ns - report.dt_ns < kAtNs) {
        report.models[0].counters[0].energy_uj += kPeakUj;
        report.models[0].rows[0].energy_uj += kPeakUj;
      }
      on_report(report);
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<RunReport> report = MakeRunReport(made.run(), with_peak, {.curve_bytes = 60'000});
  ASSERT_THAT(report, IsOk());
  std::ofstream(page_) << report->page;
  const std::vector<json> values =
      Browse({"eval:vraplView()", "eval:vraplSelfCheck()", "drag:0.2,0.3", "eval:vraplView()"});
  ExpectPassed(values[1]);
  EXPECT_GT(values[0]["envelope"]["high_w"].get<double>(), 1'000);
  EXPECT_NEAR(values[0]["envelope"]["low_w"].get<double>(), 34, 1);  // 30 W, and 4 W of DRAM
  EXPECT_EQ(values[0]["envelope"]["exact"], false);
  EXPECT_LT(values[2]["envelope"]["high_w"].get<double>(), 80);  // the peak is not in view
}

}  // namespace
}  // namespace vrapl
