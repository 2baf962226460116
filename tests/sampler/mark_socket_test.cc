#include "sampler/mark_socket.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MarkSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-mark-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
    directory_ = name + "/vrapl";
  }
  void TearDown() override { std::filesystem::remove_all(base_); }

  // A process that listened and was killed: its socket is left.
  pid_t LeaveASocket() const {
    const pid_t child = ::fork();
    if (child == 0) {
      MarkQueue queue;
      auto listener = MarkListener::Create(directory_, queue);
      ::raise(SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    return child;
  }
  std::string PathOf(pid_t pid) const { return directory_ + "/" + std::to_string(pid) + ".sock"; }

  std::string base_;
  std::string directory_;
  MarkQueue queue_;
};

TEST(MarkFormatTest, WhatIsSentIsWhatArrives) {
  for (const Mark& mark : {Mark{12345, "warm-up"}, Mark{0, "two words, and 3 numbers"}, Mark{INT64_MAX, "größe"}}) {
    const absl::StatusOr<Mark> back = ParseMark(FormatMark(mark));
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(*back, mark);
  }
  for (const char* text : {"", "hello", "VRAPL-MARK 1 ", "VRAPL-MARK 1 5", "VRAPL-MARK 1 5 ", "VRAPL-MARK 1 x label",
                           "VRAPL-MARK 2 5 label", "VRAPL-MARK 1 5 two\nlines"}) {
    EXPECT_FALSE(ParseMark(text).ok()) << text;
  }
}

TEST_F(MarkSocketTest, AMarkArrivesAndTheSocketGoesWithItsOwner) {
  {
    auto listener = MarkListener::Create(directory_, queue_);
    ASSERT_THAT(listener, IsOk());
    struct stat file {};
    ASSERT_EQ(::stat((*listener)->path().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u) << "for its user alone";
    EXPECT_THAT(ListeningProcesses(directory_), ElementsAre(::getpid()));
    const int64_t now_ns = MonotonicNs();
    EXPECT_THAT(SendMark(directory_, ::getpid(), {now_ns, "one"}), IsOk());
    EXPECT_THAT(SendMark(directory_, ::getpid(), {now_ns, "two"}), IsOk());
    EXPECT_THAT(SendMark(directory_, ::getpid(), {now_ns - 60 * kNanosPerSecond, "long ago"}), IsOk());
    EXPECT_THAT(SendMark(directory_, ::getpid(), {now_ns + 60 * kNanosPerSecond, "to come"}), IsOk());
    listener->reset();  // takes what has arrived
    EXPECT_THAT(queue_.Take(), ElementsAre(Mark{now_ns, "one"}, Mark{now_ns, "two"}));
  }
  EXPECT_THAT(ListeningProcesses(directory_), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(MarkSocketTest, WhatIsNoMarkIsCountedAndDoesNoHarm) {
  auto listener = MarkListener::Create(directory_, queue_);
  ASSERT_THAT(listener, IsOk());
  const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, (*listener)->path().c_str(), sizeof address.sun_path - 1);
  const std::string valid = FormatMark({MonotonicNs(), "x"});
  for (const std::string& text : {std::string("rubbish"), std::string(), std::string(100'000, 'x'),
                                  FormatMark({MonotonicNs(), std::string(kMaxLabelBytes + 1, 'x')}), valid}) {
    ASSERT_EQ(
        ::sendto(sender.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address),
        static_cast<ssize_t>(text.size()));
  }
  while (queue_.Take().empty()) ::usleep(100);  // the last one is good: all have been seen
  EXPECT_EQ((*listener)->refused(), 4u);
}

TEST_F(MarkSocketTest, SocketsOfDeadProcessesAreCleaned) {
  const pid_t dead = LeaveASocket();
  ASSERT_TRUE(std::filesystem::exists(PathOf(dead)));
  EXPECT_THAT(ListeningProcesses(directory_), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(PathOf(dead)));
  const pid_t other = LeaveASocket();
  auto listener = MarkListener::Create(directory_, queue_);
  ASSERT_THAT(listener, IsOk());
  EXPECT_FALSE(std::filesystem::exists(PathOf(other)));
}

TEST_F(MarkSocketTest, ANumberThatIsAnotherProgramsNowDoesNotListen) {
  const pid_t dead = LeaveASocket();
  std::filesystem::rename(PathOf(dead), PathOf(::getpid()));  // as if we had got its number
  EXPECT_EQ(SendMark(directory_, ::getpid(), {1, "x"}).code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(PathOf(::getpid())));
  EXPECT_EQ(SendMark(directory_, 1, {1, "x"}).code(), absl::StatusCode::kNotFound);
}

TEST_F(MarkSocketTest, WithoutAPlaceItSaysWhy) {
  EXPECT_THAT(std::string(MarkListener::Create("", queue_).status().message()), HasSubstr("XDG_RUNTIME_DIR"));
  EXPECT_THAT(std::string(MarkListener::Create("/proc/none", queue_).status().message()), HasSubstr("/proc/none"));
  EXPECT_FALSE(MarkListener::Create(base_ + std::string(120, 'x'), queue_).ok()) << "longer than a socket's name";
}

}  // namespace
}  // namespace vrapl
