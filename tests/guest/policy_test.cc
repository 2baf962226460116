// What a VM may be told, changed while it runs: by its libvirt metadata and by a file, with what the guests got.
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/guest/host_end.h"
#include "tests/guest/two_guests.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

class PolicyTest : public TwoGuests {
 protected:
  void SetUp() override {
    TwoGuests::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    ASSERT_TRUE(emulator_.ready());
  }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
  TempDir policies_;
};

std::string LineOf(const Flush& flush, const std::string& name) {
  const Json* vm = flush.vm(name);
  return vm == nullptr ? "" : (*vm)["line"].get<std::string>();
}

TEST_F(PolicyTest, MetadataAndFilesHoldFromTheNextFlushAndForTheirVmAlone) {
  MarkConsoles();
  Serve serve({"serve", "--host-root=" + emulator_.root(), "--serial-port=1", "--policy-dir=" + policies_.path()});
  ASSERT_TRUE(serve.Await(2));
  ASSERT_THAT(ada().Virsh("metadata", {"--uri", "https://vrapl.org/xmlns/guest/1", "--key", "vrapl", "--live", "--set",
                                       "<power period='4s' quantum='1J' fields='energy' domains='package'/>"}),
              IsOk());
  const size_t set = serve.flushes().size();
  const auto other_epoch = [&](const Flush& flush) {
    const Json* vm = flush.vm("ada");
    return vm != nullptr && (*vm)["epoch"] != (*serve.flushes().front().vm("ada"))["epoch"];
  };
  const std::optional<size_t> changed = serve.AwaitThat(other_epoch, set, set + 5);
  ASSERT_TRUE(changed.has_value()) << "the metadata are not heeded";
  ASSERT_TRUE(serve.Await(*changed + 6));

  // By name; the file is found at the next look, 5 s later at most.
  std::ofstream(policies_.path() + "/bob.conf") << "deliver = off\n";
  const size_t off = serve.flushes().size();
  const std::optional<size_t> silent =
      serve.AwaitThat([](const Flush& flush) { return LineOf(flush, "bob").empty(); }, off, off + 6);
  ASSERT_TRUE(silent.has_value()) << "the file is not heeded";
  ASSERT_TRUE(serve.Await(*silent + 2));
  const std::string bob_after = bob().Console();
  std::filesystem::remove(policies_.path() + "/bob.conf");
  const size_t on = serve.flushes().size();
  const std::optional<size_t> again =
      serve.AwaitThat([](const Flush& flush) { return !LineOf(flush, "bob").empty(); }, on, on + 6);
  ASSERT_TRUE(again.has_value()) << "the file is gone and still heeded";
  ASSERT_TRUE(serve.Await(*again + 2));
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Seconds(1));

  // Ada: every second flush has a line, of package energy in whole joules, and nothing else of her energy.
  int64_t package_uj = 0;
  std::set<std::string> told;
  uint64_t seq = 0;
  for (size_t i = *changed; i < flushes.size(); ++i) {
    package_uj += SumOfVm(flushes[i].rows(), "package", "ada").energy_uj;
    const std::string text = LineOf(flushes[i], "ada");
    if (!flushes[i].last()) {
      EXPECT_EQ(text.empty(), (i - *changed) % 2 == 0) << i;
    }
    if (text.empty()) continue;
    told.insert(text);
    const absl::StatusOr<GuestLine> line = ParseGuestLine(text);
    ASSERT_THAT(line, IsOk());
    EXPECT_EQ(line->seq, ++seq);
    EXPECT_EQ(line->quantum_uj, 1'000'000);
    EXPECT_EQ(*line->energy_uj, package_uj / 1'000'000 * 1'000'000);
    EXPECT_FALSE(line->active_uj || line->err_uj || line->run_time_ns);
    if (!flushes[i].last()) {
      EXPECT_NEAR(static_cast<double>(line->dt_us), 4e6, 2e5);
    }
  }
  EXPECT_GE(seq, 5u);
  for (const char* port : {"ttyS1", "virtio"}) {
    const Received received = ReceivedBy(port, SinceMark(ada()));
    EXPECT_TRUE(received.bad.empty()) << received.bad.front();
    size_t of_policy = 0;
    for (const std::string& line : received.lines) of_policy += told.count(line);
    EXPECT_GE(of_policy + 1, told.size()) << port << ": the last one may be lost as the port closes";
    Say("ada %-6s: %d lines, %d of them by her policy (%d told)", port, received.lines.size(), of_policy, told.size());
  }

  // Bob: nothing while he had opted out, and then a new epoch; his energy was in the ledger all the time.
  size_t untold = 0;
  for (size_t i = *silent; i < *again; ++i) {
    EXPECT_EQ(LineOf(flushes[i], "bob"), "");
    EXPECT_GT(SumOfVm(flushes[i].rows(), "package", "bob").rows, 0);
    ++untold;
  }
  EXPECT_NE((*flushes[*again].vm("bob"))["epoch"], (*flushes.front().vm("bob"))["epoch"]);
  EXPECT_EQ(ParseGuestLine(LineOf(flushes[*again], "bob"))->seq, 1u);
  const Received to_the_end = ReceivedBy("ttyS1", SinceMark(bob()));
  EXPECT_TRUE(to_the_end.bad.empty());
  uint64_t last_before = 0;
  for (const GuestLine& line : ReceivedBy("ttyS1", bob_after).values) last_before = line.seq;
  EXPECT_LE(last_before, *silent) << "no line came while he was told nothing";
  EXPECT_GE(last_before + 1, *silent) << "and all until then";
  Say("bob: told nothing for %d flushes, then a new epoch", untold);
  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
  ASSERT_THAT(ada().Virsh("metadata", {"--uri", "https://vrapl.org/xmlns/guest/1", "--live", "--remove"}), IsOk());
}

}  // namespace
}  // namespace vrapl
