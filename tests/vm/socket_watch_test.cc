#include "vm/socket_watch.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "tests/status_matchers.h"
#include "tests/vm/fake_proc.h"

namespace vrapl {
namespace {

bool Readable(const SocketWatch& watch) {
  pollfd end{.fd = watch.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&end, 1, 0) == 1;
}

TEST(SocketWatchTest, ASocketThatComesIsTaken) {
  TempDir run;
  WriteFile(run.path() + "/libvirt-sock-ro", "");  // what is there already is no news
  const std::unique_ptr<SocketWatch> watch = SocketWatch::Open(run.path());
  ASSERT_NE(watch, nullptr);
  EXPECT_FALSE(Readable(*watch));
  EXPECT_FALSE(watch->Take());

  // A daemon that starts takes away what one that was killed has left.
  ASSERT_EQ(::unlink((run.path() + "/libvirt-sock-ro").c_str()), 0);
  EXPECT_FALSE(watch->Take());
  WriteFile(run.path() + "/libvirt-sock-ro", "");
  EXPECT_TRUE(Readable(*watch));
  EXPECT_TRUE(watch->Take());
  EXPECT_FALSE(watch->Take()) << "news is told once";

  WriteFile(run.path() + "/new", "");
  EXPECT_FALSE(watch->Take());
  ASSERT_EQ(std::rename((run.path() + "/new").c_str(), (run.path() + "/virtqemud-sock").c_str()), 0);
  EXPECT_TRUE(watch->Take());
}

TEST(SocketWatchTest, OtherFilesAreNotSockets) {
  TempDir run;
  const std::unique_ptr<SocketWatch> watch = SocketWatch::Open(run.path());
  ASSERT_NE(watch, nullptr);
  for (int i = 0; i < 300; ++i) WriteFile(run.path() + "/web" + std::to_string(i) + ".pid", "1\n");
  EXPECT_TRUE(Readable(*watch));
  EXPECT_FALSE(watch->Take());
  EXPECT_FALSE(Readable(*watch)) << "what was looked at does not come up again";
  for (int i = 300; i < 600; ++i) WriteFile(run.path() + "/web" + std::to_string(i) + ".pid", "1\n");
  WriteFile(run.path() + "/libvirt-sock", "");
  EXPECT_TRUE(watch->Take()) << "behind many others";
}

TEST(SocketWatchTest, NoDirectoryNoWatch) {
  TempDir run;
  EXPECT_EQ(SocketWatch::Open(run.path() + "/none"), nullptr);
  WriteFile(run.path() + "/file", "");
  EXPECT_EQ(SocketWatch::Open(run.path() + "/file"), nullptr);
}

}  // namespace
}  // namespace vrapl
