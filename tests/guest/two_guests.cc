#include "tests/guest/two_guests.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "delivery/guest_line_maker.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {

std::unique_ptr<Guest> TwoGuests::ada_;
std::unique_ptr<Guest> TwoGuests::bob_;

void TwoGuests::SetUp() {
  VRAPL_NEEDS("guest");
  VRAPL_NEEDS("fuse");
  VRAPL_NEEDS("kernel");
  if (ada_ == nullptr) {
    absl::StatusOr<std::unique_ptr<Guest>> ada = Guest::Start("ada", {"--ttyS1", "unix"});
    ASSERT_THAT(ada, IsOk());
    absl::StatusOr<std::unique_ptr<Guest>> bob = Guest::Start("bob", {"--ttyS1", "pty"});
    ASSERT_THAT(bob, IsOk());
    ASSERT_THAT((*ada)->Booted(), IsOk());
    ASSERT_THAT((*bob)->Booted(), IsOk());
    ada_ = *std::move(ada);
    bob_ = *std::move(bob);
  }
  ASSERT_THAT(ada_->Do("idle"), IsOk());
  ASSERT_THAT(bob_->Do("idle"), IsOk());
}

void TwoGuests::TearDownTestSuite() {
  ada_.reset();
  bob_.reset();
}

void TwoGuests::MarkConsoles() {
  absl::SleepFor(absl::Milliseconds(300));  // what an earlier run has sent is printed by then
  ada_mark_ = ada_->Console().size();
  bob_mark_ = bob_->Console().size();
}

std::string TwoGuests::SinceMark(const Guest& guest) const {
  const std::string console = guest.Console();
  return console.substr(std::min(console.size(), &guest == ada_.get() ? ada_mark_ : bob_mark_));
}

void AwaitQuiet() {
  // The first line of /proc/stat: user nice system idle iowait irq softirq steal.
  const auto look = [] {
    std::ifstream file("/proc/stat");
    std::string cpu;
    double idle = 0;
    double all = 0;
    file >> cpu;
    for (int i = 0; i < 8; ++i) {
      double value = 0;
      file >> value;
      all += value;
      if (i == 3 || i == 4) idle += value;
    }
    return std::make_pair(idle, all);
  };
  double idle = 0;
  for (int tries = 0; tries < 20; ++tries) {
    const auto before = look();
    absl::SleepFor(absl::Milliseconds(1500));
    const auto now = look();
    idle = 100 * (now.first - before.first) / std::max(1.0, now.second - before.second);
    if (idle >= 85) return;
  }
  Say("this machine is busy with something else: %.0f %% idle", idle);
}

void ExpectEveryLine(const Guest& guest, absl::string_view port, absl::string_view console,
                     const std::vector<Flush>& flushes, size_t may_miss_at_start) {
  std::vector<std::string> sent;
  bool last_may_be_lost = false;
  for (const Flush& flush : flushes) {
    const Json* vm = flush.vm(guest.name());
    if (vm == nullptr) continue;
    sent.push_back((*vm)["line"].get<std::string>());
    last_may_be_lost = flush.last();
  }
  ASSERT_FALSE(sent.empty()) << guest.name() << " is not in the ledger";
  const Received received = ReceivedBy(port, console);
  EXPECT_TRUE(received.bad.empty()) << guest.name() << " " << port << ": " << received.bad.front();
  ASSERT_FALSE(received.lines.empty()) << guest.name() << " got nothing on " << port;

  size_t at = 0;
  while (at < sent.size() && sent[at] != received.lines.front()) ++at;
  const size_t missed_at_start = at;
  EXPECT_LE(missed_at_start, may_miss_at_start) << received.lines.front();
  size_t same = 0;
  while (at < sent.size() && same < received.lines.size() && sent[at] == received.lines[same]) ++at, ++same;
  EXPECT_EQ(same, received.lines.size()) << guest.name() << " " << port << " got what the ledger does not say next: "
                                         << received.lines[std::min(same, received.lines.size() - 1)];
  EXPECT_GE(at + (last_may_be_lost ? 1 : 0), sent.size()) << guest.name() << " " << port << " missed " << sent[at];
  Say("%s %-6s: %d lines sent, %d received, each the ledger's with a right CRC; %d torn, %d missed at the start, %d at "
      "the end",
      guest.name(), port, sent.size(), received.lines.size(), received.bad.size(), missed_at_start, sent.size() - at);
}

void ExpectLinesTellTheLedger(const std::string& name, const std::vector<Flush>& flushes) {
  struct Totals {
    int64_t energy_uj = 0;
    int64_t active_uj = 0;
    int64_t run_ns = 0;
    uint64_t seq = 0;
    int64_t told_uj = 0;
  };
  std::map<std::string, Totals> epochs;
  int lines = 0;
  for (const Flush& flush : flushes) {
    const Json* vm = flush.vm(name);
    if (vm == nullptr) continue;
    Totals& total = epochs[(*vm)["epoch"].get<std::string>()];
    RowSum rows = SumOfVm(flush.rows(), "package", name);
    total.run_ns += rows.run_ns;
    rows += SumOfVm(flush.rows(), "dram", name);
    total.energy_uj += rows.energy_uj;
    total.active_uj += rows.active_uj.value_or(0);
    EXPECT_EQ((*vm)["energy_uj"], rows.energy_uj);
    EXPECT_EQ((*vm)["total_energy_uj"], total.energy_uj);

    const absl::StatusOr<GuestLine> line = ParseGuestLine((*vm)["line"].get<std::string>());
    ASSERT_THAT(line, IsOk());
    ++lines;
    const auto floored = [](int64_t uj) { return uj / kDefaultQuantumUj * kDefaultQuantumUj; };
    EXPECT_EQ(line->seq, ++total.seq);
    EXPECT_EQ(line->energy_uj, floored(total.energy_uj));
    EXPECT_EQ(line->run_time_ns, total.run_ns);
    EXPECT_EQ(line->source, "emulated");
    EXPECT_EQ(line->active_uj.has_value(), rows.active_uj.has_value());
    if (line->active_uj) {
      EXPECT_EQ(line->active_uj, floored(total.active_uj));
    }
    EXPECT_NEAR(static_cast<double>(line->power_mw.value_or(-1)) * 1e-3 * static_cast<double>(line->dt_us),
                static_cast<double>(*line->energy_uj - total.told_uj), 0.001 * static_cast<double>(line->dt_us));
    total.told_uj = *line->energy_uj;
  }
  Say("%s: %d lines tell the ledger's energy, floored to 0.1 J, and its run time to the ns", name, lines);
}

}  // namespace vrapl
