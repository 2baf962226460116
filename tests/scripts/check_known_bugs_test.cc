// scripts/check-known-bugs on documents and builds that are made up: it must find each fault, and name it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/program.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kProgram[] = R"(#!/bin/sh
cat <<'END'
Running main() from somewhere
UnitTest.
  Covers
  IsSkipped
  NeverRan
Models/TableTest.  # TypeParam = int
  Row/A  # GetParam() = 40-byte object <01-02>
  Row/B
END
)";
constexpr char kResults[] = R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" name="AllTests">
    <testcase name="Covers" file="a.cc" line="2" status="run" result="completed" time="0" classname="UnitTest" />
    <testcase name="IsSkipped" file="a.cc" line="2" status="run" result="skipped" time="0" classname="UnitTest">
    <testcase name="NeverRan" file="a.cc" line="2" status="notrun" result="suppressed" time="0" classname="UnitTest" />
    <testcase name="Row/A" value_param="40-byte object &lt;01-02&gt;" status="run" result="completed" classname="Models/TableTest" />
    <testcase name="Row/B" value_param="40-byte object &lt;01-02&gt;" status="run" result="completed" classname="Models/TableTest" />
</testsuites>
)";

class CheckKnownBugsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-known-bugs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    std::filesystem::create_directories(dir_ + "/build/tests/msr");
    std::filesystem::create_directories(dir_ + "/build/test-results/msr");
    Write("/build/tests/msr/msr_unit_test", kProgram);
    ASSERT_EQ(::chmod((dir_ + "/build/tests/msr/msr_unit_test").c_str(), 0755), 0);
    Write("/build/test-results/msr/unit_test.xml", kResults);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& path, const std::string& text) const { std::ofstream(dir_ + path) << text; }

  // The table with each id, all covered by one test.
  static std::string Document() {
    std::string text = "# Known bugs\n\n| id | bug | covered by |\n| --- | --- | --- |\n";
    const auto add = [&](const std::string& id) {
      absl::StrAppend(&text, "| ", id, " | what goes wrong | `msr/unit_test: UnitTest.Covers` |\n");
    };
    const std::pair<char, int> sections[] = {{'A', 19}, {'B', 16}, {'C', 15}, {'D', 4}, {'E', 13}, {'F', 3}, {'G', 6}};
    for (const auto& [section, last] : sections) {
      for (int i = 1; i <= last; ++i) add(absl::StrCat(std::string(1, section), i));
    }
    for (const char* id : {"B2a", "B2b", "C11a"}) add(id);
    return text;
  }
  // The document with the line of `id` replaced.
  static std::string With(const std::string& id, const std::string& line) {
    return absl::StrReplaceAll(
        Document(), {{absl::StrCat("| ", id, " | what goes wrong | `msr/unit_test: UnitTest.Covers` |\n"), line}});
  }

  Ended Check(const std::string& document, const std::vector<std::string>& options = {}) const {
    Write("/bugs.md", document);
    std::vector<std::string> words = {VRAPL_SCRIPTS "/check-known-bugs", "--doc=" + dir_ + "/bugs.md",
                                      "--build=" + dir_ + "/build"};
    words.insert(words.end(), options.begin(), options.end());
    return Program(words).Wait();
  }

  std::string dir_;
};

TEST_F(CheckKnownBugsTest, ADocumentWithEveryIdAndTestsThatRanIsWell) {
  const Ended ended = Check(Document());
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("79 known bugs, 79 tests named"));
}

TEST_F(CheckKnownBugsTest, ATestThatDoesNotExist) {
  for (const char* option : {"--exist-only", "--allow-skipped"}) {
    const Ended ended = Check(With("B2a", "| B2a | x | `msr/unit_test: UnitTest.Cover` |\n"), {option});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.err, HasSubstr("B2a: msr/unit_test has no test UnitTest.Cover\n"));
    EXPECT_THAT(ended.err, HasSubstr("1 faults"));
  }
  const Ended program = Check(With("B2a", "| B2a | x | `msr/units_test: UnitTest.Covers` |\n"));
  EXPECT_EQ(program.code, 1);
  EXPECT_THAT(program.err, HasSubstr("B2a: there is no test program msr/units_test"));
}

