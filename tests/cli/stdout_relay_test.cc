#include "cli/stdout_relay.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LinePatternTest, TheLabelIsTheFirstGroupElseTheMatch) {
  struct Row {
    const char* pattern;
    std::string line;
    std::optional<std::string> label;
  };
  for (const Row& row :
       {Row{"^PHASE (.*)$", "PHASE warm up", "warm up"}, Row{"[0-9]+ s", "took 12 s.", "12 s"}, Row{"^(a)|b", "b", "b"},
        Row{"^x", "yx", std::nullopt}, Row{"x*", "yyy", std::nullopt}, Row{"tab(.*)", "tab\there", "?here"},
        Row{"(.+)", std::string("ab\0cd", 5), "ab"}, Row{"(.+)", "\xff\xfe", std::nullopt}}) {
    auto pattern = LinePattern::Create(row.pattern);
    ASSERT_THAT(pattern, IsOk());
    const std::optional<std::string> label = (*pattern)->Label(row.line);
    // What bytes that are no text match is the locale's business; a label they cannot spoil.
    if (row.line == "\xff\xfe") {
      EXPECT_TRUE(!label || CheckLabel(*label).ok());
    } else {
      EXPECT_EQ(label, row.label) << row.pattern;
    }
  }
  EXPECT_THAT(std::string(LinePattern::Create("(").status().message()), HasSubstr("--mark-regex=("));
}

class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
    pattern_ = *LinePattern::Create("^mark (.*)");
    relay_ = *StdoutRelay::Start(*pattern_, marks_, writer_.get());
    copied_ = std::thread([this] {
      char block[4096];
      for (ssize_t size = 0; (size = ::read(reader_.get(), block, sizeof block)) > 0;) {
        out_.append(block, static_cast<size_t>(size));
      }
    });
  }
  // What came out.
  std::string End() {
    relay_->EndSoon();
    WaitUntilDone();
    writer_.Reset();
    copied_.join();
    return out_;
  }
  void WaitUntilDone() {
    for (const int64_t end_ns = MonotonicNs() + 60 * kNanosPerSecond; !relay_->done() && MonotonicNs() < end_ns;) {
      ::usleep(1000);
    }
    ASSERT_TRUE(relay_->done());
  }
  void Say(const std::string& text) {
    ASSERT_EQ(::write(relay_->write_fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::vector<std::string> Labels() {
    std::vector<std::string> labels;
    for (const Mark& mark : marks_.Take()) labels.push_back(mark.label);
    return labels;
  }

  UniqueFd reader_;
  UniqueFd writer_;
  MarkQueue marks_;
  std::unique_ptr<LinePattern> pattern_;
  std::unique_ptr<StdoutRelay> relay_;
  std::thread copied_;
  std::string out_;
};

TEST_F(RelayTest, EveryBytePassesAndLinesAreFoundHoweverTheyAreCut) {
  const std::string text = std::string("mark a\nno\0mark\nmar", 18) + std::string(100'000, 'k') + "\nmark b\r\nmark c";
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min<size_t>(1 + at % 777, text.size() - at);
    Say(text.substr(at, size));
    at += size;
  }
  EXPECT_EQ(End(), text);
  EXPECT_THAT(Labels(), ElementsAre("a", "b?", "c"));
}

TEST_F(RelayTest, EndsThoughSomebodyKeepsThePipeOpen) {
  const UniqueFd kept(::dup(relay_->write_fd()));
  Say("mark x\n");
  EXPECT_EQ(End(), "mark x\n");
  EXPECT_THAT(Labels(), ElementsAre("x"));
  // Nobody reads what is written from now on, and the writer learns it.
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(::write(kept.get(), "y", 1), -1);
}

TEST_F(RelayTest, NothingIsNoMark) {
  EXPECT_EQ(End(), "");
  EXPECT_THAT(Labels(), IsEmpty());
}

TEST_F(RelayTest, WhoIsLeftBehindMayWriteForEver) {
  const UniqueFd kept(::dup(relay_->write_fd()));
  ::signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] {
    while (::write(kept.get(), "y\n", 2) == 2) {
    }
  });
  End();
  writer.join();
  EXPECT_EQ(relay_->given_up_bytes(), 0);
}

// A reader that does not read: what fills its pipe has been passed on, the rest is not waited for.
TEST(RelayToNobodyTest, GivesUpWhenToldTo) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const int64_t holds = ::fcntl(writer.get(), F_GETPIPE_SZ);
  MarkQueue marks;
  const std::unique_ptr<LinePattern> pattern = *LinePattern::Create("^mark (.*)");
  const std::unique_ptr<StdoutRelay> relay = *StdoutRelay::Start(*pattern, marks, writer.get());
  const std::string text(static_cast<size_t>(holds) + 30'000, 'x');
  ASSERT_EQ(::write(relay->write_fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  relay->EndSoon();
  relay->GiveUp();
  for (const int64_t end_ns = MonotonicNs() + 60 * kNanosPerSecond; !relay->done() && MonotonicNs() < end_ns;) {
    ::usleep(1000);
  }
  EXPECT_TRUE(relay->done());
  if (!relay->done()) reader.Reset();  // so that the test ends
  int passed = 0;
  ASSERT_EQ(::ioctl(writer.get(), FIONREAD, &passed), 0);
  EXPECT_EQ(passed + relay->given_up_bytes(), static_cast<int64_t>(text.size())) << "every byte is one or the other";
  EXPECT_GT(relay->given_up_bytes(), 0);
  EXPECT_GT(passed, holds / 2);
  EXPECT_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0) << "it is others' too";
}

}  // namespace
}  // namespace vrapl
