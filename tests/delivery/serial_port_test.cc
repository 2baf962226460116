// SerialPort against real sockets and ptys, with a peer in the place of QEMU that reads when the test says so.
#include "delivery/serial_port.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "guest_line/guest_line_reader.h"
#include "tests/delivery/vm_end.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kFlush = 2 * kNanosPerSecond;
constexpr SerialPortOptions kNoComments = {.explain_every = 0};

class SerialPortTest : public testing::Test {
 protected:
  // One flush: 2 s pass, in which the port is looked at, and the next line is offered.
  Outcome Flush(SerialPort& port) {
    clock_.Advance(kFlush);
    port.Look();
    return port.Write(Numbered(++seq_));
  }

  TempDir dir_;
  SimulatedClock clock_;
  uint64_t seq_ = 0;
};

TEST_F(SerialPortTest, AGuestThatReadsGetsEveryLineAsItIs) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(Flush(port), Outcome::kSent);
    EXPECT_EQ(vm.ReadAll(), Numbered(static_cast<uint64_t>(i)));
  }
  EXPECT_EQ(port.counters().sent, 30u);
  EXPECT_EQ(port.counters().connections, 1u);
  EXPECT_TRUE(port.bounded());
  EXPECT_THAT(port.last_error(), IsOk());
}

// A minute of flushes into a port that nobody reads.
TEST_F(SerialPortTest, OfAMinuteUnreadOnlyOneLineIsStale) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.type = PortType::kUnixSocket, .path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  for (int i = 2; i <= 30; ++i) EXPECT_EQ(Flush(port), Outcome::kSkippedUnread);
  EXPECT_EQ(port.skips_in_a_row(), 29u);
  EXPECT_EQ(vm.ReadAll(), Numbered(1));  // the one stale line
  EXPECT_EQ(Flush(port), Outcome::kSent);
  EXPECT_EQ(vm.ReadAll(), Numbered(31));  // and the newest follows
  EXPECT_EQ(port.skips_in_a_row(), 0u);
}

TEST_F(SerialPortTest, AGuestThatStopsHalfwayThroughALineIsNotPushed) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  std::string got = vm.Read(16);  // as much as the FIFO of a closed UART takes
  EXPECT_EQ(got.size(), 16u);
  EXPECT_EQ(Flush(port), Outcome::kSkippedUnread);
  got += vm.ReadAll();
  EXPECT_EQ(got, Numbered(1));
  EXPECT_EQ(Flush(port), Outcome::kSent);
}

TEST_F(SerialPortTest, AGuestThatFloodsIsDrainedInBites) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  uint64_t flooded = 0;
  for (int i = 0; i < 20; ++i) {
    flooded += vm.Flood();
    vm.ReadAll();
    const uint64_t before = port.counters().bytes_discarded;
    EXPECT_EQ(Flush(port), Outcome::kSent);
    EXPECT_LE(port.counters().bytes_discarded - before, 64u * 1024);
  }
  EXPECT_GT(flooded, 20u * 4096);
  EXPECT_GT(port.counters().bytes_discarded, 20u * 4096);
}

// What was seen by a look holds until the next, and what was not is asked again at the next line.
TEST_F(SerialPortTest, WithoutALookOneLineWaitsAllTheSame) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(port.Write(Numbered(1)), Outcome::kSent);
  port.Look();  // too early: nobody has read
  EXPECT_EQ(port.Write(Numbered(2)), Outcome::kSkippedUnread);
  EXPECT_EQ(vm.ReadAll(), Numbered(1));
  EXPECT_EQ(port.Write(Numbered(2)), Outcome::kSkippedUnread) << "nobody looked since";
  port.LookAgain();
  EXPECT_EQ(port.Write(Numbered(3)), Outcome::kSent);
  EXPECT_EQ(port.Write(Numbered(4)), Outcome::kSkippedUnread);
  EXPECT_EQ(vm.ReadAll(), Numbered(3));
  port.Look();
  EXPECT_EQ(port.Write(Numbered(5)), Outcome::kSent);
  EXPECT_EQ(port.Write(Numbered(6)), Outcome::kSkippedUnread);  // the look was of the line before
  EXPECT_EQ(vm.ReadAll(), Numbered(5));
}

TEST_F(SerialPortTest, ALookNoticesThatTheVmIsGone) {
  auto vm = std::make_unique<UnixVmEnd>(dir_.path() + "/port");
  SerialPort port({.path = vm->path()}, clock_, kNoComments);
  EXPECT_EQ(port.Write(Numbered(1)), Outcome::kSent);
  vm.reset();
  port.Look();
  EXPECT_FALSE(port.connected());
  EXPECT_EQ(port.counters().not_connected, 0u);  // no line was lost by it
  vm = std::make_unique<UnixVmEnd>(dir_.path() + "/port");
  clock_.Advance(kFlush);
  EXPECT_EQ(port.Write(Numbered(2)), Outcome::kSent);  // no flush without a line
  EXPECT_EQ(vm->ReadAll(), Numbered(2));
}

