// A real run on an emulated host, recorded and exported: the ticks of every format are those that the recording holds;
// and what export refuses.
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "tests/export/readers.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

class ExportTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-export-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { (void)std::system(absl::StrCat("rm -rf '", dir_, "'").c_str()); }
  static Ended Run(std::vector<std::string> words) {
    words.insert(words.begin(), VRAPL);
    return Program(words).Wait();
  }
  std::string File(const std::string& name) const { return dir_ + "/" + name; }
  // Ticks of the package domain, over all lines of JSON.
  static int64_t TicksOf(const std::string& lines) {
    int64_t ticks = 0;
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(lines, '\n', absl::SkipEmpty()))) {
      const Json row = Json::parse(line);
      if (row["domain"] == "package") ticks += row["energy_ticks"].get<int64_t>();
    }
    return ticks;
  }
  std::string dir_;
};

TEST_F(ExportTest, WhatIsAskedWrongIsSaidBeforeAnythingIsRead) {
  const std::string file = File("none.vrapl");
  EXPECT_THAT(Run({"export", file, "--format=sqlit"}).err, HasSubstr("Did you mean sqlite?"));
  EXPECT_THAT(Run({"export", file, "--by=thred"}).err, HasSubstr("Did you mean thread?"));
  EXPECT_THAT(Run({"export", file, "--format=npy"}).err, HasSubstr("-o FILE"));
  EXPECT_THAT(Run({"export", file, "-o", File("a.foo")}).err, HasSubstr("--format=csv"));
  EXPECT_THAT(Run({"export", file, "--window=10"}).err, HasSubstr("a unit is missing"));
  EXPECT_THAT(Run({"export", file, "--from=2s", "--to=1s"}).err, HasSubstr("nothing in between"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--by=vm", "-o", File("a.pftrace")},
                                                {"--phases", "--window=1s"},
                                                {"--by=package", "--vm=a"}}) {
    std::vector<std::string> all = {"export", file};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(Run(all).code, 2) << words[0];
  }
  const Ended missing = Run({"export", file, "-o", File("a.csv")});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.vrapl"));
  EXPECT_THAT(ListDirectory(dir_).value_or(std::vector<std::string>{"?"}), IsEmpty()) << "nothing may be left";
}

TEST_F(ExportTest, ARecordedRunHasTheSameTicksInEveryFormat) {
  VRAPL_NEEDS("fuse");
  VRAPL_NEEDS("kernel");
  const std::string file = File("run.vrapl");
  const Ended sampled = Run({"sample", "--emulate", "--vms=proc", "--duration=2s", "--window=500ms", "-o", file});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  const Ended flushes = Run({"export", file, "--format=jsonl"});
  ASSERT_EQ(flushes.code, 0) << flushes.err;
  EXPECT_THAT(flushes.err, HasSubstr("EMULATED"));
  const int64_t ticks = TicksOf(flushes.out);
  EXPECT_GT(ticks, 0);
  // As replay tells it.
  int64_t replayed = 0;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(Run({"replay", file, "--format=jsonl"}).out, '\n', absl::SkipEmpty()))) {
    const Json report = Json::parse(line);
    for (const Json& counter : report["counters"]) {
      if (counter["domain"] == "package") replayed += counter["energy_ticks"].get<int64_t>();
    }
  }
  EXPECT_EQ(ticks, replayed);
  for (const std::string words : {"--by=vm", "--by=domain", "--by=thread", "--by=package"}) {
    const Ended ended = Run({"export", file, "--format=jsonl", words});
    EXPECT_EQ(TicksOf(ended.out), ticks) << words << ended.err;
    EXPECT_EQ(Run({"export", file, "--format=jsonl", words}).out, ended.out) << "each time the same bytes";
  }
  // The last sample may be after the last flush that was told live; other windows hold it too.
  const int64_t all_ticks = TicksOf(Run({"export", file, "--format=jsonl", "--phases"}).out);
  EXPECT_GE(all_ticks, ticks);
  for (const std::string words : {"--window=1ms", "--window=70ms", "--window=10s"}) {
    EXPECT_EQ(TicksOf(Run({"export", file, "--format=jsonl", words}).out), all_ticks) << words;
  }
  for (const std::string name : {"a.csv", "a.jsonl", "a.npz", "a.sqlite", "a.pftrace"}) {
    const std::vector<std::string> words = {"export", file, "--window=10ms", "-o", File(name)};
    EXPECT_EQ(Run(words).code, 0) << name;
    EXPECT_EQ(::access(File(name).c_str(), R_OK), 0) << name;
    const Ended again = Run(words);
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.err, HasSubstr("--force"));
  }
  std::ifstream meta(File("a.csv.meta.json"));
  EXPECT_EQ(Json::parse(meta)["source"], "emulated");

  VRAPL_NEEDS_READER("/usr/bin/python3 -c 'import google.protobuf' && command -v protoc",
                     "python3-protobuf or protobuf-compiler");
  const Output checked = RunShell(absl::StrCat("cd '", dir_,
                                               "' && protoc --proto_path=" VRAPL_SCHEMA
                                               " --python_out=. perfetto_trace.proto && " VRAPL_CHECK_TRACE
                                               " . a.pftrace a.jsonl a.jsonl.meta.json"));
  EXPECT_EQ(checked.code, 0) << checked.text;
}

}  // namespace
}  // namespace vrapl
