#include "delivery/port_set.h"

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/delivery/vm_end.h"
#include "tests/fakes/simulated_clock.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const VmKey kWeb{.uuid = "web", .pid = 100, .start_time = 1};
const VmKey kWebAgain{.uuid = "web", .pid = 200, .start_time = 2};
const VmKey kDb{.uuid = "db", .pid = 300, .start_time = 3};

class PortSetTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

  TempDir dir_;
  SimulatedClock clock_;
  PortSet ports_{clock_, /*explain_every=*/0};
};

TEST_F(PortSetTest, EachVmGetsItsOwnLines) {
  UnixVmEnd web(Path("web"));
  UnixVmEnd web_tty(Path("web_tty"));
  UnixVmEnd db(Path("db"));
  ports_.Update({{kWeb, {{.path = web.path()}, {.path = web_tty.path()}}}, {kDb, {{.path = db.path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(1)).sent, 2);
  EXPECT_EQ(ports_.Deliver(kDb, Numbered(2)).sent, 1);
  EXPECT_EQ(web.ReadAll(), Numbered(1));
  EXPECT_EQ(web_tty.ReadAll(), Numbered(1));
  EXPECT_EQ(db.ReadAll(), Numbered(2));
  EXPECT_EQ(ports_.Deliver(kWebAgain, Numbered(3)).sent, 0);  // not one of ours
}

TEST_F(PortSetTest, WhatStaysKeepsItsConnection) {
  UnixVmEnd web(Path("web"));
  UnixVmEnd db(Path("db"));
  ports_.Update({{kWeb, {{.path = web.path()}}}});
  ports_.Deliver(kWeb, Numbered(1));
  web.ReadAll();
  ports_.Update({{kDb, {{.path = db.path()}}}, {kWeb, {{.path = web.path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(2)).sent, 1);
  EXPECT_EQ(web.ReadAll(), Numbered(2));  // on the connection that was accepted first
  ASSERT_THAT(ports_.ports(), SizeIs(2));
  for (const PortSet::Port& port : ports_.ports()) {
    if (port.vm == kWeb) {
      EXPECT_EQ(port.port->counters().connections, 1u);
    }
  }
  ports_.Update({});
  EXPECT_THAT(ports_.ports(), IsEmpty());
  char byte;
  EXPECT_EQ(::read(web.fd(), &byte, 1), 0);  // hung up
}

TEST_F(PortSetTest, ARestartedVmIsAnother) {
  auto vm = std::make_unique<UnixVmEnd>(Path("web"));
  ports_.Update({{kWeb, {{.path = vm->path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(1)).sent, 1);
  vm.reset();
  vm = std::make_unique<UnixVmEnd>(Path("web"));  // the same path by chance
  ports_.Update({{kWebAgain, {{.path = vm->path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(2)).sent, 0);
  EXPECT_EQ(ports_.Deliver(kWebAgain, Numbered(3)).sent, 1);
  EXPECT_EQ(vm->ReadAll(), Numbered(3));
}

TEST_F(PortSetTest, ANewPathIsANewPort) {
  UnixVmEnd before(Path("before"));
  UnixVmEnd after(Path("after"));
  ports_.Update({{kWeb, {{.path = before.path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(1)).sent, 1);
  ports_.Update({{kWeb, {{.path = after.path()}}}});
  EXPECT_EQ(ports_.Deliver(kWeb, Numbered(2)).sent, 1);
  EXPECT_EQ(after.ReadAll(), Numbered(2));
}

TEST_F(PortSetTest, OneDeviceIsWrittenToOnce) {
  UnixVmEnd vm(Path("socket"));
  std::filesystem::create_symlink(vm.path(), Path("link"));
  ports_.Update({{kWeb, {{.path = vm.path()}, {.path = Path("link")}}}, {kDb, {{.path = Path("link")}}}});
  DeliveryCount web = ports_.Deliver(kWeb, Numbered(1));
  EXPECT_EQ(web.sent, 1);
  EXPECT_EQ(web.errors, 1);
  EXPECT_EQ(ports_.Deliver(kDb, Numbered(2)).errors, 1);
  EXPECT_EQ(vm.ReadAll(), Numbered(1));
  for (const PortSet::Port& port : ports_.ports()) {
    if (port.vm == kDb) {
      EXPECT_THAT(port.port->last_error(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("in use")));
    }
  }
  // It is free again when the first one leaves.
  ports_.Update({{kDb, {{.path = Path("link")}}}});
  clock_.Advance(kNanosPerSecond);
  EXPECT_EQ(ports_.Deliver(kDb, Numbered(3)).sent, 1);
}

TEST_F(PortSetTest, OneStalledGuestHoldsUpNobody) {
  UnixVmEnd stalled(Path("stalled"));
  UnixVmEnd reads(Path("reads"));
  ports_.Update({{kWeb, {{.path = stalled.path()}, {.path = Path("absent")}}}, {kDb, {{.path = reads.path()}}}});
  for (uint64_t i = 1; i <= 30; ++i) {
    clock_.Advance(2 * kNanosPerSecond);
    const DeliveryCount web = ports_.Deliver(kWeb, Numbered(i));
    EXPECT_EQ(web.not_connected, 1);
    EXPECT_EQ(i == 1 ? web.sent : web.skipped_unread, 1);
    EXPECT_EQ(ports_.Deliver(kDb, Numbered(i)).sent, 1);
    EXPECT_EQ(reads.ReadAll(), Numbered(i));
  }
}

// What a guest sends waits for the look, and is taken in bites; a line of another is not held up by it.
TEST_F(PortSetTest, AFloodWaitsForTheLook) {
  UnixVmEnd floods(Path("floods"));
  UnixVmEnd reads(Path("reads"));
  ports_.Update({{kWeb, {{.path = floods.path()}}}, {kDb, {{.path = reads.path()}}}});
  const auto discarded = [this] {
    uint64_t bytes = 0;
    for (const PortSet::Port& port : ports_.ports()) bytes += port.port->counters().bytes_discarded;
    return bytes;
  };
  for (uint64_t i = 1; i <= 10; ++i) {
    const uint64_t before = discarded();
    EXPECT_EQ(ports_.Deliver(kWeb, Numbered(i)).sent, 1);
    EXPECT_EQ(ports_.Deliver(kDb, Numbered(i)).sent, 1);
    EXPECT_EQ(discarded(), before);
    floods.ReadAll();
    reads.ReadAll();
    floods.Flood();
    ports_.Look();
    EXPECT_GT(discarded(), before);
    EXPECT_LE(discarded(), before + 64 * 1024);
  }
}

TEST_F(PortSetTest, WaitsForReadersOfTheLastLine) {
  UnixVmEnd web(Path("web"));
  UnixVmEnd db(Path("db"));
  ports_.Update({{kWeb, {{.path = web.path()}}}, {kDb, {{.path = db.path()}}}});
  ports_.Deliver(kWeb, Numbered(1));
  ports_.Deliver(kDb, Numbered(1));
  db.ReadAll();
  const int64_t start_ns = clock_.NowNs();
  clock_.OnSleep([&](int64_t now_ns) {
    if (now_ns >= start_ns + 20 * kNanosPerMilli) web.ReadAll();
  });
  ports_.AwaitReaders(kNanosPerSecond);
  EXPECT_EQ(clock_.NowNs(), start_ns + 20 * kNanosPerMilli);

  // Everybody has read: at once. Somebody does not: until the limit.
  ports_.AwaitReaders(kNanosPerSecond);
  EXPECT_EQ(clock_.NowNs(), start_ns + 20 * kNanosPerMilli);
  clock_.OnSleep(nullptr);
  ports_.Deliver(kWeb, Numbered(2));
  ports_.AwaitReaders(100 * kNanosPerMilli);
  EXPECT_EQ(clock_.NowNs(), start_ns + 120 * kNanosPerMilli);
}

TEST(RandomEpochTest, Differs) {
  std::set<uint32_t> epochs;
  for (int i = 0; i < 100; ++i) epochs.insert(RandomEpoch());
  EXPECT_GT(epochs.size(), 95u);
}

}  // namespace
}  // namespace vrapl
