#include "cli/flush_csv.h"

#include <gmock/gmock.h>

#include "tests/cli/made_report.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// RFC 4180: fields of the next record, which may span lines.
std::vector<std::string> NextRecord(absl::string_view& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (!text.empty() && text.front() == '"') {
        fields.back() += '"';
        text.remove_prefix(1);
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      return fields;
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

TEST(FlushCsvTest, EveryRowHasTheColumnsOfTheHeader) {
  const std::string header = FlushCsvHeader();
  EXPECT_EQ(
      header,
      "t_ns,dt_ns,kind,vm_id,vm_name,vm_pid,part,package,die,domain,energy_ticks,energy_uj,err_uj,active_uj,idle_uj,"
      "run_time_ns,solo_time_ns,shared_time_ns,read_errors,model_asked,model,run_time_method,source,cpu_"
      "table\n");
  FlushReport report = MadeReport();
  report.models[0].rows[1].err_uj = 77;
  report.models.push_back(MadeModel(Model::kShare));
  const std::string text = FlushToCsv(report);
  absl::string_view rest = text;
  std::vector<std::vector<std::string>> records;
  while (!rest.empty()) records.push_back(NextRecord(rest));
  ASSERT_THAT(records, SizeIs(8));
  for (const auto& record : records) EXPECT_THAT(record, SizeIs(24));
  EXPECT_THAT(records[1], ElementsAre("6000000017", "2000000000", "vm", "11112222-3333-4444-5555-666677778888", "web",
                                      "4711", "vcpu0", "0", "0", "package", "400", "24414", "77", "", "", "1000000000",
                                      "600000000", "400000000", "0", "base-share", "capacity", "bpf", "emulated", ""));
  EXPECT_THAT(records[3], ElementsAre("6000000017", "2000000000", "vm", "11112222-3333-4444-5555-666677778888", "web",
                                      "4711", "vcpu0", "0", "0", "dram", "10", "153", "", "150", "", "1000000000", "",
                                      "", "7", "base-share", "base-share", "bpf", "emulated", ""));
  EXPECT_THAT(records[0],
              ElementsAre("6000000017", "2000000000", "idle", "", "", "", "", "0", "0", "package", "600", "36621", "",
                          "", "", "3000000000", "", "", "0", "base-share", "capacity", "bpf", "emulated", ""));
  EXPECT_EQ(records[4][20], "share") << "each model's rows say whose they are";
}

TEST(FlushCsvTest, WhatAModelChargedToNobodyIsARowToo) {
  FlushReport report = MadeReport();
  report.models = {MadeModel(Model::kEnergat)};
  CounterReport& counter = report.models[0].counters[0];
  for (const int64_t unclaimed : {100, -100}) {
    counter.energy_ticks = static_cast<uint64_t>(1000 + unclaimed);
    counter.energy_uj = 61'035 + unclaimed * 61;
    counter.unclaimed_ticks = unclaimed;
    const std::string text = FlushToCsv(report);
    absl::string_view rest = text;
    int64_t ticks = 0;
    int64_t energy_uj = 0;
    while (!rest.empty()) {
      const std::vector<std::string> record = NextRecord(rest);
      ASSERT_THAT(record, SizeIs(24));
      if (record[9] != "package") continue;
      ticks += std::stoll(record[10]);
      energy_uj += std::stoll(record[11]);
      if (record[2] == "unclaimed") {
        EXPECT_EQ(record[10], std::to_string(unclaimed));
        EXPECT_EQ(record[20], "energat");
      }
    }
    EXPECT_EQ(ticks, static_cast<int64_t>(counter.energy_ticks));
    EXPECT_EQ(energy_uj, counter.energy_uj);
  }
}

// Who pays for idle is told beside the rows: they sum to the counter as they did.
TEST(FlushCsvTest, AVmsPartOfIdleIsALineWithoutEnergy) {
  FlushReport report = MadeReport();
  report.models[0].vm_counters = {
      {.vm = report.models[0].rows[1].vm, .domain = {RaplDomain::kPackage}, .idle_uj = 36'000}};
  const std::string text = FlushToCsv(report);
  absl::string_view rest = text;
  std::vector<std::vector<std::string>> records;
  while (!rest.empty()) records.push_back(NextRecord(rest));
  ASSERT_THAT(records, SizeIs(5));
  EXPECT_THAT(records[4], ElementsAre("6000000017", "2000000000", "vm", "11112222-3333-4444-5555-666677778888", "web",
                                      "4711", "idle", "0", "0", "package", "0", "0", "", "", "36000", "0", "", "", "0",
                                      "base-share", "capacity", "bpf", "emulated", ""));
}

TEST(FlushCsvTest, AnyNameIsOneField) {
  for (const std::string& name : {std::string("a,b"), std::string("say \"hi\""), std::string("two\nlines"),
                                  std::string("cr\rlf"), std::string("\""), std::string(",\"\n")}) {
    FlushReport report = MadeReport();
    report.models[0].rows = {report.models[0].rows[1]};
    report.models[0].rows[0].vm.name = name;
    const std::string text = FlushToCsv(report);
    absl::string_view rest = text;
    const std::vector<std::string> record = NextRecord(rest);
    EXPECT_TRUE(rest.empty());
    ASSERT_THAT(record, SizeIs(24));
    EXPECT_EQ(record[4], name);
    EXPECT_EQ(record[22], "emulated");
  }
}

}  // namespace
}  // namespace vrapl
