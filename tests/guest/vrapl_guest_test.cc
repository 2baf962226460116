// vrapl-guest in a real guest: the line that it prints there is the host's ledger's, and the packaged node_exporter
// reads the tree that it keeps.
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/guest/guest.h"
#include "tests/guest/serve.h"
#include "tests/guest/two_guests.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class VraplGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("guest");
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    ASSERT_TRUE(emulator_.ready());
    ASSERT_THAT(OutputOf({VRAPL_SCRIPTS "/guest-image"}), IsOk());
    const absl::StatusOr<std::string> image =
        OutputOf({VRAPL_SCRIPTS "/guest-tools-image", "--program", VRAPL_GUEST_PROGRAM});
    ASSERT_THAT(image, IsOk());
    absl::StatusOr<std::unique_ptr<Guest>> guest =
        Guest::Start("ada", {"--memory", "512", "--image", std::string(absl::StripTrailingAsciiWhitespace(*image))});
    ASSERT_THAT(guest, IsOk());
    guest_ = *std::move(guest);
    ASSERT_THAT(guest_->Booted(), IsOk());
    // vrapl-guest is to be the ports' only reader.
    ASSERT_THAT(guest_->Do("mute ttyS1"), IsOk());
    ASSERT_THAT(guest_->Do("mute virtio"), IsOk());
  }

  // What a program in the guest printed.
  std::vector<std::string> Run(const std::string& program) {
    const size_t before = guest_->Console().size();
    EXPECT_THAT(guest_->Do("run " + program), IsOk()) << guest_->Console().substr(before);
    std::vector<std::string> printed;
    const std::string console = guest_->Console().substr(before);
    for (absl::string_view line : absl::StrSplit(console, '\n')) {
      if (absl::ConsumePrefix(&line, program + ": ")) printed.emplace_back(line);
    }
    for (const std::string& line : printed) Say("%s: %s", program, line);
    return printed;
  }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
  std::unique_ptr<Guest> guest_;
};

// The lines of the ledger, as texts.
std::vector<std::string> LinesOf(const std::vector<Flush>& flushes) {
  std::vector<std::string> lines;
  for (const Flush& flush : flushes) {
    if (const Json* vm = flush.vm("ada"); vm != nullptr) lines.push_back((*vm)["line"].get<std::string>());
  }
  return lines;
}

std::vector<int64_t> EnergiesOf(const std::vector<Flush>& flushes) {
  std::vector<int64_t> energies_uj;
  for (const std::string& text : LinesOf(flushes)) {
    const absl::StatusOr<GuestLine> line = ParseGuestLine(text);
    if (line.ok() && line->energy_uj.has_value()) energies_uj.push_back(*line->energy_uj);
  }
  return energies_uj;
}

int64_t LastEnergyUj(const std::vector<Flush>& flushes) {
  const std::vector<int64_t> energies_uj = EnergiesOf(flushes);
  return energies_uj.empty() ? 0 : energies_uj.back();
}

