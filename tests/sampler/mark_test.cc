#include "sampler/mark.h"

#include <gmock/gmock.h>

#include "tests/sampler/made_host.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(LabelTest, IsUtf8WithoutControlCharacters) {
  for (const std::string good : {"warm-up", "phase 1", "größe", "段階", "\xF0\x9F\x94\x8B", "a=b,c\"d\""}) {
    EXPECT_THAT(CheckLabel(good), IsOk()) << good;
    EXPECT_EQ(MakeLabel(good), good);
  }
  EXPECT_THAT(CheckLabel(std::string(kMaxLabelBytes, 'x')), IsOk());
  EXPECT_FALSE(CheckLabel(std::string(kMaxLabelBytes + 1, 'x')).ok());
  EXPECT_EQ(MakeLabel(std::string(kMaxLabelBytes + 1, 'x')), std::string(kMaxLabelBytes, 'x'));
  struct Row {
    std::string text;
    std::string made;
  };
  for (const Row& row : {Row{"", ""}, Row{"two\nlines", "two?lines"}, Row{"\x1b[31mred", "?[31mred"}, Row{"\x7F", "?"},
                         Row{"\xC2\x85", "?"}, Row{"\xC0\x80", "??"}, Row{"\xED\xA0\x80", "???"}, Row{"\xFF", "?"},
                         Row{"\xE6\xAE", "??"}, Row{"\xF4\x90\x80\x80", "????"}, Row{"\xE2\x80\xA8", "?"}}) {
    EXPECT_FALSE(CheckLabel(row.text).ok()) << row.made;
    EXPECT_EQ(MakeLabel(row.text), row.made);
  }
  // Cut off between characters.
  EXPECT_EQ(MakeLabel(std::string(kMaxLabelBytes - 1, 'x') + "ö").size(), kMaxLabelBytes - 1);
}

// The instants at which flushes ended.
std::vector<int64_t> EndsMs(const MadeHost& host) {
  std::vector<int64_t> ends;
  for (const FlushReport& report : host.reports()) ends.push_back((report.t_ns + kMs / 2) / kMs);
  return ends;
}

TEST(FlushEndTest, AFlushEndsAtTheInstantAskedForAndTheGridStays) {
  MadeHost host({.flush = {.models = AllModels()}});
  const int64_t start_ns = host.flush().start_ns();
  host.flush().EndFlushAt(start_ns + 2'500 * kMs);
  host.flush().EndFlushAt(start_ns + 700 * kMs);
  host.flush().EndFlushAt(start_ns + 2'500 * kMs + 500'000);  // the sample after that
  host.RunFor(6'500 * kMs);
  EXPECT_THAT(EndsMs(host), ElementsAre(700, 2000, 2500, 2501, 4000, 6000));
  host.flush().EndFlushAt(start_ns + 1000 * kMs);  // has passed: at once
  host.RunFor(50 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(7u));
  EXPECT_LE(host.reports().back().t_ns, 6'502 * kMs);
  host.Finish();
  EXPECT_EQ(host.CounterSum(0, RaplDomain::kPackage), host.package().ticks(0)) << "nothing is lost at a cut";
}

TEST(FlushEndTest, EachPackageEndsAtOrAfterTheInstant) {
  MadeHost host({.packages = {{.package_id = 0}, {.package_id = 1}}});
  const int64_t start_ns = host.flush().start_ns();
  for (int i = 1; i < 40; ++i) host.flush().EndFlushAt(start_ns + i * 37 * kMs + i * 10'000);
  host.RunFor(2 * kSecond - 10 * kMs);
  EXPECT_GE(host.flushes(), 39u);
  for (const FlushReport& report : host.reports()) {
    for (const CounterReport& counter : report.models[0].counters) EXPECT_GT(counter.dt_ns, 0);
  }
}

// The flush thread may be held up at the end, and find seconds of samples beyond it.
TEST(FlushEndTest, NothingIsReportedAfterTheLastFlush) {
  MadeHost host({.flush = {.duration_ns = 4 * kSecond}});
  host.RunFor(9 * kSecond);
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(2u));
  EXPECT_TRUE(host.reports().back().last);
}

TEST(MarkTest, IsInTheFlushThatItFallsInto) {
  MadeHost host({});
  const int64_t start_ns = host.flush().start_ns();
  host.flush().AddMark({.t_ns = start_ns + 3 * kSecond, .label = "second"});
  host.flush().AddMark({.t_ns = start_ns + kSecond, .label = "first"});
  host.flush().AddMark({.t_ns = start_ns + 3 * kSecond, .label = "third"});
  host.RunFor(4'500 * kMs);
  host.flush().AddMark({.t_ns = start_ns + 60 * kSecond, .label = "late"});
  host.Finish();
  ASSERT_THAT(host.reports(), SizeIs(3));
  EXPECT_THAT(host.reports()[0].marks, ElementsAre(Mark{kSecond, "first"}));
  EXPECT_THAT(host.reports()[1].marks, ElementsAre(Mark{3 * kSecond, "second"}, Mark{3 * kSecond, "third"}));
  EXPECT_THAT(host.reports()[2].marks, ElementsAre(Mark{60 * kSecond, "late"})) << "no mark is lost at the end";
}

TEST(MarkTest, EndsAFlushWherePhasesAreWanted) {
  for (const bool per_phase : {false, true}) {
    MadeHost host({.flush = {.flush_per_phase = per_phase}});
    host.flush().AddMark({.t_ns = host.flush().start_ns() + 300 * kMs, .label = "a"});
    host.RunFor(2'010 * kMs);
    EXPECT_EQ(EndsMs(host), per_phase ? (std::vector<int64_t>{300, 2000}) : (std::vector<int64_t>{2000}));
  }
}

TEST(MarkQueueTest, GivesWhatWasPushedOnce) {
  MarkQueue queue;
  queue.Push({.t_ns = 2, .label = "b"});
  queue.Push({.t_ns = 1, .label = "a"});
  EXPECT_THAT(queue.Take(), ElementsAre(Mark{2, "b"}, Mark{1, "a"}));
  EXPECT_THAT(queue.Take(), IsEmpty());
}

}  // namespace
}  // namespace vrapl
