// Ports behind TCP, with a peer in the place of QEMU that reads when the test says so.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"
#include "delivery/port_set.h"
#include "tests/delivery/vm_end.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

constexpr SerialPortOptions kNoComments = {.explain_every = 0};

class TcpVmEnd : public VmEnd {
 public:
  explicit TcpVmEnd(int family = AF_INET) : family_(family) {
    listener_ = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound = family == AF_INET
                           ? ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0
                           : ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
    bound_ = bound && ::listen(listener_.get(), 1) == 0;
  }
  bool bound() const { return bound_; }
  uint16_t port() const {
    sockaddr_in6 name{};
    socklen_t size = sizeof name;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin6_port);  // at the same place in both families
  }
  std::string path(const std::string& host = "127.0.0.1") const { return absl::StrCat(host, ":", port()); }
  std::string ReadAll() {
    if (!fd_.ok()) fd_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return ReadUntilQuiet(0, 0);
  }

 private:
  int family_;
  bool bound_ = false;
  UniqueFd listener_;
};

PortAddress Tcp(const std::string& path) { return {.type = PortType::kTcp, .path = path}; }

TEST(TcpPortTest, OfAMinuteUnreadOnlyOneLineIsStale) {
  for (const int family : {AF_INET, AF_INET6}) {
    TcpVmEnd vm(family);
    if (!vm.bound()) continue;  // a machine without IPv6
    SimulatedClock clock;
    SerialPort port(Tcp(vm.path(family == AF_INET ? "127.0.0.1" : "::1")), clock, kNoComments);
    for (uint64_t i = 1; i <= 30; ++i) {
      clock.Advance(2 * kNanosPerSecond);
      port.Look();
      EXPECT_EQ(port.Write(Numbered(i)), i == 1 ? Outcome::kSent : Outcome::kSkippedUnread) << port.last_error();
    }
    EXPECT_TRUE(port.bounded());
    EXPECT_EQ(vm.ReadAll(), Numbered(1));
    port.LookAgain();
    EXPECT_EQ(port.Write(Numbered(31)), Outcome::kSent);
    EXPECT_EQ(vm.ReadAll(), Numbered(31));
    EXPECT_EQ(port.counters().connections, 1u);
  }
}

TEST(TcpPortTest, AVmThatEndsIsNoticedAndFoundAgain) {
  SimulatedClock clock;
  auto vm = std::make_unique<TcpVmEnd>();
  SerialPort port(Tcp(vm->path()), clock, kNoComments);
  EXPECT_EQ(port.Write(Numbered(1)), Outcome::kSent);
  EXPECT_EQ(vm->ReadAll(), Numbered(1));
  vm.reset();
  clock.Advance(2 * kNanosPerSecond);
  port.Look();
  EXPECT_FALSE(port.connected());
  EXPECT_EQ(port.Write(Numbered(2)), Outcome::kNotConnected);
  EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(TcpPortTest, OnePortUnderTwoNamesIsWrittenToOnce) {
  SimulatedClock clock;
  TcpVmEnd vm;
  PortSet ports(clock, 0);
  const VmKey web{.uuid = "web", .pid = 100, .start_time = 1};
  ports.Update({{web, {Tcp(vm.path()), Tcp(vm.path("localhost")), Tcp(vm.path("0.0.0.0"))}}});
  const DeliveryCount count = ports.Deliver(web, Numbered(1));
  EXPECT_EQ(count.sent, 1);
  EXPECT_EQ(count.errors, 2);
}

TEST(TcpPortTest, OnlyTheLoopbackIsWrittenTo) {
  SimulatedClock clock;
  for (const char* path : {"192.0.2.1:4555", "2001:db8::1:4555", "power.example:4555"}) {
    SerialPort port(Tcp(path), clock, kNoComments);
    EXPECT_EQ(port.Write(Numbered(1)), Outcome::kError);
    EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("loopback"))) << path;
  }
  for (const char* path : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:http"}) {
    SerialPort port(Tcp(path), clock, kNoComments);
    EXPECT_EQ(port.Write(Numbered(1)), Outcome::kError);
    EXPECT_THAT(port.last_error(), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
  }
}

}  // namespace
}  // namespace vrapl
