#include "cli/replay_arguments.h"

#include <gmock/gmock.h>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(ReplayArgumentsTest, WordsBecomeValues) {
  absl::StatusOr<ReplayOptions> none = ToReplayOptions({});
  ASSERT_THAT(none, IsOk());
  EXPECT_EQ(none->window_ns, 0);
  EXPECT_EQ(none->from_ns, 0);
  EXPECT_EQ(none->to_ns, INT64_MAX);
  EXPECT_FALSE(none->window_per_phase);
  absl::StatusOr<ReplayOptions> all = ToReplayOptions(
      {.window = "10ms", .from = "1s", .to = "2m", .model = "share,capacity", .base_power = "package=20W"});
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->window_ns, 10'000'000);
  EXPECT_EQ(all->from_ns, 1'000'000'000);
  EXPECT_EQ(all->to_ns, 120'000'000'000);
  EXPECT_THAT(all->models, ElementsAre(Model::kShare, Model::kCapacity));
  EXPECT_THAT(all->base_power_w, ElementsAre(Pair(RaplDomain::kPackage, 20)));
  EXPECT_TRUE(ToReplayOptions({.phases = true})->window_per_phase);
}

TEST(ReplayArgumentsTest, WhatCannotBeIsToldByTheNameOfItsOption) {
  struct Row {
    ReplayArguments arguments;
    const char* said;
  };
  for (const Row& row :
       {Row{{.window = "10"}, "--window=10: a unit is missing"}, Row{{.window = "1us"}, "--window=1us"},
        Row{{.from = "yesterday"}, "--from=yesterday"}, Row{{.to = "-1s"}, "--to=-1s"},
        Row{{.from = "2s", .to = "2s"}, "--from is not before --to"},
        Row{{.window = "1s", .phases = true}, "--phases and --window"}, Row{{.model = "shares"}, "Did you mean share?"},
        Row{{.base_power = "20"}, "--base-power=20"}}) {
    EXPECT_THAT(ToReplayOptions(row.arguments), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.said)));
  }
}

// One vocabulary: what is written after one verb may be written after another.
TEST(ReplayArgumentsTest, EveryVerbThatReadsARecordingTakesTheSameWords) {
  ReplayArguments arguments;
  CLI::App app;
  AddReplayOptions(app, arguments);
  for (const char* option : {"--from", "--to", "--model", "--window", "--phases", "--base-power", "--idle"}) {
    EXPECT_NE(app.get_option_no_throw(option), nullptr) << option;
  }
}

}  // namespace
}  // namespace vrapl
