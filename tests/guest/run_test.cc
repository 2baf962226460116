// vrapl-guest run and top as programs, with a host that sends lines to a pty.
#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_split.h"
#include "tests/guest/child.h"
#include "tests/guest/host_end.h"
#include "tests/program.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// Lines of 2 s each, faster than that.
class SendingHost {
 public:
  SendingHost(const SerialHostEnd& port, int64_t active_mw)
      : thread_([this, &port, active_mw] {
          MadeLines made(0x99);
          while (!ended_) {
            port.Write(made.NextText(active_mw + 4'000, active_mw));
            ::poll(nullptr, 0, 30);
          }
        }) {}
  ~SendingHost() {
    ended_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

class RunTest : public testing::Test {
 protected:
  Ended Run(const std::vector<std::string>& command, int64_t active_mw = 6'000) {
    SendingHost host(port_, active_mw);
    std::vector<std::string> words = {VRAPL_GUEST_PROGRAM,      "run", "--for=300ms", "--lines=3",
                                      "--port=" + port_.path(), "--"};
    words.insert(words.end(), command.begin(), command.end());
    return Program(words).Wait();
  }

  TempDir dir_;
  SerialHostEnd port_{dir_.path() + "/ttyS1"};
};

TEST_F(RunTest, JoulesPerRunOnStderrAndTheCommandsOutputOnStdout) {
  const Ended ended = Run({"sh", "-c", "echo run; i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("energy per run"));
  const size_t runs = std::vector<std::string>(absl::StrSplit(ended.out, '\n', absl::SkipEmpty())).size();
  int told = 0;
  const size_t at = ended.err.find("  runs");
  ASSERT_NE(at, std::string::npos) << ended.err;
  ASSERT_EQ(std::sscanf(ended.err.c_str() + at, "  runs %d", &told), 1);
  EXPECT_EQ(static_cast<size_t>(told), runs);
  EXPECT_GT(runs, 1u);
}

TEST_F(RunTest, TooShortSaysSo) {
  const Ended ended = Run({"true"}, 0);
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("too short"));
}

TEST_F(RunTest, TheExitCodeIsTheCommands) {
  EXPECT_EQ(Run({"sh", "-c", "exit 7"}).code, 7);
  EXPECT_EQ(Run({"sh", "-c", "kill -9 $$"}).code, 137);
  EXPECT_EQ(Run({"/nonexistent/program"}).code, 127);
  EXPECT_EQ(Run({dir_.path()}).code, 126);
}

TEST_F(RunTest, WithoutLinesItFailsAsItself) {
  const Ended ended =
      Program({VRAPL_GUEST_PROGRAM, "run", "--timeout=100ms", "--port=" + dir_.path() + "/nothing", "--", "true"})
          .Wait();
  EXPECT_EQ(ended.code, 125);
  EXPECT_THAT(ended.err, HasSubstr("nothing"));
}

TEST_F(RunTest, TopDividesAllOfTheVmsEnergy) {
  SendingHost host(port_, 6'000);
  Child top({VRAPL_GUEST_PROGRAM, "top", "-n", "3", "--format=json", "--port=" + port_.path()});
  EXPECT_EQ(top.Wait(), 0);
  const std::vector<Child::Line> lines = top.lines();
  ASSERT_THAT(lines, SizeIs(3));
  for (const Child::Line& line : lines) {
    const nlohmann::json table = nlohmann::json::parse(line.text);
    int64_t sum_uj = 0;
    for (const nlohmann::json& row : table["rows"]) sum_uj += row["energy_uj"].get<int64_t>();
    EXPECT_EQ(sum_uj, table["energy_uj"]);
    EXPECT_EQ(sum_uj % 12'000'000, 0) << "6 W over 2 s, or a few intervals of that";
    EXPECT_FALSE(table["floor"].get<bool>());
    EXPECT_EQ(table["rows"].back()["pid"], 0);
  }
}

}  // namespace
}  // namespace vrapl
