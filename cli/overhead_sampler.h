// `vrapl sample` as a program of its own, as somebody would start it: what `vrapl overhead` measures the cost of.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/posix.h"
#include "cli/command_process.h"

namespace vrapl {

class OverheadSampler {
 public:
  // Returns when it samples. `words`: the program and its arguments, --format=jsonl among them. Errors: UNAVAILABLE
  // with what it said; CANCELLED when `give_up` became true.
  static absl::StatusOr<std::unique_ptr<OverheadSampler>> Start(const std::vector<std::string>& words,
                                                                const Inherited& inherited,
                                                                absl::FunctionRef<bool()> give_up);
  // Ends it; its own cost while it ran, as part of a CPU. Errors: UNAVAILABLE, with what it said; one that does not end
  // within that time is killed.
  absl::StatusOr<double> Stop(int64_t within_ns = 10 * kNanosPerSecond);

 private:
  OverheadSampler() = default;

  UniqueFd out_;
  UniqueFd err_;
  std::unique_ptr<CommandProcess> process_;
};

}  // namespace vrapl
