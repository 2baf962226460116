// vrapl report itself, on a recording of a made host.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/host_root.h"
#include "tests/program.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::Not;

class ReportVerbTest : public testing::Test {
 protected:
  ReportVerbTest() : directory_(testing::TempDir() + absl::StrCat("vrapl-report-", ::getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    MadeHost host({.record_to = recording_});
    host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
    for (int second = 0; second < 4; ++second) {
      host.package().SetPower(0, 40 + 20 * (second % 2));
      host.RunFor(kSecond);
    }
    host.Finish();
  }
  ~ReportVerbTest() override { std::filesystem::remove_all(directory_); }

  Ended Report(std::vector<std::string> words) {
    words.insert(words.begin(), {VRAPL, "report"});
    return Program(words).Wait();
  }
  nlohmann::json DataOf(const std::string& path) {
    std::ifstream file(path);
    const std::string page(std::istreambuf_iterator<char>(file), {});
    const std::string begin = R"(<script type="application/json" id="data">)";
    const size_t from = page.find(begin) + begin.size();
    return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
  }
  size_t Files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }

  const std::string directory_;
  const std::string recording_ = directory_ + "/run.vrapl";
  const std::string page_ = directory_ + "/run.html";
};

TEST_F(ReportVerbTest, ThePageIsBesideTheRecordingAndIsNotReplacedWithoutForce) {
  const Ended first = Report({recording_});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, "");
  const nlohmann::json data = DataOf(page_);
  EXPECT_EQ(data["curves"]["levels"][0]["exact"], true);
  EXPECT_NEAR(data["host_uj"].get<double>(), (50 + 80) * 4e6, 1e6);
  EXPECT_EQ(data["file"], "run.vrapl");
  const Ended second = Report({recording_});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("--force"));
  EXPECT_EQ(Report({recording_, "--force"}).code, 0);
  EXPECT_EQ(Files(), 2u);  // nothing else is left
}

TEST_F(ReportVerbTest, MethodsArePrintedAndMakeNoPage) {
  const Ended markdown = Report({recording_, "--methods"});
  EXPECT_EQ(markdown.code, 0) << markdown.err;
  EXPECT_THAT(markdown.out, HasSubstr("| web |"));
  EXPECT_FALSE(std::filesystem::exists(page_));
  EXPECT_THAT(Report({recording_, "--methods=latex"}).out, HasSubstr("\\begin{tabular}"));
  const Ended both = Report({"--methods", recording_, "-o", page_, "--model=share,capacity"});
  EXPECT_EQ(both.code, 0) << both.err;
  EXPECT_THAT(both.out, HasSubstr("the model share"));
  EXPECT_EQ(DataOf(page_)["models"], nlohmann::json::parse(R"(["share", "capacity"])"));
}

TEST_F(ReportVerbTest, APartAndSomeVms) {
  const Ended part = Report({recording_, "-o", page_, "--from=1s", "--to=2s", "--vm=db"});
  EXPECT_EQ(part.code, 0) << part.err;
  const nlohmann::json data = DataOf(page_);
  EXPECT_GE(data["from_ns"], kSecond);
  EXPECT_LE(data["to_ns"], 2 * kSecond + kNanosPerMilli) << "a window ends at its last sample";
  EXPECT_EQ(data["curves"]["owners"].back()["label"], "1 other VM");
}

TEST_F(ReportVerbTest, WhatCannotBeIsSaidInALine) {
  const auto expect = [&](std::vector<std::string> words, int code, const char* text) {
    const Ended ended = Report(words);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(text));
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  };
  std::ofstream(directory_ + "/words.vrapl") << "no recording at all";
  expect({}, 2, "FILE");
  expect({directory_ + "/absent.vrapl"}, 1, "absent.vrapl");
  expect({directory_ + "/words.vrapl"}, 1, "words.vrapl");
  expect({recording_, "--methods=word"}, 2, "markdown");
  expect({recording_, "--from=2s", "--to=1s"}, 2, "--from is not before --to");
  expect({recording_, "--from=1h"}, 2, "holds 4.000 s");
  expect({recording_, "--vm=nobody"}, 1, "nobody");
  expect({recording_, "--model=fair"}, 2, "fair");
  expect({recording_, "-o", directory_ + "/absent/run.html"}, 1, "No such file");
  expect({recording_, "-o", "/proc/run.html"}, 1, "write /proc/run.html");
  EXPECT_FALSE(std::filesystem::exists(page_));
}

TEST_F(ReportVerbTest, AFullDiskLeavesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const std::string small = directory_ + "/small";
  std::filesystem::create_directory(small);
  const std::string script =
      absl::StrCat("mount -t tmpfs -o size=64k none ", small, " || exit 77; ", VRAPL, " report ", recording_, " -o ",
                   small, "/run.html; code=$?; ls -A ", small, "; exit $code");
  const Ended ended = Program({"/usr/bin/unshare", "-m", "/bin/sh", "-c", script}).Wait();
  if (ended.code == 77) GTEST_SKIP() << ended.err;
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("No space left"));
  EXPECT_EQ(ended.out, "");
}

}  // namespace
}  // namespace vrapl