TEST_F(VraplGuestTest, ToolsInTheGuestReadWhatTheHostsLedgerSays) {
  ASSERT_THAT(guest_->Do("busy 1"), IsOk());
  // With a base power that is given, active energy is known from the start.
  const std::vector<std::string> command = {"serve", "--host-root=" + emulator_.root(), "--serial-port=1",
                                            "--base-power=package=20W,dram=2W"};
  std::optional<Serve> host(command);
  Serve& serve = *host;
  ASSERT_TRUE(serve.Await(2));

  const std::vector<std::string> once = Run("once");
  ASSERT_THAT(once, SizeIs(3)) << "the port that was found, and a line of each port";
  EXPECT_EQ(once[0], "/dev/virtio-ports/org.vrapl.power.0\tthe virtio channel");
  EXPECT_THAT(LinesOf(serve.flushes()), Contains(once[1]));
  EXPECT_THAT(LinesOf(serve.flushes()), Contains(once[2]));

  const std::vector<std::string> served = Run("serve");
  EXPECT_THAT(served,
              ElementsAre("name:package-0", "max_energy_range_uj:9007199254740991", "enabled:1", "vrapl_guest_up 1"));

  // The counter that a tool of Debian's shows, in joules, is the line's, and the line is the ledger's.
  const std::vector<std::string> exported = Run("exporter");
  std::string line;
  int compared = 0;
  for (const std::string& row : exported) {
    absl::string_view rest = row;
    if (absl::ConsumePrefix(&rest, "line ")) {
      line = std::string(rest);
      EXPECT_THAT(LinesOf(serve.flushes()), Contains(line));
    } else if (absl::StartsWith(row, "node_rapl_package_joules_total{")) {
      const absl::StatusOr<GuestLine> value = ParseGuestLine(line);
      ASSERT_THAT(value, IsOk()) << line;
      double joules = 0;
      ASSERT_TRUE(absl::SimpleAtod(row.substr(row.rfind(' ') + 1), &joules)) << row;
      EXPECT_NEAR(joules * 1e6, static_cast<double>(value->energy_uj.value()), 0.5) << row;
      EXPECT_THAT(row, HasSubstr("index=\"0\""));
      ++compared;
    } else {
      EXPECT_EQ(row, "node_scrape_collector_success{collector=\"rapl\"} 1");
    }
  }
  EXPECT_EQ(compared, 3);

  // The guest is idle but for what is measured.
  ASSERT_THAT(guest_->Do("idle"), IsOk());
  const std::vector<std::string> run = Run("run");
  ASSERT_THAT(run, SizeIs(5));
  EXPECT_THAT(run[0], HasSubstr("energy per run"));
  EXPECT_THAT(run[0], HasSubstr("EMULATED"));
  EXPECT_THAT(run[3], HasSubstr("above its part of the idle floor"));
  EXPECT_EQ(run[4], "exit code 0");

  const std::vector<std::string> top = Run("top");
  ASSERT_THAT(top, SizeIs(2));
  const Json table = Json::parse(top[1]);
  int64_t sum_uj = 0;
  for (const Json& row : table["rows"]) sum_uj += row["energy_uj"].get<int64_t>();
  EXPECT_EQ(sum_uj, table["energy_uj"]);
  EXPECT_EQ(table["rows"][0]["name"], "sh") << "the loop";
  EXPECT_GT(table["rows"][0]["energy_uj"].get<int64_t>(), sum_uj / 2);

  const std::vector<Flush> flushes = serve.Stop();
  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);

  // No host: no counter that stands still. The host again: a new epoch, and the counter goes on from where it was.
  EXPECT_THAT(Run("stale"), ElementsAre("socket", "state", "sys", "vrapl_guest_up 0"));
  const int64_t before_uj = LastEnergyUj(flushes);
  host.emplace(command);
  ASSERT_TRUE(host->Await(2));
  const std::vector<std::string> again = Run("again");
  ASSERT_THAT(again, SizeIs(4));
  EXPECT_THAT(LinesOf(host->flushes()), Contains(again[0].substr(5)));
  const absl::StatusOr<GuestLine> line_again = ParseGuestLine(again[0].substr(5));
  ASSERT_THAT(line_again, IsOk());
  // The last lines of the old epoch may not have been read; what they told is not known to the guest.
  int64_t counter_uj = 0;
  ASSERT_TRUE(absl::SimpleAtoi(again[1].substr(8), &counter_uj));
  const int64_t of_old_epoch_uj = counter_uj - line_again->energy_uj.value();
  EXPECT_LE(of_old_epoch_uj, before_uj);
  EXPECT_THAT(EnergiesOf(flushes), Contains(of_old_epoch_uj));
  EXPECT_GT(of_old_epoch_uj, before_uj - 200'000'000);
  EXPECT_THAT(again, Contains("vrapl_guest_epochs_total 2"));
}

}  // namespace
}  // namespace vrapl
