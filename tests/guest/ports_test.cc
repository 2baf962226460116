// What guests get from their ports: of a unix socket, a pty and a virtio channel, whether they read or not.
#include <algorithm>

#include "base/clock.h"
#include "tests/guest/two_guests.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class PortsTest : public TwoGuests {
 protected:
  void SetUp() override {
    TwoGuests::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    ASSERT_TRUE(emulator_.ready());
  }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
};

TEST_F(PortsTest, AGuestThatDoesNotReadForAMinuteGetsOneStaleLineAtMost) {
  MarkConsoles();
  Serve serve({"serve", "--host-root=" + emulator_.root(), "--serial-port=1"});
  ASSERT_TRUE(serve.Await(3));
  ASSERT_THAT(ada().Do("mute ttyS1"), IsOk());
  ASSERT_THAT(ada().Do("mute virtio"), IsOk());
  const int64_t muted_ns = MonotonicNs();
  const size_t muted_at = ada().Console().size();
  const size_t before = serve.flushes().size();
  ASSERT_TRUE(serve.AwaitThat([&](const Flush& flush) { return flush.arrived_ns - muted_ns >= 60 * kNanosPerSecond; },
                              before, before + 40));
  EXPECT_EQ(ada().Console().size(), muted_at) << "nobody reads, so nobody prints";

  const size_t reads_at = ada().Console().size();
  const uint64_t newest = serve.flushes().back().seq();  // what is newer than this is news
  ASSERT_THAT(ada().Do("read ttyS1"), IsOk());
  ASSERT_THAT(ada().Do("read virtio"), IsOk());
  const int64_t reads_ns = MonotonicNs();
  ASSERT_TRUE(serve.Await(newest + 6));
  absl::SleepFor(absl::Seconds(1));
  const std::string ada_after = ada().Console().substr(reads_at);
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Seconds(1));

  int skipped = 0;
  int64_t longest_ns = 0;
  int64_t latest_ns = 0;
  for (size_t i = 0; i < flushes.size(); ++i) {
    ASSERT_NE(flushes[i].vm("ada"), nullptr);
    skipped += (*flushes[i].vm("ada"))["delivery"]["skipped_unread"].get<int>();
    if (flushes[i].last()) break;
    longest_ns = std::max(longest_ns, flushes[i].dt_ns());
    latest_ns =
        std::max(latest_ns, flushes[i].arrived_ns - flushes[0].arrived_ns - (flushes[i].t_ns() - flushes[0].t_ns()));
  }
  Say("ada read nothing for %.1f s: %d lines were not sent to her; flushes took at most %.3f s, and were told %.0f ms "
      "late",
      static_cast<double>(reads_ns - muted_ns) * 1e-9, skipped, static_cast<double>(longest_ns) * 1e-9,
      static_cast<double>(latest_ns) * 1e-6);
  EXPECT_GE(skipped, 50) << "two ports, one line every 2 s, one of them waiting";
  EXPECT_LT(longest_ns, 2200 * kNanosPerMilli);

  for (const char* port : {"ttyS1", "virtio"}) {
    const Received received = ReceivedBy(port, ada_after);
    ASSERT_FALSE(received.values.empty()) << port;
    int stale = received.first_broken.empty() ? 0 : 1;  // opening a UART loses its first bytes
    std::vector<GuestLine> fresh;
    for (const GuestLine& line : received.values) {
      if (line.seq <= newest) {
        ++stale;
      } else {
        fresh.push_back(line);
      }
    }
    Say("ada %-6s: then %d stale line (seq %s), and %d fresh ones from seq %d on; %d torn", port, stale,
        received.first_broken.empty() ? absl::StrCat(received.values.front().seq) : "broken by opening", fresh.size(),
        fresh.empty() ? 0 : fresh.front().seq, received.bad.size());
    EXPECT_LE(stale, 1) << port;
    EXPECT_TRUE(received.bad.empty()) << received.bad.front();
    ASSERT_GE(fresh.size(), 3u) << port;
    EXPECT_LE(fresh.front().seq, newest + 2) << port;
    for (size_t i = 1; i < fresh.size(); ++i) EXPECT_EQ(fresh[i].seq, fresh[i - 1].seq + 1) << port;
    // Nothing is lost by not having read: the count goes on as the ledger has it.
    for (const Flush& flush : flushes) {
      const Json& vm = *flush.vm("ada");
      if (flush.seq() != fresh.front().seq) continue;
      EXPECT_EQ(*fresh.front().energy_uj, vm["total_energy_uj"].get<int64_t>() / 100'000 * 100'000);
    }
  }
  for (const char* port : {"ttyS1", "virtio"}) ExpectEveryLine(bob(), port, SinceMark(bob()), flushes);
  ExpectLinesTellTheLedger("ada", flushes);
}

// `vrapl VM_NAME SERIAL_PATH`: this port of this VM, and no other. Whoever started the QEMU: without libvirt it is
// found in /proc.
TEST_F(PortsTest, OneVmAndOnePortByHand) {
  struct Row {
    Guest& fed;
    const char* vms;
  };
  for (const auto& [fed_guest, vms] : {Row{bob(), "libvirt"}, Row{ada(), "libvirt"}, Row{bob(), "proc"}}) {
    Guest* const fed = &fed_guest;
    const Guest& other = fed == &ada() ? bob() : ada();
    const absl::StatusOr<std::string> path = fed->TtyS1();
    ASSERT_THAT(path, IsOk());
    MarkConsoles();
    Serve serve({fed->name(), *path, "--host-root=" + emulator_.root(), std::string("--vms=") + vms});
    ASSERT_TRUE(serve.Await(3)) << *path;
    absl::SleepFor(absl::Seconds(1));
    const std::vector<Flush> flushes = serve.Stop();
    absl::SleepFor(absl::Seconds(1));
    Say("%s by hand at %s, found by %s:", fed->name(), *path, vms);
    ExpectEveryLine(*fed, "ttyS1", SinceMark(*fed), flushes);
    EXPECT_TRUE(ReceivedBy("virtio", SinceMark(*fed)).lines.empty());
    for (const char* port : {"ttyS1", "virtio"}) {
      EXPECT_TRUE(ReceivedBy(port, SinceMark(other)).lines.empty()) << other.name() << " " << port;
    }
    for (const Flush& flush : flushes) {
      EXPECT_EQ((*flush.vm(fed->name()))["delivery"]["sent"], 1);
      EXPECT_EQ((*flush.vm(other.name()))["delivery"]["sent"], 0);
      ExpectRowsSumToCounters(flush);
    }
  }
}

}  // namespace
}  // namespace vrapl
