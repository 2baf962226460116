#include "guest/line_source.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include <cstring>

#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

constexpr int64_t kLimitNs = 20'000'000'000;

class LineSourceTest : public testing::Test {
 protected:
  LineSourceOptions Reading(const std::string& path) const { return {.path = path, .retry_ms = 5}; }

  // Waits for a line.
  static ArrivedLine Await(LineSource& source) {
    std::vector<ArrivedLine> lines;
    const int64_t deadline_ns = MonotonicNowNs() + kLimitNs;
    while (lines.empty() && MonotonicNowNs() < deadline_ns) AwaitLines(source, deadline_ns, lines);
    EXPECT_EQ(lines.size(), 1u) << source.trouble();
    return lines.empty() ? ArrivedLine{} : lines.front();
  }
  static void AwaitTrouble(LineSource& source, const std::string& words) {
    std::vector<ArrivedLine> lines;
    const int64_t deadline_ns = MonotonicNowNs() + kLimitNs;
    while (source.trouble().find(words) == std::string::npos && MonotonicNowNs() < deadline_ns) {
      AwaitLines(source, deadline_ns, lines);
    }
    EXPECT_THAT(source.trouble(), HasSubstr(words));
  }
  static void Open(LineSource& source) {
    std::vector<ArrivedLine> lines;
    source.Step(lines);
  }

  TempDir dir_;
  MadeLines made_{0x1234};
};

TEST_F(LineSourceTest, ASerialPortIsReadRawAndWithoutEcho) {
  SerialHostEnd host(dir_.path() + "/ttyS1");
  LineSource source(Reading(host.path()));
  Open(source);
  const std::string text = made_.NextText();
  host.Write(text);
  const ArrivedLine arrived = Await(source);
  EXPECT_EQ(arrived.text + "\n", text);
  EXPECT_EQ(arrived.line.seq, 1u);
  EXPECT_EQ(host.Echoed(), "");
  termios settings{};
  ASSERT_EQ(::tcgetattr(source.fd(), &settings), 0);
  EXPECT_EQ(settings.c_lflag & (ECHO | ICANON | ISIG), 0u);
}

TEST_F(LineSourceTest, ASerialPortThatGoesAndComesBackIsOpenedAgain) {
  SerialHostEnd host(dir_.path() + "/ttyS1");
  LineSource source(Reading(host.path()));
  Open(source);
  for (uint64_t round = 1; round <= 5; ++round) {
    host.Write(made_.NextText());
    EXPECT_EQ(Await(source).line.seq, 2 * round - 1);
    host.Write(made_.NextText().substr(0, 70));  // this one breaks off
    host.Unplug();
    AwaitTrouble(source, "ttyS1");
    host.Plug();
    // What was begun on the old one is not joined to the new one's first bytes.
    host.Write(FormatGuestLine(GuestLine{.seq = 99}).substr(3));
  }
  EXPECT_GE(source.times_opened(), 5u);
}

TEST_F(LineSourceTest, AVirtioPortStaysOpenWhileTheHostIsAway) {
  VirtioHostEnd host(dir_.path() + "/vport0p1");
  LineSource source(Reading(host.path()));
  Open(source);
  EXPECT_THAT(source.trouble(), HasSubstr("not connected on the host"));
  for (uint64_t round = 1; round <= 5; ++round) {
    host.Connect();
    host.Write(made_.NextText());
    EXPECT_EQ(Await(source).line.seq, round);
    EXPECT_EQ(source.trouble(), "");
    host.Disconnect();
    AwaitTrouble(source, "not connected on the host");
  }
  EXPECT_EQ(source.times_opened(), 1u);
}

// The host's side being away is known at once however often one asks.
TEST_F(LineSourceTest, APortThatIsNotConnectedIsNotAskedAllTheTime) {
  VirtioHostEnd host(dir_.path() + "/vport0p1");
  LineSource source({.path = host.path(), .retry_ms = 1000});
  const int64_t asked_ns = MonotonicNowNs();
  Open(source);
  EXPECT_EQ(source.fd(), -1);
  EXPECT_GE(source.next_step_ns(), asked_ns + 1'000'000'000);
}

TEST_F(LineSourceTest, TwoReadersOfOnePortAreToldOfEachOther) {
  SerialHostEnd host(dir_.path() + "/ttyS1");
  LineSource first(Reading(host.path()));
  LineSource second(Reading(host.path()));
  Open(first);
  Open(second);
  EXPECT_THAT(second.trouble(), HasSubstr("vrapl-guest serve"));
  host.Write(made_.NextText());
  EXPECT_EQ(Await(first).line.seq, 1u);
}

TEST_F(LineSourceTest, WhatWaitedInThePortIsMarked) {
  SerialHostEnd host(dir_.path() + "/ttyS1");
  const int keeps_it = ::open(host.path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  host.Write(made_.NextText());
  LineSource source(Reading(host.path()));
  EXPECT_TRUE(Await(source).may_have_waited);
  ::close(keeps_it);
}

TEST_F(LineSourceTest, AFloodDoesNotKeepIt) {
  SerialHostEnd host(dir_.path() + "/ttyS1");
  LineSource source(Reading(host.path()));
  Open(source);
  std::vector<ArrivedLine> lines;
  for (int i = 0; i < 1000; ++i) {
    host.Write(std::string(1000, 'x'));
    source.Step(lines);
  }
  EXPECT_TRUE(lines.empty());
  host.Write(made_.NextText());
  EXPECT_EQ(Await(source).line.seq, 1u);
}

TEST_F(LineSourceTest, ASocketIsASourceToo) {
  const std::string path = dir_.path() + "/socket";
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  // It is preferred to a port, and nothing that waits there is taken for old.
  LineSource source({.path = "", .socket = path, .root = dir_.path(), .retry_ms = 5});
  Open(source);
  EXPECT_EQ(source.path(), path);
  UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
  const std::string text = made_.NextText();
  ASSERT_EQ(::write(peer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_FALSE(Await(source).may_have_waited);
  peer.Reset();
  AwaitTrouble(source, "was closed");
}

}  // namespace
}  // namespace vrapl