TEST_F(SerialPortTest, ConnectsAgainWhenTheVmIsBack) {
  auto vm = std::make_unique<UnixVmEnd>(dir_.path() + "/port");
  const std::string path = vm->path();
  SerialPort port({.path = path}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  vm.reset();  // the VM ends and its socket is gone
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  EXPECT_FALSE(port.connected());
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("closed its end")));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));

  vm = std::make_unique<UnixVmEnd>(path);
  int flushes = 0;
  while (Flush(port) != Outcome::kSent) ASSERT_LE(++flushes, 15);  // within the longest pause, 30 s
  EXPECT_EQ(vm->ReadAll(), Numbered(seq_));
  EXPECT_EQ(port.counters().connections, 2u);
}

TEST_F(SerialPortTest, ARebootedVmIsBackAtTheNextFlushButOne) {
  auto vm = std::make_unique<UnixVmEnd>(dir_.path() + "/port");
  SerialPort port({.path = vm->path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  vm.reset();
  vm = std::make_unique<UnixVmEnd>(dir_.path() + "/port");
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  EXPECT_EQ(vm->ReadAll(), Numbered(3));
}

TEST_F(SerialPortTest, AClosedReadingEndRaisesNoSignal) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  vm.ReadAll();
  ASSERT_EQ(::shutdown(vm.fd(), SHUT_RD), 0);  // EPIPE for us, and SIGPIPE for who asks for it
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
}

TEST_F(SerialPortTest, AnotherProgramOnThePortMakesItSkip) {
  UnixVmEnd vm(dir_.path() + "/port");
  const UniqueFd other = ConnectTo(vm.path());
  vm.Accept();  // QEMU serves one at a time
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);  // into the queue of a connection that nobody serves
  for (int i = 0; i < 30; ++i) EXPECT_EQ(Flush(port), Outcome::kSkippedUnread);
  EXPECT_EQ(port.skips_in_a_row(), 30u);
}

TEST_F(SerialPortTest, AFullQueueOfCallersDoesNotWait) {
  UnixVmEnd vm(dir_.path() + "/port", /*backlog=*/0);
  std::vector<UniqueFd> others;
  for (int i = 0; i < 4; ++i) others.push_back(ConnectTo(vm.path()));
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("another program")));
}

TEST_F(SerialPortTest, ExplainsItselfNowAndThen) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(Flush(port), Outcome::kSent);
    EXPECT_EQ(vm.ReadAll(), i % 30 == 0 ? absl::StrCat(GuestLineComment(), Numbered(seq_)) : Numbered(seq_));
  }
}

TEST_F(SerialPortTest, OnlyOneWholeLineIsALine) {
  UnixVmEnd vm(dir_.path() + "/port");
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  for (const std::string& bad : {std::string(), std::string("x"), std::string("a\nb\n"), std::string("\na"),
                                 std::string(kMaxGuestLine, 'x') + "\n"}) {
    EXPECT_EQ(port.Write(bad), Outcome::kError);
  }
  EXPECT_EQ(port.counters().connections, 0u);
}

TEST_F(SerialPortTest, RefusesWhatIsNoPort) {
  const std::string file = dir_.path() + "/file";
  WriteText(file, "");
  struct {
    PortAddress address;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {{.path = file}, absl::StatusCode::kInvalidArgument, "not a unix socket or a pty"},
      {{.type = PortType::kPty, .path = file}, absl::StatusCode::kInvalidArgument, "not a pty"},
      {{.type = PortType::kPty, .path = "/dev/null"}, absl::StatusCode::kInvalidArgument, "not a pty"},
      {{.type = PortType::kUnixSocket, .path = "/dev/null"}, absl::StatusCode::kInvalidArgument, "not a unix socket"},
      {{.path = "/dev/null"}, absl::StatusCode::kInvalidArgument, "not a terminal"},
      {{.path = dir_.path()}, absl::StatusCode::kInvalidArgument, "not a unix socket or a pty"},
  };
  for (const auto& c : cases) {
    SerialPort port(c.address, clock_, kNoComments);
    EXPECT_EQ(Flush(port), Outcome::kError) << c.address.path;
    EXPECT_THAT(port.last_error(), StatusIs(c.code, HasSubstr(c.message)));
  }
  EXPECT_EQ(std::filesystem::file_size(file), 0u);

  SerialPort absent({.path = dir_.path() + "/absent"}, clock_, kNoComments);
  EXPECT_EQ(Flush(absent), Outcome::kNotConnected);
  SerialPort too_long({.path = "/tmp/" + std::string(200, 'x')}, clock_, kNoComments);
  EXPECT_EQ(Flush(too_long), Outcome::kNotConnected);
}

