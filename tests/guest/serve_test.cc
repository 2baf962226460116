// vrapl-guest serve as a program: a port that is a pty, readers that are real sockets.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "absl/strings/str_split.h"
#include "guest/posix_text.h"
#include "tests/guest/child.h"
#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr absl::Duration kLimit = absl::Seconds(60);

class ServeTest : public testing::Test {
 protected:
  std::vector<std::string> Command(const std::string& verb) const {
    return {VRAPL_GUEST_PROGRAM, verb, "--dir=" + directory_};
  }
  std::unique_ptr<Child> Serve(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = Command("serve");
    words.push_back("--port=" + host_.path());
    words.insert(words.end(), more.begin(), more.end());
    return std::make_unique<Child>(words);
  }
  // What a reader of the socket gets: `--watch`, which is one.
  std::unique_ptr<Child> Reader() const {
    return std::make_unique<Child>(
        std::vector<std::string>{VRAPL_GUEST_PROGRAM, "--watch", "--format=line", "--port=" + directory_ + "/socket"});
  }
  // Sends lines as the host does, until `condition` holds.
  template <typename Condition>
  bool SendUntil(const Condition& condition) {
    for (int i = 0; i < 600; ++i) {
      last_ = made_.Next();
      host_.Write(FormatGuestLine(last_));
      for (int wait = 0; wait < 20; ++wait) {
        if (condition()) return true;
        ::poll(nullptr, 0, 5);
      }
    }
    return false;
  }
  std::string PublishedLine() const { return ReadSmallFile(directory_ + "/line"); }
  std::string Counter() const { return ReadSmallFile(directory_ + "/sys/class/powercap/intel-rapl:0/energy_uj"); }

  TempDir dir_;
  const std::string directory_ = dir_.path() + "/run";
  SerialHostEnd host_{dir_.path() + "/ttyS1"};
  MadeLines made_{0x51};
  GuestLine last_;
};

TEST_F(ServeTest, ManyReadersGetEveryLine) {
  const std::unique_ptr<Child> serve = Serve();
  ASSERT_TRUE(SendUntil([&] { return !PublishedLine().empty(); }));
  std::vector<std::unique_ptr<Child>> readers;
  for (int i = 0; i < 10; ++i) readers.push_back(Reader());
  // The newest line greets each.
  for (const auto& reader : readers) ASSERT_TRUE(reader->AwaitLines(1, kLimit));
  const size_t greeted = readers[0]->lines().size();
  std::vector<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    const std::string text = made_.NextText();
    sent.push_back(text.substr(0, text.size() - 1));
    host_.Write(text);
    for (const auto& reader : readers) ASSERT_TRUE(reader->AwaitLines(greeted + sent.size(), kLimit));
  }
  for (const auto& reader : readers) {
    std::vector<std::string> got;
    for (const Child::Line& line : reader->lines()) got.push_back(line.text);
    got.erase(got.begin(), got.begin() + static_cast<long>(greeted));
    EXPECT_EQ(got, sent);
  }
  EXPECT_EQ(PublishedLine(), sent.back() + "\n");
}

