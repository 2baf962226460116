// VMs and libvirtd come and go while vrapl serves.
#include <algorithm>
#include <csignal>
#include <set>

#include "absl/strings/match.h"
#include "tests/guest/two_guests.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class LifecycleTest : public TwoGuests {
 protected:
  void SetUp() override {
    TwoGuests::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    ASSERT_TRUE(emulator_.ready());
  }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
};

std::string Epoch(const Flush& flush, const std::string& name) {
  const Json* vm = flush.vm(name);
  return vm == nullptr ? "" : (*vm)["epoch"].get<std::string>();
}

std::vector<Flush> From(const std::vector<Flush>& flushes, size_t first) {
  return {flushes.begin() + static_cast<std::ptrdiff_t>(std::min(first, flushes.size())), flushes.end()};
}

TEST_F(LifecycleTest, AVmThatIsStoppedAndStartedIsFollowed) {
  const absl::StatusOr<std::string> uuid = ada().Uuid();
  const absl::StatusOr<pid_t> first_pid = ada().Pid();
  ASSERT_THAT(uuid, IsOk());
  ASSERT_THAT(first_pid, IsOk());
  MarkConsoles();
  Serve serve({"serve", "--host-root=" + emulator_.root(), "--serial-port=1"});
  ASSERT_TRUE(serve.Await(3));
  const std::string first_epoch = Epoch(serve.flushes().front(), "ada");
  const std::string bobs_epoch = Epoch(serve.flushes().front(), "bob");
  EXPECT_EQ((*serve.flushes().front().vm("ada"))["id"], *uuid);

  ASSERT_THAT(ada().PullThePlug(), IsOk());
  const size_t stopped = serve.flushes().size();
  const std::optional<size_t> gone =
      serve.AwaitThat([](const Flush& flush) { return flush.vm("ada") == nullptr; }, stopped, stopped + 5);
  ASSERT_TRUE(gone.has_value()) << "ada has stopped and is still in the ledger";
  ASSERT_THAT(ada().StartAgain(), IsOk());
  const size_t started = serve.flushes().size();
  const std::optional<size_t> back =
      serve.AwaitThat([](const Flush& flush) { return flush.vm("ada") != nullptr; }, started, started + 5);
  ASSERT_TRUE(back.has_value()) << "ada runs again and is not in the ledger";
  ASSERT_THAT(ada().Booted(), IsOk());
  const size_t booted = serve.flushes().size();
  ASSERT_TRUE(serve.Await(booted + 5));
  absl::SleepFor(absl::Seconds(1));
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Seconds(1));

  // Its last flush says that it stopped, and still accounts for it.
  const Flush& final = flushes[*gone - 1];
  ASSERT_NE(final.vm("ada"), nullptr);
  EXPECT_EQ((*final.vm("ada"))["running"], false);
  EXPECT_EQ(SumOfVm(flushes[*gone].rows(), "package", "ada").rows, 0);
  const Flush& first = flushes[*back];
  const absl::StatusOr<GuestLine> line = ParseGuestLine((*first.vm("ada"))["line"].get<std::string>());
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->seq, 1u);
  EXPECT_NE(line->state & kLineWarm, 0u);
  EXPECT_NE(Epoch(first, "ada"), first_epoch);
  EXPECT_EQ((*first.vm("ada"))["id"], *uuid);
  EXPECT_NE((*first.vm("ada"))["pid"], *first_pid);
  EXPECT_EQ((*first.vm("ada"))["pid"], *ada().Pid());
  EXPECT_EQ(SumOfVm(first.rows(), "package", "ada").ticks > 0, true);
  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    EXPECT_EQ(Epoch(flush, "bob"), bobs_epoch);
  }
  Say("ada: PID %d, epoch %s, flushes 1 .. %d; then PID %d, epoch %s from flush %d on, seq %d, booted in flush %d",
      *first_pid, first_epoch, final.seq(), *ada().Pid(), Epoch(first, "ada"), first.seq(), line->seq,
      flushes[booted].seq());
  ExpectLinesTellTheLedger("ada", flushes);
  ExpectLinesTellTheLedger("bob", flushes);
  // Her new console holds what she has printed since. While she booted one line may have waited, and others not been
  // sent.
  const std::vector<Flush> second = From(flushes, *back);
  for (const char* port : {"ttyS1", "virtio"}) {
    const Received received = ReceivedBy(port, ada().Console());
    ASSERT_FALSE(received.values.empty()) << port;
    std::set<uint32_t> epochs;
    for (const GuestLine& value : received.values) epochs.insert(value.epoch);
    EXPECT_EQ(epochs.size(), 1u);
    EXPECT_TRUE(received.bad.empty()) << received.bad.front();
    size_t next = 0;
    for (size_t i = 0; i < received.values.size(); ++i) {
      while (next < second.size() && (*second[next].vm("ada"))["line"] != received.lines[i]) ++next;
      EXPECT_LT(next, second.size()) << "not in the ledger: " << received.lines[i];
      if (i >= 2) {
        EXPECT_EQ(received.values[i].seq, received.values[i - 1].seq + 1) << port;
      }
    }
    EXPECT_GE(received.values.size(), 5u);
    Say("ada %-6s: %d lines of the new epoch since she booted, seq %d, %d .. %d", port, received.values.size(),
        received.values[0].seq, received.values[1].seq, received.values.back().seq);
    ExpectEveryLine(bob(), port, SinceMark(bob()), flushes);
  }
}

