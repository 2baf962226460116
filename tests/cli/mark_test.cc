// `vrapl mark` by a user who has a runtime directory of his own: who takes a mark, and what is said of who does not.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/program.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

class MarkVerbTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
    std::string name = testing::TempDir() + "/vrapl-mark-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    ::chmod(directory_.c_str(), 0755);
    std::filesystem::create_directory(directory_ + "/vrapl");
    ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  // As if `pid` listened there, for everybody.
  UniqueFd Listen(pid_t pid) const {
    UniqueFd listener(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    std::strcpy(address.sun_path, absl::StrCat(directory_, "/vrapl/", pid, ".sock").c_str());
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::chmod(address.sun_path, 0666);
    return listener;
  }
  static std::string Taken(const UniqueFd& listener) {
    char text[512];
    const ssize_t size = ::recv(listener.get(), text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
  }
  static Ended Mark() { return Program({VRAPL, "mark", "phase"}, {.as_nobody_with = {{}}}).Wait(); }

  std::string directory_;
};

TEST_F(MarkVerbTest, WhereNobodyListensItFailsAndSaysWhatToStart) {
  const Ended ended = Mark();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err,
              AnyOf(AllOf(HasSubstr("no vrapl runs"), HasSubstr("vrapl sample")), HasSubstr("belongs to another user")))
      << "the second where root happens to run one";
}

TEST_F(MarkVerbTest, WhoListensGetsIt) {
  const UniqueFd listener = Listen(::getpid());
  const Ended ended = Mark();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, IsEmpty());
  EXPECT_THAT(Taken(listener), HasSubstr(" phase"));
}

TEST_F(MarkVerbTest, ThatOneOfSeveralDoesNotTakeItIsSaid) {
  const UniqueFd listener = Listen(::getpid());
  Program other({"/bin/sleep", "600"});
  const UniqueFd full = Listen(other.pid());
  Ended ended;
  int taken = 0;
  // Whoever does not read has room for some: net.unix.max_dgram_qlen.
  for (ended = Mark(); ended.code == 0 && taken < 1000; ended = Mark(), ++taken) Taken(listener);
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(absl::StrCat(other.pid(), ".sock")), HasSubstr("1 other programs have it")));
  EXPECT_THAT(Taken(listener), HasSubstr(" phase"));
}

}  // namespace
}  // namespace vrapl
