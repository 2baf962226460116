// SIGINT, SIGTERM and SIGHUP as something that can be waited for, together with other things.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/posix.h"

namespace vrapl {

class HeardSignals {
 public:
  // From now on they end nothing by themselves; one that was ignored stays ignored. A broken pipe is a failed write.
  // Once in a program. Threads: one.
  static absl::StatusOr<std::unique_ptr<HeardSignals>> Hear();

  struct Signal {
    int number = 0;
    bool to_us_alone = false;  // not from the terminal, which tells the whole foreground group
  };
  int fd() const { return read_.get(); }  // readable when there is a next one
  std::optional<Signal> Next();
  // The first that came; 0: none has.
  int first();

 private:
  explicit HeardSignals(UniqueFd read) : read_(std::move(read)) {}
  bool Take();

  const UniqueFd read_;
  int first_ = 0;
  std::optional<Signal> next_;
};

}  // namespace vrapl
