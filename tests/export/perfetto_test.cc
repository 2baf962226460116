// The trace decoded by code that protoc made of the schema for Python, which shares nothing with what wrote it, and
// compared with the rows of the same windows.
#include <gmock/gmock.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "export/run_meta.h"
#include "tests/export/made_recording.h"
#include "tests/export/readers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

class PerfettoTest : public testing::Test {
 protected:
  void Export(const MadeRecording& made, const ExportQuery& query = {}) const {
    ASSERT_THAT(ExportTrace(made, dir_.File("a.pftrace"), query), IsOk());
    ASSERT_THAT(ExportTable(made, MakeJsonlWriter, dir_.File("a.jsonl"), query), IsOk());
    std::ofstream(dir_.File("a.meta.json")) << RunMetaJson(made.run, query);
  }
  Output Check() const {
    return RunShell(absl::StrCat("cd '", dir_.path(),
                                 "' && protoc --proto_path=" VRAPL_SCHEMA
                                 " --python_out=. perfetto_trace.proto && " VRAPL_CHECK_TRACE
                                 " . a.pftrace a.jsonl a.meta.json"));
  }
  TempDir dir_;
};

TEST_F(PerfettoTest, EveryValueIsThatOfTheRecording) {
  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import google.protobuf' && command -v protoc",
                     "python3-protobuf or protobuf-compiler");
  const MadeRecording made = MakeRecording();
  Export(made);
  const Output output = Check();
  EXPECT_EQ(output.code, 0) << output.text;
  // 4 counters, 6 or more kinds, 2 VMs with power and 3 parts each, in 40 windows.
  int compared = 0;
  ASSERT_TRUE(absl::SimpleAtoi(std::vector<std::string>(absl::StrSplit(output.text, ' '))[0], &compared))
      << output.text;
  EXPECT_GT(compared, 600) << output.text;
}

TEST_F(PerfettoTest, TheComparisonSeesAWrongValueAndAWrongTime) {
  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import google.protobuf' && command -v protoc",
                     "python3-protobuf or protobuf-compiler");
  MadeRecording made = MakeRecording();
  Export(made);
  for (RowReport& row : made.reports[7].models[0].rows) {
    if (row.part == "vcpu1" && row.domain.domain == RaplDomain::kPackage) row.run_time_ns += 1;
  }
  ASSERT_THAT(ExportTable(made, MakeJsonlWriter, dir_.File("b.jsonl")), IsOk());
  ASSERT_EQ(std::rename(dir_.File("b.jsonl").c_str(), dir_.File("a.jsonl").c_str()), 0);
  EXPECT_THAT(Check().text, HasSubstr("vcpu1 run time"));

  made = MakeRecording();
  made.run.marks[1].t_ns += 1;
  std::ofstream(dir_.File("a.meta.json")) << RunMetaJson(made.run, {});
  EXPECT_EQ(Check().code, 1);
}

}  // namespace
}  // namespace vrapl
