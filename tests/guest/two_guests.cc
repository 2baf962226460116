#include "tests/guest/two_guests.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

std::vector<Received> ExpectGapsAreSkips(const Guest& guest, const std::vector<std::string>& ports,
                                         absl::string_view console, const std::vector<Flush>& flushes) {
  std::vector<const Json*> sent;
  for (const Flush& flush : flushes) {
    if (const Json* vm = flush.vm(guest.name())) sent.push_back(vm);
  }
  std::vector<Received> all;
  std::vector<std::vector<bool>> got;  // by port: which of `sent`
  size_t first = 0;                    // from here to `last` every port has begun and none has ended
  size_t last = sent.size();
  for (const std::string& port : ports) {
    const Received& received = all.emplace_back(ReceivedBy(port, console));
    EXPECT_TRUE(received.bad.empty()) << guest.name() << " " << port << ": " << received.bad.front();
    std::vector<bool>& mine = got.emplace_back(sent.size(), false);
    size_t at = 0;
    for (size_t i = 0; i < received.lines.size(); ++i) {
      while (at < sent.size() && (*sent[at])["line"] != received.lines[i]) ++at;
      if (at == sent.size()) {
        ADD_FAILURE() << guest.name() << " " << port << " got what the ledger does not say next: " << received.lines[i];
        return all;
      }
      if (i == 0) first = std::max(first, at);
      if (i > 0 && received.values[i].epoch == received.values[i - 1].epoch) {
        EXPECT_GE(received.values[i].energy_uj, received.values[i - 1].energy_uj) << received.lines[i];
      }
      mine[at++] = true;
    }
    if (received.lines.empty()) ADD_FAILURE() << guest.name() << " got nothing on " << port;
    last = std::min(last, at);
  }
  int64_t missing = 0;
  int64_t not_written = 0;
  for (size_t i = first; i < last; ++i) {
    const Json& delivery = (*sent[i])["delivery"];
    not_written += delivery["skipped_unread"].get<int64_t>() + delivery["not_connected"].get<int64_t>() +
                   delivery["errors"].get<int64_t>();
    for (const std::vector<bool>& mine : got) missing += mine[i] ? 0 : 1;
  }
  EXPECT_EQ(missing, not_written) << guest.name();
  Say("%s: of %d lines in the ledger %s; %d missing in between, %d not written; each the ledger's with a right CRC",
      guest.name(), sent.size(),
      absl::StrJoin(all, ", ",
                    [&](std::string* out, const Received& received) {
                      absl::StrAppend(out, received.lines.size(), " on ", ports[&received - all.data()]);
                    }),
      missing, not_written);
  return all;
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
  struct Told {
    const Flush* flush;
    const Json* vm;
  };
  std::vector<Told> all;
  for (const Flush& flush : flushes) {
    for (const Json& vm : flush.json["vms"]) {
      if (vm["name"] == name) all.push_back({.flush = &flush, .vm = &vm});
    }
  }
  for (const auto& [flush, vm] : all) {
    Totals& total = epochs[(*vm)["epoch"].get<std::string>()];
    RowSum rows = SumOfRun(flush->rows(), "package", *vm);
    total.run_ns += rows.run_ns;
    rows += SumOfRun(flush->rows(), "dram", *vm);
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
