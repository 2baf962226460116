// Each table read back, and held against the reports that it was made of.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "export/columns.h"
#include "export/npy.h"
#include "tests/export/made_recording.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::json;

// What a reader of RFC 4180 makes of a file: records of fields.
std::vector<std::vector<std::string>> ParseCsv(const std::string& text) {
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        fields.back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      records.push_back(std::exchange(fields, {""}));
    } else {
      fields.back() += c;
    }
  }
  return records;
}

// Rows as maps from column to text, absent cells left out; the common ground of all formats.
using TextRow = std::map<std::string, std::string>;

std::string TextOf(const Cell& cell) {
  if (const auto* integer = std::get_if<int64_t>(&cell)) return absl::StrCat(*integer);
  if (const auto* text = std::get_if<absl::string_view>(&cell)) return std::string(*text);
  return "";
}

std::vector<TextRow> Expected(const MadeRecording& made, By by) {
  std::vector<TextRow> rows;
  for (const FlushReport& report : made.reports) {
    for (const ExportRow& row : AggregateRows(report, by).rows) {
      TextRow& texts = rows.emplace_back();
      for (const Column& column : Columns()) {
        const std::string name = column.name;
        const std::string text = TextOf(column.cell(row));
        if (!text.empty() && name != "power_w") texts[name] = text;
      }
      const int64_t middle_ns = report.t_ns - report.dt_ns / 2;
      if (middle_ns >= 1 * kSecond) texts["phase"] = middle_ns >= 2'500 * kMs ? "cool, down" : "load";
    }
  }
  return rows;
}

class TablesTest : public testing::Test {
 protected:
  TempDir dir_;
  const MadeRecording made_ = MakeRecording();
};

TEST_F(TablesTest, CsvIsTidyAndQuotedAndHoldsEveryCell) {
  for (const By by : {By::kPart, By::kVm, By::kDomain}) {
    const std::string path = dir_.File(absl::StrCat(ByName(by), ".csv"));
    ASSERT_THAT(ExportTable(made_, MakeCsvWriter, path, {.by = by}), IsOk());
    const auto records = ParseCsv(ReadWhole(path));
    const std::vector<TextRow> expected = Expected(made_, by);
    ASSERT_EQ(records.size(), expected.size() + 1);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(records[i + 1].size(), Columns().size());
      TextRow row;
      for (size_t c = 0; c < Columns().size(); ++c) {
        if (!records[i + 1][c].empty()) row[records[0][c]] = records[i + 1][c];
      }
      double power_w = -1;
      ASSERT_TRUE(absl::SimpleAtod(row["power_w"], &power_w));
      EXPECT_DOUBLE_EQ(power_w, std::stod(row["energy_uj"]) * 1e3 / std::stod(row["dt_ns"]));
      row.erase("power_w");
      ASSERT_EQ(row, expected[i]) << "row " << i;
    }
  }
}

