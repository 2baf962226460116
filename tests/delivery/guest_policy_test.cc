#include "delivery/guest_policy.h"

#include <cmath>

#include "absl/strings/str_split.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(GuestPolicyTest, WithoutSettingsItIsTheDefaultAndSafe) {
  const absl::StatusOr<GuestPolicy> policy = ParseGuestPolicyFile("");
  ASSERT_THAT(policy, IsOkAndHolds(GuestPolicy()));
  EXPECT_GE(policy->period_ns, kLeastGuestPeriodNs);
  EXPECT_GE(policy->quantum_uj, kDefaultQuantumUj);
  EXPECT_TRUE(policy->deliver);
}

TEST(GuestPolicyTest, EachSettingIsRead) {
  const absl::StatusOr<GuestPolicy> policy = ParseGuestPolicyFile(
      "# the shop\n"
      "deliver = on\nperiod=10s   # slow\n\n quantum = 250mJ\nnoise=on\nfields = energy, run-time\ndomains=package\n");
  ASSERT_THAT(policy, IsOk());
  EXPECT_EQ(policy->period_ns, 10'000'000'000);
  EXPECT_EQ(policy->quantum_uj, 250'000);
  EXPECT_TRUE(policy->noise);
  EXPECT_FALSE(policy->active);
  EXPECT_FALSE(policy->error);
  EXPECT_TRUE(policy->run_time);
  EXPECT_TRUE(policy->package_only);
  EXPECT_EQ(DescribeGuestPolicy(*policy),
            "deliver=on period=10s quantum=250mJ noise=on fields=energy,run-time domains=package format=line");
}

// What is described can be read back, whatever it is.
TEST(GuestPolicyTest, DescriptionsAreSettings) {
  for (int bits = 0; bits < 64; ++bits) {
    const GuestPolicy policy{.deliver = (bits & 1) != 0,
                             .period_ns = (bits & 2) != 0 ? 2'000'000'000 : 30'000'000'000,
                             .quantum_uj = (bits & 4) != 0 ? 1 : 3'000'000,
                             .noise = (bits & 8) != 0,
                             .active = (bits & 16) != 0,
                             .error = (bits & 32) != 0,
                             .run_time = (bits & 3) == 3,
                             .package_only = (bits & 5) == 5,
                             .format = (bits & 9) == 9   ? GuestFormat::kJson
                                       : (bits & 9) == 8 ? GuestFormat::kWatts
                                                         : GuestFormat::kLine};
    std::vector<std::pair<std::string, std::string>> settings;
    for (const absl::string_view word : absl::StrSplit(DescribeGuestPolicy(policy), ' ')) {
      settings.push_back(absl::StrSplit(word, absl::MaxSplits('=', 1)));
    }
    EXPECT_THAT(ParseGuestPolicy(settings), IsOkAndHolds(policy)) << DescribeGuestPolicy(policy);
  }
}

TEST(GuestPolicyTest, WhatIsNotSetStaysAsItWas) {
  const GuestPolicy from{.quantum_uj = 5, .noise = true, .format = GuestFormat::kWatts};
  GuestPolicy wanted = from;
  wanted.period_ns = 4'000'000'000;
  EXPECT_THAT(ParseGuestPolicy({{"period", "4s"}}, false, from), IsOkAndHolds(wanted));
  EXPECT_THAT(ParseGuestPolicy({{"preset", "default"}}, false, from), IsOkAndHolds(GuestPolicy()));
}

TEST(GuestPolicyTest, ThePresetIsABeginning) {
  EXPECT_THAT(ParseGuestPolicyFile("preset=manifesto"), IsOkAndHolds(ManifestoPolicy()));
  const absl::StatusOr<GuestPolicy> slower = ParseGuestPolicyFile("preset=manifesto\nperiod=60s");
  ASSERT_THAT(slower, IsOk());
  EXPECT_EQ(slower->period_ns, 60'000'000'000);
  EXPECT_TRUE(slower->noise);
  EXPECT_THAT(ParseGuestPolicyFile("period=60s\npreset=manifesto"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("first")));
}

TEST(GuestPolicyTest, ShortPeriodsAreTheOperatorsToForce) {
  EXPECT_THAT(ParseGuestPolicyFile("period=1999ms"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2s")));
  const absl::StatusOr<GuestPolicy> forced = ParseGuestPolicyFile("period=100ms", /*may_be_shorter=*/true);
  ASSERT_THAT(forced, IsOk());
  EXPECT_EQ(forced->period_ns, 100'000'000);
}

TEST(GuestPolicyTest, WhatCannotBeReadIsNamed) {
  const struct {
    const char* text;
    const char* key;
    const char* remedy;
  } rows[] = {
      {"deliver=yes", "deliver=yes", "on or off"},
      {"period=30", "period=30", "with its unit"},
      {"period=-2s", "period=-2s", "with its unit"},
      {"period=2000.5ms", "period", "whole milliseconds"},
      {"period=inf", "period=inf", "up to 1h"},
      {"quantum=0J", "quantum=0J", "100mJ"},
      {"quantum=1", "quantum=1", "unit"},
      {"quantum=-1J", "quantum=-1J", "unit"},
      {"quantum=99999999999999J", "quantum", "unit"},
      {"fields=active", "fields=active", "energy among them"},
      {"fields=energy,watts", "fields", "run-time"},
      {"domains=dram", "domains=dram", "package or all"},
      {"preset=open", "preset=open", "manifesto"},
      {"quantom=1J", "quantom", "quantum"},
      {"deliver", "line 1", "KEY = VALUE"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(ParseGuestPolicyFile(row.text),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(row.key), HasSubstr(row.remedy))))
        << row.text;
  }
}

}  // namespace
}  // namespace vrapl
