// What happens to a VM, to libvirtd and to vrapl while lines are told: a pause, a reset, a save, new vCPUs, a port that
// comes and goes, a daemon that is killed, and vrapl started anew.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <set>

#include "absl/strings/match.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "tests/guest/two_guests.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr int64_t kPeriodNs = 2 * kNanosPerSecond;

class TransitionsTest : public TwoGuests {
 protected:
  void SetUp() override {
    TwoGuests::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    ASSERT_TRUE(emulator_.ready());
  }
  std::vector<std::string> Words() const { return {"serve", "--host-root=" + emulator_.root(), "--serial-port=1"}; }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
};

std::string Epoch(const Flush& flush, const std::string& name) {
  const Json* vm = flush.vm(name);
  return vm == nullptr ? "" : (*vm)["epoch"].get<std::string>();
}

absl::StatusOr<GuestLine> LineOf(const Flush& flush, const std::string& name) {
  const Json* vm = flush.vm(name);
  if (vm == nullptr) return absl::NotFoundError(name + " is not in the flush");
  return ParseGuestLine((*vm)["line"].get<std::string>());
}

std::vector<Flush> Part(const std::vector<Flush>& flushes, size_t begin, size_t end = SIZE_MAX) {
  end = std::min(end, flushes.size());
  return {flushes.begin() + static_cast<std::ptrdiff_t>(std::min(begin, end)),
          flushes.begin() + static_cast<std::ptrdiff_t>(end)};
}

bool Has(const Flush& flush, const std::string& name) { return flush.vm(name) != nullptr; }

// A VM that was stopped and started again within one flush stands in it twice.
bool HasRun(const Flush& flush, const std::string& name, pid_t pid) {
  const Json& vms = flush.json["vms"];
  return std::any_of(vms.begin(), vms.end(), [&](const Json& vm) { return vm["name"] == name && vm["pid"] == pid; });
}

bool SaysProblem(const Flush& flush, absl::string_view what) {
  const Json problems = flush.json.value("problems", Json::array());
  return std::any_of(problems.begin(), problems.end(),
                     [&](const Json& problem) { return absl::StrContains(problem.get<std::string>(), what); });
}