TEST_F(CheckKnownBugsTest, ATestThatDidNotRun) {
  const std::string skipped = With("A1", "| A1 | x | `msr/unit_test: UnitTest.IsSkipped` |\n");
  EXPECT_THAT(Check(skipped).err, HasSubstr("A1: msr/unit_test: UnitTest.IsSkipped was skipped\n"));
  EXPECT_EQ(Check(skipped).code, 1);
  EXPECT_EQ(Check(skipped, {"--exist-only"}).code, 0);
  const Ended lenient = Check(skipped, {"--allow-skipped"});
  EXPECT_EQ(lenient.code, 0);
  EXPECT_THAT(lenient.out, HasSubstr("UnitTest.IsSkipped was skipped here"));

  const std::string never = With("A1", "| A1 | x | `msr/unit_test: UnitTest.NeverRan` |\n");
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"--allow-skipped"}}) {
    const Ended ended = Check(never, options);
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.err, HasSubstr("A1: msr/unit_test: UnitTest.NeverRan did not run"));
  }
  std::filesystem::remove(dir_ + "/build/test-results/msr/unit_test.xml");
  EXPECT_EQ(Check(Document()).code, 1) << "nothing ran";
  EXPECT_EQ(Check(Document(), {"--exist-only"}).code, 0);
}

TEST_F(CheckKnownBugsTest, EveryInstanceOfATestWithParametersMustRun) {
  const std::string all = With("A1", "| A1 | x | `msr/unit_test: Models/TableTest.Row/*` |\n");
  EXPECT_EQ(Check(all).code, 0);
  EXPECT_EQ(Check(With("A1", "| A1 | x | `msr/unit_test: Models/TableTest.Row/B` |\n")).code, 0);
  Write("/build/test-results/msr/unit_test.xml", absl::StrReplaceAll(kResults, {{"name=\"Row/B\"", "name=\"Row/C\""}}));
  EXPECT_THAT(Check(all).err, AllOf(HasSubstr("Models/TableTest.Row/B did not run"), Not(HasSubstr("Row/A"))));
}

TEST_F(CheckKnownBugsTest, EachIdOnce) {
  EXPECT_THAT(Check(With("C11a", "")).err, HasSubstr("C11a is not in "));
  EXPECT_THAT(Check(Document() + "| G6 | again | cannot apply: no |\n").err, HasSubstr("G6 is in "));
  EXPECT_THAT(Check(Document() + "| G7 | new | `msr/unit_test: UnitTest.Covers` |\n").err, HasSubstr("no such id"));
}

TEST_F(CheckKnownBugsTest, WithoutATestThereIsAReason) {
  EXPECT_EQ(Check(With("F1", "| F1 | x | cannot apply: vrapl has no such thing |\n")).code, 0);
  for (const char* why : {"", "to do", "cannot apply", "cannot apply: "}) {
    const Ended ended = Check(With("F1", absl::StrCat("| F1 | x | ", why, " |\n")));
    EXPECT_EQ(ended.code, 1) << why;
    EXPECT_THAT(ended.err, HasSubstr("F1 names no test"));
  }
}

TEST_F(CheckKnownBugsTest, TeachesItsUse) {
  const Ended help = Program({VRAPL_SCRIPTS "/check-known-bugs", "--help"}).Wait();
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("usage: "), HasSubstr("--exist-only"), HasSubstr("--allow-skipped")));
  EXPECT_EQ(Program({VRAPL_SCRIPTS "/check-known-bugs", "--what"}).Wait().code, 2);
  EXPECT_EQ(Check(Document(), {"--doc=/does/not/exist"}).code, 1);
}

}  // namespace
}  // namespace vrapl