TEST_F(SerialPortTest, PausesGrowTo30Seconds) {
  SerialPort port({.path = dir_.path() + "/absent"}, clock_, kNoComments);
  std::vector<int> attempts;  // the seconds at which it tried
  for (int second = 0; second < 130; ++second) {
    // Each attempt looks anew: seen by what it finds.
    const std::string file = dir_.path() + "/absent";
    WriteText(file, "");
    if (port.Write(Numbered(1)) == Outcome::kError) attempts.push_back(second);
    clock_.Advance(kNanosPerSecond);
  }
  EXPECT_THAT(attempts, ElementsAre(0, 1, 3, 7, 15, 31, 61, 91, 121));
}

// ---------------------------------------------------------------------------------------------------------------- ptys

TEST_F(SerialPortTest, PtyBytesArriveAsTheyAre) {
  PtyVmEnd vm;
  SerialPort port({.type = PortType::kPty, .path = vm.path(), .owner = ::getpid()}, clock_, kNoComments);
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(Flush(port), Outcome::kSent);
    EXPECT_EQ(vm.ReadAll(), Numbered(static_cast<uint64_t>(i)));  // no "\r\n", no echo
  }
}

TEST_F(SerialPortTest, OfAMinuteUnreadInAPtyOnlyOneLineIsStale) {
  PtyVmEnd vm;
  SerialPort port({.type = PortType::kPty, .path = vm.path(), .owner = ::getpid()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  if (!port.bounded()) GTEST_SKIP() << "this kernel does not let us look at the master (pidfd_getfd)";
  vm.WaitReadable();
  for (int i = 2; i <= 30; ++i) EXPECT_EQ(Flush(port), Outcome::kSkippedUnread);
  EXPECT_EQ(vm.ReadAll(), Numbered(1));
  EXPECT_EQ(Flush(port), Outcome::kSent);
  EXPECT_EQ(vm.ReadAll(), Numbered(31));
}

// Without a look at the master nothing tells what is unread: the kernel's queue fills. What counts then is that nothing
// waits, that the line which no longer fits is recognised as broken, and that a good one follows.
TEST_F(SerialPortTest, APtyThatCannotBeLookedIntoFillsAndRecovers) {
  PtyVmEnd vm;
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  Outcome last = Outcome::kSent;
  for (int quiet = 0; quiet < 100; last == Outcome::kSent ? quiet = 0 : ++quiet) {
    last = Flush(port);
    ASSERT_LT(seq_, 3000u);
  }
  EXPECT_FALSE(port.bounded());

  GuestLineReader reader;
  std::vector<ReceivedGuestLine> lines;
  reader.Feed(vm.ReadAll(), lines);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  reader.Feed(vm.ReadAll(), lines);
  EXPECT_EQ(lines.back().line.seq, seq_);  // the newest is whole
  EXPECT_EQ(lines.size(), port.counters().sent);
  EXPECT_EQ(reader.rejected(), port.counters().broken_lines);
  for (size_t i = 1; i < lines.size(); ++i) EXPECT_GT(lines[i].line.seq, lines[i - 1].line.seq);
}

TEST_F(SerialPortTest, ABrokenLineIsEndedBeforeTheNext) {
  PtyVmEnd vm;
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  // Lines of many lengths, until one is cut in the middle.
  std::string everything;
  for (int round = 0; round < 50 && port.counters().broken_lines == 0; ++round) {
    everything.clear();
    for (size_t i = 0; i < 100'000; ++i) {
      std::string line(1 + (i * 7 + static_cast<size_t>(round) * 13) % 900, 'x');
      line.back() = '\n';
      if (port.Write(line) != Outcome::kSent) break;
    }
    if (port.counters().broken_lines > 0) break;
    vm.ReadAll();
  }
  ASSERT_GT(port.counters().broken_lines, 0u) << "this kernel takes a line whole or not at all";
  const std::string before = vm.ReadAll();
  ASSERT_NE(before.back(), '\n');
  EXPECT_EQ(port.Write(Numbered(5)), Outcome::kSent);
  EXPECT_EQ(vm.ReadAll(), "\n" + Numbered(5));
  EXPECT_EQ(port.Write(Numbered(6)), Outcome::kSent);
  EXPECT_EQ(vm.ReadAll(), Numbered(6));
}

TEST_F(SerialPortTest, WhenNothingElseTellsLibvirtsWordCounts) {
  PtyVmEnd vm;
  SerialPort port({.path = vm.path(), .guest_open = false}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSkippedUnread);
  port.SetGuestOpen(true);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  port.SetGuestOpen(std::nullopt);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  // What can be seen is better than what was said some seconds ago.
  PtyVmEnd seen;
  SerialPort looked_into({.path = seen.path(), .owner = ::getpid(), .guest_open = false}, clock_, kNoComments);
  const Outcome outcome = Flush(looked_into);
  EXPECT_EQ(outcome, looked_into.bounded() ? Outcome::kSent : Outcome::kSkippedUnread);
}

TEST_F(SerialPortTest, AnotherProgramsPtyIsNotWrittenTo) {
  const pid_t qemu = ::fork();
  if (qemu == 0) {
    ::close_range(3, ~0U, 0);
    ::pause();
    ::_exit(0);
  }
  PtyVmEnd terminal;  // ours, not that process's
  SerialPort port({.type = PortType::kPty, .path = terminal.path(), .owner = qemu}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kError);
  EXPECT_THAT(port.last_error(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("belongs to another program")));
  EXPECT_EQ(terminal.ReadWhatIsThere(), "");
  ::kill(qemu, SIGKILL);
  ::waitpid(qemu, nullptr, 0);
  // A process that has ended holds nothing.
  clock_.Advance(60 * kNanosPerSecond);
  EXPECT_EQ(Flush(port), Outcome::kError);
  EXPECT_EQ(terminal.ReadWhatIsThere(), "");
}

TEST_F(SerialPortTest, ANumberThatWasGivenAwayIsNotWrittenTo) {
  auto vm = std::make_unique<PtyVmEnd>();
  const std::string path = vm->path();
  SerialPort port({.path = path}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  vm.reset();
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  PtyVmEnd terminal;  // somebody logs in, and gets the number
  if (terminal.path() != path) GTEST_SKIP() << "another program was quicker to get the number";
  for (int i = 0; i < 40; ++i) EXPECT_NE(Flush(port), Outcome::kSent);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another program")));
  EXPECT_EQ(terminal.ReadWhatIsThere(), "");
}

TEST_F(SerialPortTest, ANumberThatIsStillTheVmsIsUsedAgain) {
  auto vm = std::make_unique<PtyVmEnd>();
  const std::string path = vm->path();
  SerialPort port({.type = PortType::kPty, .path = path, .owner = ::getpid()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kSent);
  if (!port.bounded()) GTEST_SKIP() << "this kernel does not let us look at the master (pidfd_getfd)";
  vm.reset();
  EXPECT_EQ(Flush(port), Outcome::kNotConnected);
  vm = std::make_unique<PtyVmEnd>();
  if (vm->path() != path) GTEST_SKIP() << "another program was quicker to get the number";
  EXPECT_EQ(Flush(port), Outcome::kSent);
  EXPECT_EQ(vm->ReadAll(), Numbered(seq_));
}

TEST_F(SerialPortTest, EchoIsDrainedAndCounted) {
  PtyVmEnd vm;
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Flush(port), Outcome::kSent);
    vm.WriteBack(vm.ReadAll());  // a guest's terminal echoes what it gets
  }
  EXPECT_GT(port.counters().bytes_discarded, 18u * Numbered(1).size());
}

TEST_F(SerialPortTest, PtySettingsArePutBack) {
  PtyVmEnd vm;
  const UniqueFd look(::open(vm.path().c_str(), O_RDWR | O_NOCTTY));
  termios before;
  ASSERT_EQ(::tcgetattr(look.get(), &before), 0);
  ASSERT_NE(before.c_lflag & ECHO, 0u);
  termios during;
  {
    SerialPort port({.path = vm.path()}, clock_, kNoComments);
    EXPECT_EQ(Flush(port), Outcome::kSent);
    ASSERT_EQ(::tcgetattr(look.get(), &during), 0);
    EXPECT_EQ(during.c_lflag & (ECHO | ICANON), 0u);
  }
  termios after;
  ASSERT_EQ(::tcgetattr(look.get(), &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_oflag, before.c_oflag);
}

TEST_F(SerialPortTest, OnesOwnTerminalIsNoPort) {
  PtyVmEnd vm;
  const UniqueFd slave(::open(vm.path().c_str(), O_RDWR | O_NOCTTY));
  const UniqueFd saved(::dup(STDIN_FILENO));
  ::dup2(slave.get(), STDIN_FILENO);
  SerialPort port({.path = vm.path()}, clock_, kNoComments);
  EXPECT_EQ(Flush(port), Outcome::kError);
  ::dup2(saved.get(), STDIN_FILENO);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("terminal of this program")));
}

}  // namespace
}  // namespace vrapl