// Until `holds`, for a minute and a half at most.
bool AwaitUntil(const std::function<bool()>& holds) {
  for (const int64_t end_ns = MonotonicNs() + 90 * kNanosPerSecond; MonotonicNs() < end_ns;) {
    if (holds()) return true;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return false;
}

// Until the guest has printed the last line that the ledger has sent it on each of `ports`; what it printed from `from`
// on.
std::string AwaitNewest(const Guest& guest, const std::vector<std::string>& ports, const Flush& newest, size_t from) {
  const std::string line = (*newest.vm(guest.name()))["line"].get<std::string>();
  for (const std::string& port : ports) {
    EXPECT_TRUE(AwaitUntil([&] { return absl::StrContains(guest.Console().substr(from), port + ": " + line + "\n"); }))
        << guest.name() << " has not got on " << port << ": " << line;
  }
  return guest.Console().substr(from);
}

// How many of these lines are of flushes that came between the two instants.
int CountWithin(const Received& received, const std::vector<Flush>& flushes, const std::string& name, int64_t begin_ns,
                int64_t end_ns) {
  std::set<std::string> within;
  for (const Flush& flush : flushes) {
    if (Has(flush, name) && flush.arrived_ns > begin_ns && flush.arrived_ns < end_ns)
      within.insert((*flush.vm(name))["line"]);
  }
  return static_cast<int>(std::count_if(received.lines.begin(), received.lines.end(),
                                        [&](const std::string& line) { return within.contains(line); }));
}

const std::vector<std::string> kPorts = {"ttyS1", "virtio"};

// A pause and a reset leave the process, and so the epoch; a save ends it, and what is restored is a new one.
TEST_F(TransitionsTest, PausedSavedRestoredAndReset) {
  MarkConsoles();
  Serve serve(Words());
  ASSERT_TRUE(serve.Await(3));
  const pid_t pid = *ada().Pid();

  // Both pause.
  ASSERT_THAT(ada().Virsh("suspend"), IsOk());
  ASSERT_THAT(bob().Virsh("suspend"), IsOk());
  const int64_t paused_ns = MonotonicNs();
  ASSERT_TRUE(serve.Await(serve.flushes().size() + 6));
  const int64_t resumed_ns = MonotonicNs();
  ASSERT_THAT(ada().Virsh("resume"), IsOk());
  ASSERT_THAT(bob().Virsh("resume"), IsOk());
  ASSERT_TRUE(serve.Await(serve.flushes().size() + 3));
  AwaitNewest(ada(), kPorts, serve.flushes().back(), 0);
  const std::string ada_until_saved = SinceMark(ada());  // her console begins anew when she is restored

  // Ada is saved.
  ASSERT_THAT(ada().Virsh("managedsave"), IsOk());
  const size_t saved = serve.flushes().size();
  const std::optional<size_t> gone =
      serve.AwaitThat([](const Flush& flush) { return !Has(flush, "ada"); }, saved - 1, saved + 5);
  ASSERT_TRUE(gone.has_value()) << "ada has been saved and is still in the ledger";
  ASSERT_THAT(ada().StartAgain(), IsOk());
  const int64_t restored_ns = MonotonicNs();
  const std::optional<size_t> back =
      serve.AwaitThat([](const Flush& flush) { return Has(flush, "ada"); }, *gone, *gone + 8);
  ASSERT_TRUE(back.has_value()) << "ada has been restored and is not in the ledger";
  const pid_t restored_pid = *ada().Pid();
  ASSERT_TRUE(serve.Await(*back + 4));
  const std::string ada_restored = AwaitNewest(ada(), kPorts, serve.flushes().back(), 0);

  // Ada is reset, and then reboots by herself: her kernel boots again in the same process.
  struct Reboot {
    std::string how;
    Flush before;
    std::string console;  // since she was up again
  };
  std::vector<Reboot> reboots = {{.how = "reset"}, {.how = "rebooted from within"}};
  for (Reboot& reboot : reboots) {
    reboot.before = serve.flushes().back();
    const size_t from = ada().Console().size();
    ASSERT_THAT(reboot.how == "reset" ? ada().Virsh("reset").status() : ada().Do("reboot"), IsOk());
    const std::string ready = "VRAPL-GUEST-READY\n";
    ASSERT_TRUE(AwaitUntil([&] { return absl::StrContains(ada().Console().substr(from), ready); })) << reboot.how;
    const size_t up = ada().Console().find(ready, from);
    ASSERT_TRUE(serve.Await(serve.flushes().size() + 3));
    reboot.console = AwaitNewest(ada(), kPorts, serve.flushes().back(), up);
    EXPECT_EQ(*ada().Pid(), restored_pid) << "one that has " << reboot.how << " is not a new process";
  }
  AwaitNewest(bob(), kPorts, serve.flushes().back(), 0);
  const std::vector<Flush> flushes = serve.Stop();
  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
  ExpectLinesTellTheLedger("ada", flushes);
  ExpectLinesTellTheLedger("bob", flushes);

  // The pause: at most one line waited at a serial port, the others were not written; the epoch went on.
  const std::vector<Flush> first_run = Part(flushes, 0, *gone);
  for (const Guest* guest : {&ada(), &bob()}) {
    const std::string console = guest == &ada() ? ada_until_saved : SinceMark(bob());
    const std::vector<Flush>& told = guest == &ada() ? first_run : flushes;
    const std::vector<Received> received = ExpectGapsAreSkips(*guest, kPorts, console, told);
    const int tty = CountWithin(received[0], told, guest->name(), paused_ns, resumed_ns);
    const int virtio = CountWithin(received[1], told, guest->name(), paused_ns, resumed_ns);
    Say("%s paused for %.1f s: of the lines of that time it got %d on ttyS1 and %d on virtio, afterwards",
        guest->name(), static_cast<double>(resumed_ns - paused_ns) * 1e-9, tty, virtio);
    EXPECT_LE(tty, 1);
    EXPECT_LE(virtio, 1);
    int skipped = 0;
    for (const Flush& flush : told) skipped += (*flush.vm(guest->name()))["delivery"]["skipped_unread"].get<int>();
    EXPECT_GE(skipped, 8) << "two ports, six flushes, one line waiting in each";
    for (const Flush& flush : told) EXPECT_EQ(Epoch(flush, guest->name()), Epoch(flushes.front(), guest->name()));
  }

  // The save: the last interval is settled, and another process begins another epoch.
  const Flush& final = flushes[*gone - 1];
  EXPECT_EQ((*final.vm("ada"))["running"], false);
  EXPECT_EQ(SumOfVm(flushes[*gone].rows(), "package", "ada").rows, 0);
  const Flush& first = flushes[*back];
  EXPECT_NE(restored_pid, pid);
  EXPECT_EQ((*first.vm("ada"))["pid"], restored_pid);
  EXPECT_NE(Epoch(first, "ada"), Epoch(final, "ada"));
  const absl::StatusOr<GuestLine> warm = LineOf(first, "ada");
  ASSERT_THAT(warm, IsOk());
  EXPECT_EQ(warm->seq, 1u);
  EXPECT_NE(warm->state & kLineWarm, 0u);
  EXPECT_LT(first.arrived_ns - restored_ns, 2 * kPeriodNs);
  Say("ada saved: PID %d, epoch %s, last in flush %d (running=false, seq %d, %d uJ); restored: PID %d, epoch %s, "
      "seq %d in flush %d, %.1f s after she was",
      pid, Epoch(final, "ada"), final.seq(), LineOf(final, "ada")->seq,
      (*final.vm("ada"))["total_energy_uj"].get<int64_t>(), restored_pid, Epoch(first, "ada"), warm->seq, first.seq(),
      static_cast<double>(first.arrived_ns - restored_ns) * 1e-9);
  ExpectGapsAreSkips(ada(), kPorts, ada_restored, Part(flushes, *back));

  // Reset and reboot: nothing begins anew, and what she got since is what the ledger went on with.
  const std::vector<Flush> second_run = Part(flushes, *back);
  for (const Flush& flush : second_run) EXPECT_EQ(Epoch(flush, "ada"), Epoch(first, "ada"));
  for (const Reboot& reboot : reboots) {
    const absl::StatusOr<GuestLine> before = LineOf(reboot.before, "ada");
    ASSERT_THAT(before, IsOk());
    for (const Received& received : ExpectGapsAreSkips(ada(), kPorts, reboot.console, second_run)) {
      ASSERT_FALSE(received.values.empty());
      EXPECT_GT(received.values.front().seq, before->seq);
      EXPECT_GE(received.values.front().energy_uj, before->energy_uj);
      Say("ada %s in PID %d: before it seq %d, %d uJ; her first line since is seq %d, %d uJ", reboot.how, restored_pid,
          before->seq, *before->energy_uj, received.values.front().seq, *received.values.front().energy_uj);
    }
  }
}

TEST_F(TransitionsTest, VcpusAndAPortComeAndGo) {
  absl::StatusOr<std::unique_ptr<Guest>> started = Guest::Start("eve", {"--max-vcpus", "2"});
  ASSERT_THAT(started, IsOk());
  Guest& eve = **started;
  ASSERT_THAT(eve.Booted(), IsOk());
  MarkConsoles();
  Serve serve(Words());
  ASSERT_TRUE(serve.Await(2));
  EXPECT_EQ((*serve.flushes().back().vm("eve"))["vcpus"], 1);

  ASSERT_THAT(eve.Virsh("setvcpus", {"2", "--live"}), IsOk());
  const size_t plugged = serve.flushes().size();
  const std::optional<size_t> grown =
      serve.AwaitThat([](const Flush& flush) { return (*flush.vm("eve"))["vcpus"] == 2; }, plugged, plugged + 5);
  ASSERT_TRUE(grown.has_value()) << "eve has another vCPU that the ledger does not know";
  ASSERT_THAT(eve.Do("online"), IsOk());
  ASSERT_THAT(eve.Do("busy 2"), IsOk());
  const size_t busy = serve.flushes().size();
  ASSERT_TRUE(serve.Await(busy + 2));
  ASSERT_THAT(eve.Do("idle"), IsOk());
  const Flush at_work = serve.flushes()[busy + 1];
  Say("eve: 2 vCPUs from flush %d on, %d flushes after she got the second; both at work: %.2f CPUs, %d uJ in a flush",
      *grown + 1, *grown + 1 - plugged,
      static_cast<double>(SumOfVm(at_work.rows(), "package", "eve").run_ns) / static_cast<double>(at_work.dt_ns()),
      SumOfVm(at_work.rows(), "package", "eve").energy_uj);
  EXPECT_EQ(LineOf(at_work, "eve")->vcpus, 2);

  // Her channel goes, and comes back.
  const auto sent = [](int count) {
    return [count](const Flush& flush) { return (*flush.vm("eve"))["delivery"]["sent"] == count; };
  };
  ASSERT_THAT(OutputOf({VRAPL_PROGRAM, "detach", "eve"}), IsOk());
  const size_t detached = serve.flushes().size();
  const std::optional<size_t> without = serve.AwaitThat(sent(1), detached, detached + 4);
  ASSERT_TRUE(without.has_value()) << "eve's channel is gone, and is written to";
  ASSERT_TRUE(serve.Await(*without + 2));
  const size_t without_channel = eve.Console().size();
  ASSERT_THAT(OutputOf({VRAPL_PROGRAM, "attach", "eve"}), IsOk());
  const size_t attached = serve.flushes().size();
  const std::optional<size_t> with = serve.AwaitThat(sent(2), attached, attached + 4);
  ASSERT_TRUE(with.has_value()) << "eve has a channel again, and it is not written to";
  ASSERT_TRUE(serve.Await(*with + 3));
  const std::string since = AwaitNewest(eve, kPorts, serve.flushes().back(), without_channel);
  for (const Guest* guest : {&ada(), &bob()}) AwaitNewest(*guest, kPorts, serve.flushes().back(), 0);
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Milliseconds(300));  // the last line, which is sent as the ports close

  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    for (const char* name : {"ada", "bob", "eve"}) EXPECT_EQ(Epoch(flush, name), Epoch(flushes.front(), name));
  }
  for (const char* name : {"ada", "bob", "eve"}) ExpectLinesTellTheLedger(name, flushes);
  EXPECT_EQ(LineOf(flushes[plugged - 1], "eve")->vcpus, 1);
  Say("eve's channel: detached, one port in flush %d (%d after); attached, two in flush %d (%d after)",
      flushes[*without].seq(), *without + 1 - detached, flushes[*with].seq(), *with + 1 - attached);
  for (const std::string& port : kPorts) {
    ExpectEveryLine(ada(), port, SinceMark(ada()), flushes);
    ExpectEveryLine(bob(), port, SinceMark(bob()), flushes);
  }
  ExpectEveryLine(eve, "ttyS1", eve.Console(), flushes);
  // The lines of the new channel begin with those of the flush that first wrote to it.
  const Received channel = ExpectGapsAreSkips(eve, {"virtio"}, since, Part(flushes, *with)).front();
  ASSERT_FALSE(channel.values.empty());
  EXPECT_EQ(channel.values.front().seq, LineOf(flushes[*with], "eve")->seq);
}

