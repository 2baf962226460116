// What a guest has used since it began to listen: one count over all epochs, reconnects and lines that did not come.
// Pure. Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "guest_line/guest_line.h"

namespace vrapl {

class EnergyAccount {
 public:
  // False: the line is not news (its like, or a later one of its epoch, was here before; a line may wait in a port),
  // and changes nothing. The first line of all counts from the beginning of its epoch, and so does the first of another
  // epoch: what was used between the last line of the old one and its end is not known to anybody.
  bool Take(const GuestLine& line);

  std::optional<int64_t> energy_uj() const { return Known(energy_); }  // nullopt: no line had it yet
  std::optional<int64_t> active_uj() const { return Known(active_); }
  std::optional<int64_t> run_time_ns() const { return Known(run_time_); }
  uint64_t lines() const { return lines_; }
  uint64_t skipped() const { return skipped_; }  // made by the host and not seen here
  uint64_t epochs() const { return epochs_; }    // that began while this one listened, the first included

  // One line of text that holds all of it, and back. The state of a program that was ended is so carried on by the
  // next.
  std::string Save() const;
  static std::optional<EnergyAccount> Load(std::string_view text);

 private:
  struct Count {
    int64_t total = 0;
    int64_t last = 0;  // of the epoch, as told
    bool known = false;
  };
  static std::optional<int64_t> Known(const Count& count) {
    return count.known ? std::optional<int64_t>(count.total) : std::nullopt;
  }
  static void Advance(const std::optional<int64_t>& told, bool new_epoch, Count& count);

  bool started_ = false;
  uint32_t epoch_ = 0;
  uint32_t previous_epoch_ = 0;
  uint64_t seq_ = 0;
  Count energy_;
  Count active_;
  Count run_time_;
  uint64_t lines_ = 0;
  uint64_t skipped_ = 0;
  uint64_t epochs_ = 0;
};

}  // namespace vrapl