// One that connects and never reads has one line waiting, and the others do not notice.
TEST_F(ServeTest, AReaderThatDoesNotReadHasOneLineWaiting) {
  const std::unique_ptr<Child> serve = Serve();
  ASSERT_TRUE(SendUntil([&] { return !PublishedLine().empty(); }));
  const UniqueFd stalled(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, (directory_ + "/socket").c_str());
  ASSERT_EQ(::connect(stalled.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  // What it sends is nobody's business: the kernel refuses it once serve has taken the connection.
  pollfd greeted{stalled.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&greeted, 1, 60'000), 1);
  EXPECT_EQ(::send(stalled.get(), "x", 1, MSG_NOSIGNAL), -1);
  const std::unique_ptr<Child> reader = Reader();
  ASSERT_TRUE(reader->AwaitLines(1, kLimit));
  for (size_t i = 0; i < 50; ++i) {
    const size_t before = reader->lines().size();
    host_.Write(made_.NextText());
    ASSERT_TRUE(reader->AwaitLines(before + 1, kLimit));
  }
  char waiting[65536];
  const ssize_t got = ::recv(stalled.get(), waiting, sizeof waiting, MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  const std::vector<std::string> lines =
      absl::StrSplit(absl::string_view(waiting, static_cast<size_t>(got)), '\n', absl::SkipEmpty());
  EXPECT_THAT(lines, SizeIs(1));
  // And the next one it gets is the newest.
  const std::string newest = made_.NextText();
  host_.Write(newest);
  ASSERT_EQ(::poll(&greeted, 1, 60'000), 1);
  const ssize_t next = ::recv(stalled.get(), waiting, sizeof waiting, MSG_DONTWAIT);
  EXPECT_EQ(std::string(waiting, static_cast<size_t>(std::max<ssize_t>(next, 0))), newest);
}

TEST_F(ServeTest, TheCounterGoesOnThroughEpochsAndRestarts) {
  int64_t expected = 0;
  for (uint32_t epoch = 1; epoch <= 3; ++epoch) {
    made_ = MadeLines(epoch);
    const std::unique_ptr<Child> serve = Serve();
    ASSERT_TRUE(SendUntil([&] { return PublishedLine() == FormatGuestLine(last_); }));
    const int64_t at_start = *last_.energy_uj;
    EXPECT_EQ(Counter(), std::to_string(expected + at_start) + "\n");
    serve->Signal(epoch % 2 == 0 ? SIGKILL : SIGTERM);
    serve->Wait();
    if (epoch % 2 != 0) {
      EXPECT_EQ(Counter(), "") << "nobody keeps it now";
    }
    made_.Skip();  // while nobody listened
    const std::unique_ptr<Child> again = Serve();
    ASSERT_TRUE(SendUntil([&] { return PublishedLine() == FormatGuestLine(last_); }));
    expected += *last_.energy_uj;
    EXPECT_EQ(Counter(), std::to_string(expected) + "\n");
  }
}

TEST_F(ServeTest, TheSecondIsRefused) {
  const std::unique_ptr<Child> serve = Serve();
  ASSERT_TRUE(SendUntil([&] { return !PublishedLine().empty(); }));
  EXPECT_EQ(Serve()->Wait(), 1);
  ASSERT_TRUE(SendUntil([&] { return PublishedLine() == FormatGuestLine(last_); })) << "the first one is unharmed";
}

// The defaults look for the socket first, so that one who just types --once takes no line from anybody.
TEST_F(ServeTest, OnceReadsFromTheSocket) {
  const std::unique_ptr<Child> serve = Serve({"--mode=0400"});
  ASSERT_TRUE(SendUntil([&] { return !PublishedLine().empty(); }));
  Child once({VRAPL_GUEST_PROGRAM, "--once", "--format=line", "--dir=" + directory_});
  EXPECT_EQ(once.Wait(), 0);
  ASSERT_THAT(once.lines(), SizeIs(1));
  EXPECT_EQ(once.lines()[0].text + "\n", FormatGuestLine(last_));
  struct stat file {};
  ASSERT_EQ(::stat((directory_ + "/socket").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((directory_ + "/line").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0400u);
}

// It waits for lines; it does not look for them. With the port open and silent it is not woken.
TEST_F(ServeTest, ItDoesNotPoll) {
  const std::unique_ptr<Child> serve = Serve();
  ASSERT_TRUE(SendUntil([&] { return !PublishedLine().empty(); }));
  const auto switches = [&] {
    const std::string status = ReadSmallFile("/proc/" + std::to_string(serve->pid()) + "/status");
    const size_t at = status.find("\nvoluntary_ctxt_switches:");
    return std::atol(status.c_str() + at + 25);
  };
  const std::unique_ptr<Child> reader = Reader();
  ASSERT_TRUE(reader->AwaitLines(1, kLimit));
  const long before = switches();
  constexpr int kLines = 20;
  for (size_t i = 0; i < kLines; ++i) {
    host_.Write(made_.NextText());
    ASSERT_TRUE(reader->AwaitLines(2 + i, kLimit));
  }
  EXPECT_LE(switches() - before, 4 * kLines + 10) << "a few waits for each line";
}

}  // namespace
}  // namespace vrapl