// vrapl goes on with what it knows. When the daemon answers again it is asked at once.
TEST_F(TransitionsTest, LibvirtdIsKilledTenTimes) {
  const std::string private_libvirt = std::string(VRAPL_SCRIPTS) + "/private-libvirt";
  MarkConsoles();
  Serve serve(Words());
  ASSERT_TRUE(serve.Await(2));
  double longest_s = 0;
  size_t told = serve.flushes().size();
  for (int round = 1; round <= 10; ++round) {
    const bool ada_starts = round % 5 == 0;
    if (ada_starts) {
      ASSERT_THAT(ada().PullThePlug(), IsOk());
    }
    const absl::StatusOr<int64_t> daemon = ReadNumberFile("/run/libvirt/libvirtd.pid");
    ASSERT_THAT(daemon, IsOk());
    ASSERT_EQ(::kill(static_cast<pid_t>(*daemon), SIGKILL), 0);
    // Every other time there is a flush without a daemon; the last time so many that vrapl has begun to ask seldom.
    if (round % 2 == 0) {
      ASSERT_TRUE(serve.Await(serve.flushes().size() + (round == 10 ? 5 : 1)));
    }
    ASSERT_THAT(OutputOf({private_libvirt, "--start-daemon"}), IsOk());
    const int64_t answers_ns = MonotonicNs();
    const auto within = [&](int64_t since_ns, size_t index, const char* what) {
      const double seconds = static_cast<double>(serve.flushes()[index].arrived_ns - since_ns) * 1e-9;
      EXPECT_LT(seconds, static_cast<double>(2 * kPeriodNs) * 1e-9) << what << ", round " << round;
      return seconds;
    };
    double found_s = 0;
    if (ada_starts) {
      ASSERT_THAT(ada().StartAgain(), IsOk());
      const int64_t started_ns = MonotonicNs();
      const std::optional<size_t> back = serve.AwaitThat(
          [pid = *ada().Pid()](const Flush& flush) { return HasRun(flush, "ada", pid); }, told, told + 20);
      ASSERT_TRUE(back.has_value()) << "ada runs and is not in the ledger, round " << round;
      found_s = within(started_ns, *back, "ada is found");
    }
    const std::optional<size_t> again =
        serve.AwaitThat([](const Flush& flush) { return SaysProblem(flush, "answers again"); }, told, told + 20);
    ASSERT_TRUE(again.has_value()) << "libvirtd answers, and vrapl has not asked; round " << round;
    longest_s = std::max(longest_s, within(answers_ns, *again, "the daemon is asked again"));
    told = *again + 1;
    if (ada_starts) {
      Say("round %d: ada started while libvirtd was up again, and stood in a flush %.1f s later", round, found_s);
    }
  }
  AwaitNewest(bob(), kPorts, serve.flushes().back(), 0);
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Milliseconds(300));  // the last line, which is sent as the ports close

  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    EXPECT_EQ(Epoch(flush, "bob"), Epoch(flushes.front(), "bob"));
  }
  Say("libvirtd killed 10 times; each time a flush said within %.1f s of its answering that it answers again",
      longest_s);
  ExpectLinesTellTheLedger("ada", flushes);
  ExpectLinesTellTheLedger("bob", flushes);
  for (const std::string& port : kPorts) ExpectEveryLine(bob(), port, SinceMark(bob()), flushes);
  ASSERT_THAT(ada().Booted(), IsOk());
}

