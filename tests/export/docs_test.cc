// The readers in docs/export.md do what they say: each block of code is taken from there, run as it stands on a small
// export, and must find as many ticks as the counters counted.
#include <gmock/gmock.h>

#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "export/run_meta.h"
#include "tests/export/made_recording.h"
#include "tests/export/readers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

// The blocks of a language, in order.
std::vector<std::string> Blocks(const std::string& language) {
  std::vector<std::string> blocks;
  const std::string text = ReadWhole(VRAPL_EXPORT_DOC);
  const std::string begin = absl::StrCat("\n```", language, "\n");
  for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    blocks.push_back(text.substr(at, text.find("\n```", at) + 1 - at));
  }
  return blocks;
}

class DocsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const FlushReport& report : made_.reports) {
      for (const CounterReport& counter : report.models[0].counters) {
        if (counter.domain.domain == RaplDomain::kPackage) ticks_ += counter.energy_ticks;
      }
    }
    ASSERT_GT(ticks_, 1'000'000u);
    const ExportQuery query{.by = By::kVm};
    ASSERT_THAT(ExportTable(made_, MakeCsvWriter, dir_.File("power.csv"), query), IsOk());
    std::ofstream(dir_.File("power.csv.meta.json")) << RunMetaJson(made_.run, query);
    ASSERT_THAT(ExportTable(made_, MakeJsonlWriter, dir_.File("power.jsonl"), query), IsOk());
    ASSERT_THAT(ExportTable(made_, MakeNpzWriter, dir_.File("power.npz"), query), IsOk());
    ASSERT_THAT(ExportTable(made_, MakeSqliteWriter, dir_.File("power.sqlite"), query), IsOk());
  }

  // Runs `block` with `interpreter SCRIPT`, where the exports are.
  Output RunBlock(const std::string& block, const std::string& interpreter) const {
    std::ofstream(dir_.File("script")) << block;
    return RunShell(absl::StrCat("cd '", dir_.path(), "' && ", interpreter, " script"));
  }
  std::string Ticks() const { return absl::StrCat(ticks_, "\n"); }

  TempDir dir_;
  const MadeRecording made_ = MakeRecording();
  uint64_t ticks_ = 0;
};

TEST_F(DocsTest, PandasAndNumPyReadWhatWasWritten) {
  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import pandas, numpy'", "python3-pandas");
  const std::vector<std::string> blocks = Blocks("python");
  ASSERT_THAT(blocks, SizeIs(3));
  for (const std::string& block : blocks) {
    EXPECT_LE(std::count(block.begin(), block.end(), '\n'), 12) << block;
    const Output output = RunBlock(block, kPython);
    EXPECT_EQ(output.code, 0) << block << output.text;
    EXPECT_THAT(output.text, HasSubstr("ticks " + Ticks())) << block;
  }
  EXPECT_THAT(RunBlock(blocks[0], kPython).text, AllOf(HasSubstr("emulated 2 marks"), HasSubstr("'web': ")));
}

TEST_F(DocsTest, RReadsWhatWasWritten) {
  VRAPL_NEEDS_READER("command -v Rscript", "r-base-core");
  const std::vector<std::string> blocks = Blocks("r");
  ASSERT_THAT(blocks, SizeIs(1));
  EXPECT_LE(std::count(blocks[0].begin(), blocks[0].end(), '\n'), 12);
  const Output output = RunBlock(blocks[0], "Rscript --vanilla");
  EXPECT_EQ(output.code, 0) << output.text;
  EXPECT_THAT(output.text, AllOf(HasSubstr("ticks " + absl::StrCat(ticks_)), HasSubstr("web")));
}

TEST_F(DocsTest, SqlReadsWhatWasWritten) {
  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import sqlite3'", "python3");
  const std::vector<std::string> blocks = Blocks("sql");
  ASSERT_THAT(blocks, SizeIs(1));
  std::ofstream(dir_.File("run.py")) << "import sqlite3\n"
                                        "db = sqlite3.connect('power.sqlite')\n"
                                        "for statement in open('script').read().split(';')[:-1]:\n"
                                        "    for row in db.execute(statement): print(*row)\n";
  const Output output = RunBlock(blocks[0], std::string(kPython) + " run.py");
  EXPECT_EQ(output.code, 0) << output.text;
  EXPECT_THAT(output.text, AllOf(HasSubstr("ticks " + Ticks()), HasSubstr("web ")));
}

// No value of a column goes another way than the reports: the arrays against the CSV, cell by cell.
TEST_F(DocsTest, NumPyHoldsTheCellsOfTheCsv) {
  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import pandas, numpy'", "python3-pandas");
  // Columns larger than what is written and read at once.
  const MadeRecording made = MakeRecording(20 * kMs);
  ASSERT_THAT(ExportTable(made, MakeCsvWriter, dir_.File("parts.csv")), IsOk());
  ASSERT_THAT(ExportTable(made, MakeNpzWriter, dir_.File("parts.npz")), IsOk());
  const Output output = RunBlock(R"(
import numpy as np, pandas as pd
csv = pd.read_csv("parts.csv", keep_default_na=False, na_values=[""], float_precision="round_trip")
run = np.load("parts.npz", allow_pickle=False)
for name in csv.columns:
    array = run[name]
    if name + "_names" in run:
        words = run[name + "_names"][array]
        assert (words == csv[name].fillna("").astype(str).values).all(), name
    else:
        assert np.array_equal(array, csv[name].values.astype(array.dtype), equal_nan=array.dtype.kind == "f"), name
assert run["mark_t_ns"].tolist() == [1000000000, 2500000000] and run["mark_label"].tolist() == ["load", "cool, down"]
assert len(csv) > 20000, len(csv)
print(len(csv.columns), "columns")
)",
                                 kPython);
  EXPECT_EQ(output.code, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("29 columns"));
}

}  // namespace
}  // namespace vrapl
