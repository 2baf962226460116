// What one VM is told of its energy, and how much that can tell it of its neighbours. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "delivery/guest_line_maker.h"

namespace vrapl {

// How a line is written; docs/guest-line.md, "Other formats".
enum class GuestFormat {
  kLine,   // "VRAPL1 seq=..."
  kJson,   // an object with the same keys
  kWatts,  // the power alone
};

// The default is safe: see LeakBound().
struct GuestPolicy {
  bool deliver = true;
  int64_t period_ns = 2'000'000'000;  // of lines
  int64_t quantum_uj = kDefaultQuantumUj;
  bool noise = false;  // EnergyQuantizer
  // Of the line, beside energy and power.
  bool active = true;
  bool error = true;
  bool run_time = true;
  bool package_only = false;  // without DRAM
  GuestFormat format = GuestFormat::kLine;

  friend bool operator==(const GuestPolicy&, const GuestPolicy&) = default;
};

inline constexpr int64_t kLeastGuestPeriodNs = 2'000'000'000;

// Of the Open VM Energy Manifesto: 30 s, noise, the package alone, and nothing but energy.
GuestPolicy ManifestoPolicy();

// Settings as (key, value), in order; a later one wins:
//   preset     default | manifesto     first, since it sets all the others
//   deliver    on | off
//   period     2s or longer, in whole milliseconds; shorter only where `may_be_shorter`
//   quantum    100mJ, 1J, 500uJ
//   noise      on | off
//   fields     energy, or energy with some of ,active ,error ,run-time
//   domains    package | all
//   format     line | json | watts
//
// What they do not set stays as in `from`, but a preset sets all.
//
// Errors: INVALID_ARGUMENT names the key, the value, and what may stand there.
using PolicySettings = std::vector<std::pair<std::string, std::string>>;
absl::StatusOr<GuestPolicy> ParseGuestPolicy(const PolicySettings& settings, bool may_be_shorter = false,
                                             const GuestPolicy& from = {});

// Lines of KEY = VALUE; what follows a '#' is a comment. Errors as above, and for a line of another form.
absl::StatusOr<GuestPolicy> ParseGuestPolicyFile(absl::string_view text, bool may_be_shorter = false,
                                                 const GuestPolicy& from = {});

// The settings that ParseGuestPolicy() makes this policy of, "period=30s quantum=1000000uJ noise=on ...".
std::string DescribeGuestPolicy(const GuestPolicy& policy);

}  // namespace vrapl
