#include "guest/publication.h"

#include <gmock/gmock.h>

#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kLargeRange = (int64_t{1} << 53) - 1;

class PublicationTest : public testing::Test {
 protected:
  PublicationOptions In(int64_t range_uj = kLargeRange) const {
    return {.directory = dir_.path() + "/run",
            .textfile = dir_.path() + "/vrapl.prom",
            .mode = 0444,
            .max_energy_range_uj = range_uj};
  }
  static ArrivedLine Arrived(const GuestLine& line) {
    std::string text = FormatGuestLine(line);
    text.pop_back();
    return {.line = line, .text = text, .arrived_ns = 1};
  }
  std::string Zone(const std::string& file) const {
    return ReadSmallFile(dir_.path() + "/run/sys/class/powercap/intel-rapl:0/" + file);
  }
  int64_t Counter() const {
    int64_t value = -1;
    EXPECT_TRUE(absl::SimpleAtoi(Zone("energy_uj"), &value)) << Zone("energy_uj");
    return value;
  }
  // The value of a metric, or "".
  std::string Metric(const std::string& name) const {
    for (absl::string_view line : absl::StrSplit(ReadSmallFile(dir_.path() + "/vrapl.prom"), '\n')) {
      const std::pair<std::string, std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 1));
      if (words.first == name) return words.second;
    }
    return "";
  }

  TempDir dir_;
  GuestLineReader reader_;
};

TEST_F(PublicationTest, IsShapedLikeThePowercapOfTheKernel) {
  Publication publication(In());
  ASSERT_EQ(publication.Begin(), "");
  EXPECT_EQ(Zone("name"), "package-0\n");
  EXPECT_EQ(Zone("max_energy_range_uj"), absl::StrCat(kLargeRange, "\n"));
  EXPECT_EQ(Zone("energy_uj"), "") << "nothing is known yet, and that is no zero";
  MadeLines made(1);
  ASSERT_EQ(publication.Take(Arrived(made.Next()), reader_), "");
  EXPECT_EQ(Zone("energy_uj"), "20000000\n");
  EXPECT_EQ(ReadSmallFile(publication.powercap() + "/intel-rapl/intel-rapl:0/energy_uj"), "20000000\n");
  EXPECT_EQ(ReadSmallFile(publication.powercap() + "/intel-rapl/enabled"), "1\n");
}

// Read as the tools do: a smaller value than before is one wraparound. Through wraps, epochs, lost lines and restarts
// of the program, what they sum up is what the lines say.
TEST_F(PublicationTest, ToolsSumUpWhatTheLinesSay) {
  std::mt19937_64 random(1);
  constexpr int64_t kRange = 49'999'999;  // 50 J
  std::optional<Publication> publication;
  MadeLines made(1);
  EnergyAccount truth;
  int64_t seen = -1;
  int64_t tool_uj = 0;
  int wraps = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i % 50 == 0 || random() % 30 == 0) {
      if (publication.has_value() && random() % 2 == 0) publication->End();  // else it is killed
      publication.emplace(In(kRange));
      ASSERT_EQ(publication->Begin(), "");
    }
    if (random() % 40 == 0) made = MadeLines(static_cast<uint32_t>(random()));
    const GuestLine line = made.Next(static_cast<int64_t>(random() % 20'000));
    if (random() % 5 == 0 && i > 0) continue;
    // More than one range between two reads is more than any tool can tell.
    EnergyAccount next = truth;
    next.Take(line);
    if (*next.energy_uj() - truth.energy_uj().value_or(0) > kRange && i > 0) {
      made = MadeLines(static_cast<uint32_t>(random()));
      continue;
    }
    truth = next;
    ASSERT_EQ(publication->Take(Arrived(line), reader_), "");
    const int64_t counter = Counter();
    ASSERT_LE(counter, kRange);
    if (seen >= 0) {
      tool_uj += counter - seen;
      if (counter < seen) {
        tool_uj += kRange + 1;
        ++wraps;
      }
    } else {
      tool_uj = counter;
    }
    seen = counter;
    ASSERT_EQ(tool_uj, *truth.energy_uj()) << i;
  }
  EXPECT_GT(wraps, 50);
}