TEST_F(TablesTest, JsonLinesHoldEveryCellAndEveryKey) {
  ASSERT_THAT(ExportTable(made_, MakeJsonlWriter, dir_.File("a.jsonl")), IsOk());
  const std::vector<TextRow> expected = Expected(made_, By::kPart);
  std::vector<std::string> lines = absl::StrSplit(ReadWhole(dir_.File("a.jsonl")), '\n');
  ASSERT_EQ(lines.back(), "");
  lines.pop_back();
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const Json json = Json::parse(lines[i]);
    ASSERT_EQ(json.size(), Columns().size());
    TextRow row;
    for (const auto& [key, value] : json.items()) {
      if (key != "power_w" && !value.is_null()) row[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    ASSERT_EQ(row, expected[i]);
  }
}

TEST_F(TablesTest, OnlyTheVmsThatWereAskedFor) {
  ASSERT_THAT(ExportTable(made_, MakeCsvWriter, dir_.File("a.csv"), {.vms = {"db, \"replica\""}}), IsOk());
  const auto records = ParseCsv(ReadWhole(dir_.File("a.csv")));
  ASSERT_GT(records.size(), 100u);
  for (size_t i = 1; i < records.size(); ++i) EXPECT_EQ(records[i][6], "2000");
  // A mistake leaves nothing behind.
  EXPECT_THAT(ExportTable(made_, MakeCsvWriter, dir_.File("b.csv"), {.vms = {"wb"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean web?")));
  EXPECT_EQ(std::system(absl::StrCat("test \"$(ls '", dir_.path(), "')\" = a.csv").c_str()), 0);
}

// Every value that a query gives, as text; NULL as "NULL", with its type before it.
std::vector<std::string> Query(const std::string& path, const std::string& sql) {
  std::vector<std::string> values;
  sqlite3* db = nullptr;
  EXPECT_EQ(::sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(::sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << ::sqlite3_errmsg(db);
  while (statement != nullptr && ::sqlite3_step(statement) == SQLITE_ROW) {
    for (int i = 0; i < ::sqlite3_column_count(statement); ++i) {
      const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement, i));
      values.emplace_back(text == nullptr ? "NULL" : text);
    }
  }
  ::sqlite3_finalize(statement);
  ::sqlite3_close(db);
  return values;
}

TEST_F(TablesTest, SqliteHoldsEveryCellWithItsType) {
  const std::string path = dir_.File("a.sqlite");
  ASSERT_THAT(ExportTable(made_, MakeSqliteWriter, path), IsOk());
  const std::vector<TextRow> expected = Expected(made_, By::kPart);
  const std::vector<std::string> values = Query(path, "SELECT * FROM rows ORDER BY rowid");
  ASSERT_EQ(values.size(), expected.size() * Columns().size());
  for (size_t i = 0; i < expected.size(); ++i) {
    TextRow row;
    for (size_t c = 0; c < Columns().size(); ++c) {
      const std::string& value = values[i * Columns().size() + c];
      if (value != "NULL" && std::string(Columns()[c].name) != "power_w") row[Columns()[c].name] = value;
    }
    ASSERT_EQ(row, expected[i]);
  }
  EXPECT_THAT(
      Query(path, "SELECT DISTINCT typeof(energy_ticks), typeof(t_ns), typeof(power_w), typeof(kind) FROM rows"),
      ElementsAre("integer", "integer", "real", "text"));
  EXPECT_THAT(Query(path, "SELECT vm_name FROM vms ORDER BY vm_name"), ElementsAre("db, \"replica\"", "web"));
  EXPECT_THAT(Query(path, "SELECT t_ns, label FROM marks"),
              ElementsAre("1000000000", "load", "2500000000", "cool, down"));
  EXPECT_THAT(Query(path, "SELECT value FROM run WHERE key = 'source'"), ElementsAre("emulated"));
  EXPECT_THAT(Query(path, "SELECT COUNT(*) FROM events WHERE type = 'vm-stop'"), ElementsAre("1"));
  EXPECT_THAT(Query(path, "PRAGMA integrity_check"), ElementsAre("ok"));
  // The view is the sum of package and DRAM.
  EXPECT_EQ(Query(path, "SELECT SUM(energy_uj) FROM power"), Query(path, "SELECT SUM(energy_uj) FROM rows"));
}

TEST_F(TablesTest, NumbersAreExactOutToTheLargest) {
  MadeRecording made;
  made.run.header = "{}";
  FlushReport report{.t_ns = 1, .dt_ns = 3};
  report.models = {{.counters = {{.dt_ns = 3}}, .rows = {{.energy_ticks = 9'007'199'254'740'993, .energy_uj = 1}}}};
  made.reports = {report};
  ASSERT_THAT(ExportTable(made, MakeCsvWriter, dir_.File("a.csv")), IsOk());
  EXPECT_THAT(ReadWhole(dir_.File("a.csv")), HasSubstr(",9007199254740993,1,,,,333.3333333333333,0,"));
  ASSERT_THAT(ExportTable(made, MakeSqliteWriter, dir_.File("a.db")), IsOk());
  EXPECT_THAT(Query(dir_.File("a.db"), "SELECT energy_ticks, power_w = 1000.0 / 3 FROM rows"),
              ElementsAre("9007199254740993", "1"));
}

TEST(NpyTest, HeadersAreAlignedAndTextsAreOfOneWidth) {
  const std::string header = NpyHeader("<i8", 12345);
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_THAT(header, StartsWith("\x93NUMPY"));
  EXPECT_THAT(header, HasSubstr("'shape': (12345,)"));
  EXPECT_EQ(header.back(), '\n');
  const std::string texts = NpyTexts({"a", "\xc3\xa4\xf0\x9f\x92\xa1", "\xff!"});
  EXPECT_THAT(texts, HasSubstr("'<U2'"));
  const std::string data = texts.substr(texts.size() - 3 * 2 * 4);
  EXPECT_EQ(data, std::string("a\0\0\0\0\0\0\0"
                              "\xe4\0\0\0\xa1\xf4\x01\0"
                              "\xfd\xff\0\0!\0\0\0",
                              24));
  EXPECT_THAT(NpyTexts({}), HasSubstr("(0,)"));
}

}  // namespace
}  // namespace vrapl
