// GuestAccount: what one VM is told over one epoch. What flushes found is added up and told as often as the VM's policy
// says, as exactly as it says, of what it says. Pure. Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attribution/model.h"
#include "delivery/guest_line_maker.h"
#include "delivery/guest_policy.h"

namespace vrapl {

// One flush of a VM: all energies and times are of it alone, and of the domains that the VM's policy has.
struct GuestFlush {
  int64_t end_ns = 0;   // CLOCK_MONOTONIC
  int64_t unix_ns = 0;  // the same instant on the wall clock
  // false: a counter could not be read. What it shows is not told as a zero; it comes with the next good reading.
  bool energy_known = true;
  int64_t energy_uj = 0;
  std::optional<int64_t> active_uj;
  std::optional<int64_t> err_uj;  // 95 %
  int64_t run_time_ns = 0;
  int vcpus = 0;
  Model model = Model::kBaseShare;
  std::string source;
  std::string run_time_method;
  uint32_t state = kLineOk;
};

class GuestAccount {
 public:
  // `flush_ns`: how far flushes are apart; a line goes with every n-th, so that the policy's period has passed.
  // `seed`: of the noise; secret, so not to be told from the epoch.
  GuestAccount(const GuestPolicy& policy, uint32_t epoch, uint64_t seed, int64_t start_ns, int64_t flush_ns);

  // The text of the line that is due with this flush, its newline too; nullopt when none is, or the policy tells none.
  // `last`: one is due now.
  std::optional<std::string> Add(const GuestFlush& flush, bool last);

  const GuestPolicy& policy() const { return policy_; }
  uint32_t epoch() const { return maker_.epoch(); }

 private:
  const GuestPolicy policy_;
  const int64_t flushes_per_line_;
  GuestLineMaker maker_;
  // Since the epoch began.
  int64_t energy_uj_ = 0;
  int64_t active_uj_ = 0;  // of the flushes in which it was known
  int64_t run_time_ns_ = 0;

  // Of the line that comes next.
  struct Interval {
    int64_t flushes = 0;
    bool active_known = true;
    // Errors of neighbouring flushes are of either sign: squares add up.
    std::optional<double> err_squared = 0;
    Model model = Model::kBaseShare;  // the weakest
    uint32_t state = kLineOk;
  };
  Interval interval_;
};

}  // namespace vrapl