TEST_F(TransitionsTest, VraplIsStartedAnew) {
  ASSERT_THAT(ada().Do("busy 1"), IsOk());
  const size_t ada_begin = ada().Console().size();
  const size_t bob_begin = bob().Console().size();
  std::set<std::string> epochs;
  for (const int run : {1, 2}) {
    MarkConsoles();
    Serve serve(Words());
    ASSERT_TRUE(serve.Await(4));
    for (const Guest* guest : {&ada(), &bob()}) AwaitNewest(*guest, kPorts, serve.flushes().back(), 0);
    const std::vector<Flush> flushes = serve.Stop();
    absl::SleepFor(absl::Milliseconds(300));  // the last line, which is sent as the ports close
    for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
    for (const Guest* guest : {&ada(), &bob()}) {
      epochs.insert(Epoch(flushes.front(), guest->name()));
      const absl::StatusOr<GuestLine> first = LineOf(flushes.front(), guest->name());
      ASSERT_THAT(first, IsOk());
      EXPECT_EQ(first->seq, 1u);
      EXPECT_NE(first->state & kLineWarm, 0u);
      EXPECT_LE(*first->energy_uj, (*flushes.front().vm(guest->name()))["energy_uj"].get<int64_t>());
      ExpectLinesTellTheLedger(guest->name(), flushes);
      for (const std::string& port : kPorts) {
        ExpectEveryLine(*guest, port, SinceMark(*guest), flushes);
        double told_uj = 0;
        double may_differ_uj = 0;
        const Received received = ReceivedBy(port, SinceMark(*guest));
        ASSERT_FALSE(received.values.empty());
        for (const GuestLine& line : received.values) {
          if (line.seq == received.values.front().seq && line.seq != 1) continue;
          told_uj += 1e-3 * static_cast<double>(*line.power_mw) * static_cast<double>(line.dt_us);
          may_differ_uj += 0.0005 * static_cast<double>(line.dt_us);
        }
        const int64_t base_uj = received.values.front().seq == 1 ? 0 : *received.values.front().energy_uj;
        const int64_t energy_uj = *received.values.back().energy_uj - base_uj;
        EXPECT_NEAR(told_uj, static_cast<double>(energy_uj), may_differ_uj);
        Say("run %d, %s %-6s: epoch %s, seq %d .. %d, power x time %.3f J, energy %.3f J, at most %.3f J apart", run,
            guest->name(), port, Epoch(flushes.front(), guest->name()), received.values.front().seq,
            received.values.back().seq, told_uj * 1e-6, static_cast<double>(energy_uj) * 1e-6, may_differ_uj * 1e-6);
      }
    }
  }
  EXPECT_EQ(epochs.size(), 4u) << "two VMs in two runs";
  // Across the change, too, the guests saw whole lines only.
  for (const std::string& port : kPorts) {
    for (const std::string& console : {ada().Console().substr(ada_begin), bob().Console().substr(bob_begin)}) {
      const Received received = ReceivedBy(port, console);
      EXPECT_TRUE(received.bad.empty()) << received.bad.front();
      EXPECT_EQ(received.first_broken, "");
    }
  }
}

}  // namespace
}  // namespace vrapl