TEST_F(LifecycleTest, WithoutLibvirtdLinesGoOnAndVmsMayEnd) {
  const std::string private_libvirt = std::string(VRAPL_SCRIPTS) + "/private-libvirt";
  MarkConsoles();
  Serve serve({"serve", "--host-root=" + emulator_.root(), "--serial-port=1"});
  ASSERT_TRUE(serve.Await(2));
  ASSERT_THAT(OutputOf({private_libvirt, "--stop-daemon"}), IsOk());
  const size_t without = serve.flushes().size();
  ASSERT_TRUE(serve.Await(without + 3));
  // A VM that ends is noticed even so, by its process.
  ASSERT_EQ(::kill(*ada().Pid(), SIGKILL), 0);
  const size_t killed = serve.flushes().size();
  const auto without_ada = [](const Flush& flush) { return flush.vm("ada") == nullptr; };
  const std::optional<size_t> gone = serve.AwaitThat(without_ada, killed, killed + 6);
  EXPECT_TRUE(gone.has_value()) << "ada has ended and is still in the ledger";
  ASSERT_THAT(OutputOf({private_libvirt, "--start-daemon"}), IsOk());
  const size_t again = serve.flushes().size();

  // Discovery works again, as soon as the daemon is back.
  const auto says = [](const char* what) {
    return [what](const Flush& flush) {
      for (const Json& problem : flush.json.value("problems", Json::array())) {
        if (absl::StrContains(problem.get<std::string>(), what)) return true;
      }
      return false;
    };
  };
  const std::optional<size_t> lost = serve.AwaitThat(says("VMs known so far are followed on"), 0, again);
  ASSERT_TRUE(lost.has_value()) << "nobody was told that libvirtd is away";
  ASSERT_THAT(ada().StartAgain(), IsOk());
  const std::optional<size_t> back =
      serve.AwaitThat([](const Flush& flush) { return flush.vm("ada") != nullptr; }, again, again + 20);
  const std::optional<size_t> answers = serve.AwaitThat(says("answers again"), again - 1, serve.flushes().size());
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Seconds(1));
  ASSERT_TRUE(back.has_value()) << "libvirtd is back, ada runs, and is not in the ledger";
  ASSERT_TRUE(answers.has_value()) << "nobody was told that libvirtd is back";

  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    EXPECT_EQ(Epoch(flush, "bob"), Epoch(flushes.front(), "bob"));
  }
  Say("libvirtd away from flush %d to %d; ada killed, out of the ledger in flush %d; libvirtd asked again in flush %d, "
      "ada "
      "back in flush %d; bob's lines went on:",
      flushes[*lost].seq(), flushes[again - 1].seq(), gone ? flushes[*gone].seq() : 0, flushes[*answers].seq(),
      flushes[*back].seq());
  for (const char* port : {"ttyS1", "virtio"}) ExpectEveryLine(bob(), port, SinceMark(bob()), flushes);
  ASSERT_THAT(ada().Booted(), IsOk());
}

}  // namespace
}  // namespace vrapl
