// A recording that is cut, damaged or not what was asked for: every verb that reads one gives the same answer.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "recording/block.h"
#include "tests/program.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNotWhole = 3;

class DamagedRecordingTest : public testing::Test {
 protected:
  DamagedRecordingTest() : directory_(testing::TempDir() + absl::StrCat("vrapl-damaged-", ::getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    MadeHost host({.record_to = recording_});
    host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
    host.RunFor(4 * kSecond);
    host.Finish();
    bytes_ = Bytes();
    for (size_t at = 16; at < bytes_.size();) {
      const std::optional<BlockFrame> frame = DecodeFrame(bytes_.substr(at, kBlockFrameBytes));
      if (!frame) break;
      blocks_.push_back(at);
      at += kBlockFrameBytes + frame->bytes;
    }
  }
  ~DamagedRecordingTest() override { std::filesystem::remove_all(directory_); }

  std::string Bytes() const {
    std::ifstream file(recording_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Put(const std::string& bytes) const { std::ofstream(recording_, std::ios::binary | std::ios::trunc) << bytes; }

  // What each verb says, without what it prints on stdout and without what only `replay` compares.
  struct Answer {
    int code = -1;
    std::string err;
    friend bool operator==(const Answer&, const Answer&) = default;
    friend void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.code << ": " << answer.err; }
  };
  Answer Ask(const std::string& verb, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> words = {VRAPL, verb, recording_};
    words.insert(words.end(), options.begin(), options.end());
    if (verb == "report") words.push_back("--methods");
    const Ended ended = Program(words).Wait();
    Answer answer{.code = ended.code};
    for (const absl::string_view line : absl::StrSplit(ended.err, '\n', absl::SkipEmpty())) {
      if (!absl::StrContains(line, "told live")) absl::StrAppend(&answer.err, line, "\n");
    }
    EXPECT_EQ(ended.out.empty(), ended.code == kFailed || ended.code == kUsage) << verb << ended.err;
    return answer;
  }
  // The same of all that take these options.
  Answer AskAll(const std::vector<std::string>& options = {},
                const std::vector<std::string>& verbs = {"replay", "export", "report", "compare"}) const {
    const Answer first = Ask(verbs[0], options);
    for (const std::string& verb : verbs) EXPECT_EQ(Ask(verb, options), first) << verb;
    return first;
  }

  const std::string directory_;
  const std::string recording_ = directory_ + "/run.vrapl";
  std::string bytes_;
  std::vector<size_t> blocks_;  // where each begins
};

TEST_F(DamagedRecordingTest, AWholeOneHasNothingToTell) {
  ASSERT_GE(blocks_.size(), 6u) << "what it is, four seconds, the end";
  EXPECT_EQ(AskAll(), (Answer{0, ""}));
}

TEST_F(DamagedRecordingTest, OneThatIsCutSaysHowFarItWasReadAndWhatToDo) {
  for (const size_t bytes : {blocks_[3], blocks_[3] + 100}) {  // between blocks and within one
    SCOPED_TRACE(bytes);
    Put(bytes_.substr(0, bytes));
    const Answer answer = AskAll();
    EXPECT_EQ(answer.code, kNotWhole);
    EXPECT_THAT(answer.err, AllOf(HasSubstr("run.vrapl: read up to 2.0"), HasSubstr("its end is not in the file"),
                                  HasSubstr("copy it anew"), Not(HasSubstr("--from"))));
    EXPECT_EQ(absl::StrContains(answer.err, "breaks off"), bytes != blocks_[3]);
  }
}

TEST_F(DamagedRecordingTest, OneWithoutASampleIsAFailure) {
  for (const size_t bytes : {blocks_[1], blocks_[1] + 100}) {
    SCOPED_TRACE(bytes);
    Put(bytes_.substr(0, bytes));
    const Answer answer = AskAll();
    EXPECT_EQ(answer.code, kFailed);
    EXPECT_THAT(answer.err, AllOf(HasSubstr("run.vrapl: read up to 0.000 s"), HasSubstr("no sample"),
                                  HasSubstr("copy it anew"), Not(HasSubstr("--from"))));
    EXPECT_EQ(AskAll({"--from=1s"}), answer) << "whatever was asked for";
  }
}

TEST_F(DamagedRecordingTest, OneWithoutAWholeBlockIsAFailure) {
  for (const size_t bytes : {size_t{0}, size_t{5}, size_t{16}, blocks_[0] + 100}) {
    SCOPED_TRACE(bytes);
    Put(bytes_.substr(0, bytes));
    const Answer answer = AskAll();
    EXPECT_EQ(answer.code, kFailed);
    EXPECT_THAT(answer.err, HasSubstr("run.vrapl"));
  }
}

TEST_F(DamagedRecordingTest, ADamagedPlaceIsToldAndInTheExitCode) {
  std::string damaged = bytes_;
  damaged[blocks_[2] + kBlockFrameBytes + 50] ^= 1;
  Put(damaged);
  const Answer answer = AskAll();
  EXPECT_EQ(answer.code, kNotWhole);
  EXPECT_THAT(answer.err, AllOf(HasSubstr("run.vrapl: block 2"), HasSubstr("is damaged"),
                                HasSubstr("read up to 4.000 s of the run, its end"), HasSubstr("unreported")));
}

TEST_F(DamagedRecordingTest, AnOutputThatDidNotArriveIsAFailureOfACutOneToo) {
  Put(bytes_.substr(0, blocks_[3]));
  const std::string script = absl::StrCat(VRAPL, " replay ", recording_, " >/dev/full");
  const Ended ended = Program({"/bin/sh", "-c", script}).Wait();
  EXPECT_EQ(ended.code, kFailed);
  EXPECT_THAT(ended.err, HasSubstr("write the output"));
}

TEST_F(DamagedRecordingTest, APartThatIsNotThereIsWrongUsage) {
  const Answer answer = AskAll({"--from=1h"});
  EXPECT_EQ(answer.code, kUsage);
  EXPECT_THAT(answer.err, AllOf(HasSubstr("--from=1h"), HasSubstr("holds 4.000 s")));
  // Flushes are 2 s: their middles are at 1 s and 3 s.
  const Answer between = AskAll({"--from=1.5s", "--to=1.6s"}, {"replay", "export", "compare"});
  EXPECT_EQ(between.code, kUsage);
  EXPECT_THAT(between.err, AllOf(HasSubstr("--from"), HasSubstr("--window")));
}

TEST_F(DamagedRecordingTest, AWindowIsNoShorterThanASample) {
  const Answer answer = AskAll({"--window=0.5ms"}, {"replay", "export"});
  EXPECT_EQ(answer.code, kUsage);
  EXPECT_THAT(answer.err, AllOf(HasSubstr("--window=0.5ms"), HasSubstr("the shortest is --window=1ms")));
  EXPECT_EQ(AskAll({"--window=1ms"}, {"replay", "export"}), (Answer{0, ""}));
}

TEST_F(DamagedRecordingTest, AVmThatIsNotThereIsToldWithThoseThatAre) {
  const std::vector<std::string> verbs = {"replay", "export", "report"};
  const Answer answer = AskAll({"--vm=nonesuch"}, verbs);
  EXPECT_EQ(answer.code, kFailed);
  EXPECT_THAT(answer.err, AllOf(HasSubstr("--vm=nonesuch"), HasSubstr("there are db, web")));
  EXPECT_THAT(AskAll({"--vm=wbe"}, verbs).err, HasSubstr("did you mean web?"));
  EXPECT_EQ(AskAll({"--vm=web", "--vm=uuid-db"}, verbs), (Answer{0, ""})) << "by name and by UUID";
}

TEST_F(DamagedRecordingTest, AnExportThatCouldNotBeMadeLeavesNoFile) {
  const std::string csv = directory_ + "/out.csv";
  EXPECT_EQ(Program({VRAPL, "export", recording_, "-o", csv, "--from=1.5s", "--to=1.6s"}).Wait().code, kUsage);
  EXPECT_EQ(Program({VRAPL, "export", recording_, "-o", csv, "--vm=nonesuch"}).Wait().code, kFailed);
  EXPECT_THAT(ListDirectory(directory_).value_or(std::vector<std::string>{"?"}), testing::ElementsAre("run.vrapl"));
}

}  // namespace
}  // namespace vrapl
