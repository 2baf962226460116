// vrapl-guest as a program: --once and --watch, over ptys.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/guest/child.h"
#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr absl::Duration kLimit = absl::Seconds(60);

class WatchTest : public testing::Test {
 protected:
  TempDir dir_;
  SerialHostEnd host_{dir_.path() + "/ttyS1"};
  MadeLines made_{0xabcdef01};
};

TEST_F(WatchTest, EveryLineAsItCame) {
  Child watch({VRAPL_GUEST_PROGRAM, "--watch", "--format=line", "--port=" + host_.path()});
  std::string sent;
  for (int i = 1; i <= 5; ++i) {
    const std::string text = made_.NextText();
    host_.Write("# comment\n" + text);
    ASSERT_TRUE(watch.AwaitLines(static_cast<size_t>(i), kLimit));
    EXPECT_EQ(watch.lines().back().text + "\n", text);
  }
}

TEST_F(WatchTest, TextSaysWhatToMind) {
  Child watch({VRAPL_GUEST_PROGRAM, "--watch", "--port=" + host_.path()});
  host_.Write(made_.NextText(12'450));
  ASSERT_TRUE(watch.AwaitLines(1, kLimit));
  EXPECT_THAT(watch.lines()[0].text, HasSubstr("12.450 W"));
  EXPECT_THAT(watch.lines()[0].text, HasSubstr("warm"));
  made_.Skip();
  host_.Write(made_.NextText());
  ASSERT_TRUE(watch.AwaitLines(3, kLimit));
  EXPECT_THAT(watch.lines()[1].text, StartsWith("# 1 lines were skipped"));
  MadeLines other(0x77);
  host_.Write(other.NextText());
  ASSERT_TRUE(watch.AwaitLines(5, kLimit));
  EXPECT_THAT(watch.lines()[3].text, StartsWith("# a new epoch"));
}

// What waited in the port may be as old as it likes: the newest line is the next one.
TEST_F(WatchTest, OnceTakesALineThatDidNotWait) {
  const UniqueFd keeps_it(::open(host_.path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  ASSERT_EQ(::tcgetattr(keeps_it.get(), &settings), 0);
  ::cfmakeraw(&settings);
  ASSERT_EQ(::tcsetattr(keeps_it.get(), TCSANOW, &settings), 0);
  host_.Write(made_.NextText());
  Child once({VRAPL_GUEST_PROGRAM, "--once", "--format=json", "--port=" + host_.path()});
  // Lines until it has one: this is the host, which knows nothing of its readers.
  for (int i = 0; i < 600 && !once.AwaitLines(1, absl::Milliseconds(100)); ++i) host_.Write(made_.NextText());
  EXPECT_EQ(once.Wait(), 0);
  const std::vector<Child::Line> lines = once.lines();
  ASSERT_EQ(lines.size(), 1u);
  const nlohmann::json json = nlohmann::json::parse(lines[0].text);
  EXPECT_GT(json["seq"], 1);
  EXPECT_EQ(json["epoch"], "abcdef01");
  EXPECT_EQ(json["energy_uj"], json["seq"].get<int64_t>() * 20'000'000);
  EXPECT_EQ(json["power_w"], 10.0);
}

TEST_F(WatchTest, OnceGivesUp) {
  host_.Write("this is no line\n");
  Child once({VRAPL_GUEST_PROGRAM, "--once", "--timeout=50ms", "--port=" + host_.path()});
  EXPECT_EQ(once.Wait(), 1);
  EXPECT_TRUE(once.lines().empty());
}

std::vector<std::string> WithStderr(const std::string& words) {
  return {"/bin/sh", "-c", "exec " VRAPL_GUEST_PROGRAM " " + words + " 2>&1"};
}

TEST_F(WatchTest, OnceSaysAtOnceWhatItWaitsFor) {
  Child once(WithStderr("--once --timeout=1h --port=/dev/none"));
  ASSERT_TRUE(once.AwaitLines(1, kLimit));
  EXPECT_THAT(once.lines()[0].text, HasSubstr("/dev/none"));
  EXPECT_THAT(once.lines()[0].text, HasSubstr("waiting for a line, up to 3.6e+03 s (--timeout)"));
}

// A file that somebody took for a port: what is in it is said, not what a port's end would mean.
TEST_F(WatchTest, WhatIsNoLineIsSaid) {
  const std::string path = dir_.path() + "/lines";
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"VRAPL1 seq=1 crc=00000000\n", "no line with a right CRC"}, {"", "is a file, and at its end"}}) {
    std::ofstream(path) << text;
    Child once(WithStderr("--once --timeout=20ms --port=" + path));
    EXPECT_EQ(once.Wait(), 1);
    ASSERT_FALSE(once.lines().empty());
    EXPECT_THAT(once.lines().back().text, HasSubstr(why));
  }
}

TEST_F(WatchTest, TextHasTheIntervalAndSaysWhatCannotBe) {
  Child watch({VRAPL_GUEST_PROGRAM, "--watch", "--port=" + host_.path()});
  GuestLine line = made_.Next();
  host_.Write(FormatGuestLine(line));
  ASSERT_TRUE(watch.AwaitLines(1, kLimit));
  EXPECT_THAT(watch.lines()[0].text, HasSubstr("10.000 W +-0.005")) << "10 mJ in 2 s";
  ++line.seq;
  line.energy_uj = 5'000'000;
  host_.Write(FormatGuestLine(line));
  ASSERT_TRUE(watch.AwaitLines(3, kLimit));
  EXPECT_THAT(watch.lines()[1].text, HasSubstr("# energy fell from 20.000 to 5.000 J within an epoch"));
}

TEST_F(WatchTest, WrongUsageIsTwo) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{},
                                                                                     {"sevre"},
                                                                                     {"--once", "--format=xml"},
                                                                                     {"--once", "--timeout=5"},
                                                                                     {"--once", "word"},
                                                                                     {"--nope"},
                                                                                     {"serve", "--mode=999"},
                                                                                     {"serve", "--textfile=/tmp/x"},
                                                                                     {"--once", "--timeout"}}) {
    std::vector<std::string> all = {VRAPL_GUEST_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(Child(all).Wait(), 2) << testing::PrintToString(words);
  }
  EXPECT_EQ(Child({VRAPL_GUEST_PROGRAM, "run"}).Wait(), 125) << "2 is the command's to return";
  EXPECT_EQ(Child({VRAPL_GUEST_PROGRAM, "run", "--nope"}).Wait(), 125);
  EXPECT_EQ(Child({VRAPL_GUEST_PROGRAM, "--help"}).Wait(), 0);
  EXPECT_EQ(Child({VRAPL_GUEST_PROGRAM, "run", "--help"}).Wait(), 0);
}

}  // namespace
}  // namespace vrapl