// Without the state the counter goes on from where somebody may have read it.
TEST_F(PublicationTest, ALostStateDoesNotMakeTheCounterFall) {
  MadeLines made(1);
  {
    Publication publication(In());
    ASSERT_EQ(publication.Begin(), "");
    for (int i = 0; i < 5; ++i) ASSERT_EQ(publication.Take(Arrived(made.Next()), reader_), "");
    EXPECT_EQ(Counter(), 100'000'000);
  }
  std::filesystem::remove(dir_.path() + "/run/state");
  Publication again(In());
  ASSERT_EQ(again.Begin(), "");
  MadeLines other(2);
  ASSERT_EQ(again.Take(Arrived(other.Next()), reader_), "");
  EXPECT_EQ(Counter(), 120'000'000);
  Publication third(In());
  ASSERT_EQ(third.Begin(), "");
  ASSERT_EQ(third.Take(Arrived(other.Next()), reader_), "");
  EXPECT_EQ(Counter(), 140'000'000);
}

TEST_F(PublicationTest, WhatIsStaleIsTakenAway) {
  Publication publication(In());
  ASSERT_EQ(publication.Begin(), "");
  MadeLines made(1);
  ASSERT_EQ(publication.Take(Arrived(made.Next(12'450)), reader_), "");
  EXPECT_EQ(Metric("vrapl_guest_up"), "1");
  EXPECT_EQ(Metric("vrapl_guest_power_watts"), "12.450");
  EXPECT_EQ(Metric("vrapl_guest_energy_joules_total"), "24.900000");
  EXPECT_EQ(Metric("vrapl_guest_interval_ok"), "0") << "warm";
  ASSERT_EQ(publication.TellStale(reader_), "");
  EXPECT_EQ(Zone("energy_uj"), "");
  EXPECT_EQ(Zone("name"), "package-0\n");
  EXPECT_FALSE(std::filesystem::exists(publication.line_path()));
  EXPECT_EQ(Metric("vrapl_guest_up"), "0");
  EXPECT_EQ(Metric("vrapl_guest_power_watts"), "");
  EXPECT_EQ(Metric("vrapl_guest_energy_joules_total"), "");
  made.Skip();
  ASSERT_EQ(publication.Take(Arrived(made.Next(0)), reader_), "");
  EXPECT_EQ(Counter(), 24'900'000 + 20'000'000);
  EXPECT_EQ(Metric("vrapl_guest_lines_skipped_total"), "1");
}

// The collector refuses a whole file for a time stamp; a metric needs its type; a zero is a measurement.
TEST_F(PublicationTest, MetricsAreWhatTheCollectorTakes) {
  Publication publication(In());
  ASSERT_EQ(publication.Begin(), "");
  MadeLines made(1);
  GuestLine line = made.Next();
  line.energy_uj.reset();
  line.power_mw.reset();
  line.model.clear();
  ASSERT_EQ(publication.Take(Arrived(line), reader_), "");
  const std::string text = ReadSmallFile(dir_.path() + "/vrapl.prom");
  EXPECT_THAT(text, Not(HasSubstr("energy_joules")));
  EXPECT_THAT(text, Not(HasSubstr("power_watts")));
  EXPECT_EQ(Zone("energy_uj"), "");
  std::string typed;
  for (absl::string_view row : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(row, ' ');
    if (words[0] == "#") {
      typed = words[2];
      continue;
    }
    EXPECT_EQ(words.size(), 2u) << row;
    EXPECT_EQ(words[0].substr(0, words[0].find('{')), typed);
  }
}

}  // namespace
}  // namespace vrapl
