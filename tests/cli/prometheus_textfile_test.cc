#include "cli/prometheus_textfile.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/host_root.h"
#include "tests/cli/made_report.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PrometheusTextfileTest : public testing::Test {
 protected:
  PrometheusTextfileTest() {
    std::string name = testing::TempDir() + "textfile-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~PrometheusTextfileTest() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/vrapl.prom"; }
  std::string directory_;
};

TEST_F(PrometheusTextfileTest, CountersGrowAndRowsSumToThem) {
  PrometheusTextfile textfile(directory_);
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  const absl::StatusOr<std::string> text = ReadSmallFile(path());
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(*text + "\n", textfile.Text());
  const std::string package = R"(package="0",die="0",domain="package",source="emulated")";
  const std::string web = R"(kind="vm",vm="web",uuid="11112222-3333-4444-5555-666677778888",)";
  EXPECT_THAT(
      *text,
      AllOf(HasSubstr("# TYPE vrapl_host_energy_joules_total counter\nvrapl_host_energy_joules_total{" + package +
                      "} 0.12207"),
            HasSubstr("vrapl_row_energy_joules_total{" + web + package + "} 0.048828"),
            HasSubstr(R"(vrapl_row_energy_joules_total{kind="idle",vm="",uuid="",)" + package + "} 0.073242"),
            HasSubstr("vrapl_row_run_time_seconds_total{" + web + package + "} 2\n"),
            HasSubstr("vrapl_guest_lines_skipped_total 4\n"), HasSubstr(R"(source="emulated",backend="msr")"),
            HasSubstr(R"(vrapl_counter_read_errors_total{package="0",die="0",domain="dram",source="emulated"} 14)")));
  struct stat file = {};
  ASSERT_EQ(::stat(path().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0444, 0444u) << "node_exporter is another user";
}

TEST_F(PrometheusTextfileTest, AVmThatIsGoneIsNotShownForEver) {
  PrometheusTextfile textfile(directory_);
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  FlushReport without = MadeReport();
  without.vms.clear();
  std::erase_if(without.models[0].rows, [](const RowReport& row) { return row.kind == RowKind::kVm; });
  ASSERT_THAT(textfile.Add(without), IsOk());
  EXPECT_THAT(textfile.Text(), AllOf(Not(HasSubstr("web")), HasSubstr("vrapl_host_energy_joules_total")));
}

TEST_F(PrometheusTextfileTest, ADirectoryThatWentAwayCostsNothingButTheFile) {
  PrometheusTextfile textfile(directory_);
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  std::filesystem::remove_all(directory_);
  EXPECT_FALSE(textfile.Add(MadeReport()).ok());
  std::filesystem::create_directory(directory_);
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  EXPECT_THAT(*ReadSmallFile(path()), HasSubstr("vrapl_guest_lines_skipped_total 6\n"));
}

TEST_F(PrometheusTextfileTest, WhatOthersPutThereHoldsNobodyUp) {
  // A pipe that nobody reads under the name that the file is written by, and another vrapl's file.
  ASSERT_EQ(::mkfifo((path() + ".tmp-" + std::to_string(::getpid())).c_str(), 0600), 0);
  PrometheusTextfile textfile(directory_);
  { const PrometheusTextfile failed_at_the_start(directory_); }
  ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
  { const PrometheusTextfile failed_at_the_start(directory_); }
  EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(PrometheusTextfileTest, WhatIsNoLongerMeasuredIsNotShown) {
  {
    PrometheusTextfile textfile(directory_);
    ASSERT_THAT(textfile.Add(MadeReport()), IsOk());
    EXPECT_TRUE(std::filesystem::exists(path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

}  // namespace
}  // namespace vrapl
