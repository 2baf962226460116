// What `serve` offers as files: the line, a tree shaped like the kernel's powercap, and Prometheus metrics. Each file
// is replaced as a whole. Threads: one.
//
// Sources: Documentation/power/powercap/powercap.rst; prometheus/procfs, sysfs/class_powercap.go; scaphandre,
// sensors/powercap_rapl.rs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "guest/energy_account.h"
#include "guest/line_source.h"

namespace vrapl {

struct PublicationOptions {
  std::string directory;
  std::string textfile;  // "": none
  mode_t mode = 0444;
  int64_t max_energy_range_uj = 0;  // energy_uj counts from 0 to this, and then from 0
};

class Publication {
 public:
  explicit Publication(PublicationOptions options) : options_(std::move(options)) {}

  // Makes the directories, and takes up the count where the last program left it. Returns "" or what is wrong.
  std::string Begin();

  // A line that is news is published; one that is not changes nothing. `published` (may be null) tells.
  std::string Take(const ArrivedLine& arrived, const GuestLineReader& reader, bool* published = nullptr);

  // No line is coming: a counter that stands still would be read as 0 W, so it is taken away until the next.
  std::string TellStale(const GuestLineReader& reader);

  // At the end of the program: nothing that stays behind looks like a measurement of now.
  void End();

  const EnergyAccount& account() const { return account_; }
  std::string powercap() const { return options_.directory + "/sys/class/powercap"; }
  std::string line_path() const { return options_.directory + "/line"; }
  int64_t counter_uj() const;  // what energy_uj says

 private:
  std::string Replace(const std::string& path, std::string_view content, mode_t mode) const;
  std::string zone() const { return powercap() + "/intel-rapl:0"; }
  std::string Metrics(const GuestLine* line, const GuestLineReader& reader) const;

  const PublicationOptions options_;
  EnergyAccount account_;
  int64_t base_uj_ = 0;  // what energy_uj said before this account began
};

}  // namespace vrapl
