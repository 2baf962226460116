// vrapl leak-test: how much a guest's lines can tell it of its neighbours, as bound and as measured.
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cli/arguments.h"
#include "cli/policy_words.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "delivery/leak_bound.h"
#include "delivery/leak_channel.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(A neighbour that modulates its load moves the power that is charged to others: who reads his own power reads that
too. The bound is what lines can tell at most; measured is what a receiver got of a sender in a simulation of the worst
case (all of the sender's power shows in the receiver's, nobody else runs).

Examples:
  vrapl leak-test                                     the presets, and figures as they are without any
  vrapl leak-test --policy period=10s --policy quantum=1J --range=250W)";

struct Row {
  std::string name;
  GuestPolicy policy;
};

absl::StatusOr<double> ParseWatts(absl::string_view text) {
  double watts = 0;
  absl::string_view number = text;
  if (!absl::ConsumeSuffix(&number, "W") || !absl::SimpleAtod(number, &watts) || !(watts > 0 && watts <= 1e6)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--range=", text, ": a power above 0W and up to 1000000W is wanted, such as 100W"));
  }
  return watts;
}

}  // namespace

int LeakTestVerb(int argc, char** argv) {
  std::vector<std::string> words;
  std::string range = "100W";
  VerbApp verb("vrapl leak-test", "Measures how much guests' lines can tell them of their neighbours.", kFooter);
  AddPolicyOption(verb.app(), words);
  verb.app().add_option("--range", range, "by how much a neighbour can move a VM's power (100W)")->type_name("POWER");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  const absl::StatusOr<double> range_w = ParseWatts(range);
  if (!range_w.ok()) return Fail(range_w.status());

  GuestPolicy raw{.quantum_uj = 1, .active = false, .error = false, .run_time = false};
  GuestPolicy raw_ms = raw;
  raw_ms.period_ns = 1'000'000;
  const GuestPolicy energy{.active = false, .error = false, .run_time = false};
  GuestPolicy noisy = energy;
  noisy.noise = true;
  std::vector<Row> rows = {{"raw energy, every 1 ms", raw_ms}, {"raw energy, every 2 s", raw},
                           {"preset=default", GuestPolicy()},  {"default, energy alone", energy},
                           {"the same, with noise", noisy},    {"preset=manifesto", ManifestoPolicy()}};
  if (!words.empty()) {
    // What serve refuses without --flush may be looked at here.
    absl::StatusOr<GuestPolicy> policy = ParsePolicyWords(words, /*may_be_shorter=*/true, GuestPolicy());
    if (!policy.ok()) return Fail(policy.status());
    rows.push_back({"as given", *policy});
  }
  std::printf("A neighbour that moves a VM's power by up to %g W tells it, simulated:\n", *range_w);
  std::printf("%-24s %14s %14s   %s\n", "", "measured bit/s", "bound bit/s", "setting");
  for (const Row& row : rows) {
    std::printf("%-24s %14.3f %14.3f   %s\n", row.name.c_str(), MeasureLeak(row.policy, *range_w),
                LeakBound(row.policy, *range_w), DescribeGuestPolicy(row.policy).c_str());
    std::fflush(stdout);
  }
  return std::ferror(stdout) == 0 ? kExitDone : Fail(kExitFailed, "writing the output failed");
}

}  // namespace vrapl
