#include "cli/overhead_text.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// `count` rounds in which sampling makes it slower by `slowdown`.
OverheadRounds Rounds(int count, double slowdown, double drift = 0) {
  OverheadRounds rounds;
  for (int i = 0; i < count; ++i) {
    const double seconds = 1 + 0.001 * (i % 3);
    rounds.of[kOff].push_back({.seconds = seconds, .joules = 10.0});
    rounds.of[kOn].push_back({.seconds = seconds * (1 + slowdown), .joules = 10.5});
    rounds.of[kOffAgain].push_back(
        {.seconds = seconds * (1 + drift + (i % 2 == 0 ? 0.0001 : -0.0001)), .joules = 10.0});
    rounds.sampler_cpus.push_back(0.02);
  }
  return rounds;
}

const OverheadInfo kInfo = {.emulated = true, .period = "1ms", .seed = 7};

TEST(OverheadTextTest, OfNoWholeRoundThereIsNothingToTell) {
  OverheadRounds rounds;
  EXPECT_THAT(OverheadText(rounds, kInfo), AllOf(HasSubstr("there is nothing to tell"), Not(HasSubstr("0.0"))));
  // Two of the three ways were measured.
  rounds.of[kOn].push_back({.seconds = 1});
  rounds.of[kOff].push_back({.seconds = 1});
  rounds.sampler_cpus.push_back(0.02);
  EXPECT_THAT(OverheadText(rounds, kInfo), AllOf(HasSubstr("there is nothing to tell"), Not(HasSubstr("0.0"))));
}

TEST(OverheadTextTest, FiguresAreOfWholeRounds) {
  OverheadRounds rounds = Rounds(3, 0.01);
  rounds.of[kOn].push_back({.seconds = 100});  // of a round that was cut
  EXPECT_THAT(OverheadText(rounds, kInfo),
              AllOf(HasSubstr("3 rounds, sampling every 1ms, order by --seed=7"), HasSubstr("EMULATED"),
                    HasSubstr("too few runs to tell: 6 rounds"), Not(HasSubstr("100.0"))));
}

TEST(OverheadTextTest, TheVerdictIsNoFigureWhereTheMachineIsNotQuiet) {
  EXPECT_THAT(OverheadText(Rounds(8, 0.01), kInfo), HasSubstr("slower by 1.00 % to 1.00 %"));
  EXPECT_THAT(OverheadText(Rounds(8, 0.01, /*drift=*/0.05), kInfo), HasSubstr("not quiet enough to tell"));
  OverheadRounds unread = Rounds(8, 0.01);
  for (OverheadRun& run : unread.of[kOn]) run.joules.reset();
  EXPECT_THAT(OverheadText(unread, kInfo), Not(HasSubstr("extra energy"))) << "not known is not zero";
}

}  // namespace
}  // namespace vrapl
