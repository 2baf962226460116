// The command line of vrapl-guest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "guest/line_text.h"

namespace vrapl {

inline constexpr char kDefaultDirectory[] = "/run/vrapl-guest";

struct GuestOptions {
  std::string verb;  // "once", "watch", "find", "serve", "run", "top"
  std::string port;  // "": looked for
  std::string directory = kDefaultDirectory;
  std::string textfile;                                  // serve: Prometheus metrics are kept here
  bool mount = false;                                    // serve: show the tree at /sys/class/powercap too
  mode_t mode = 0444;                                    // serve: of the files and, with write, the socket
  int64_t max_energy_range_uj = (int64_t{1} << 53) - 1;  // serve: where energy_uj begins anew
  LineFormat format = LineFormat::kText;
  int64_t timeout_ns = 90'000'000'000;  // once, run: for a line to come
  int64_t for_ns = 10'000'000'000;      // run: repeat the command for so long at least
  int64_t max_ns = 600'000'000'000;     // run: and no longer
  int lines = 5;                        // run: and over so many intervals at least
  int count = 0;                        // top: so many tables; 0: for ever
  int rows = 20;                        // top
  std::vector<std::string> command;     // run
};

struct ParsedOptions {
  GuestOptions options;
  int exit_code = -1;  // >= 0: print `text` and end with it
  std::string text;
};

// Threads: one, for it uses getopt_long().
ParsedOptions ParseGuestOptions(int argc, char** argv);

}  // namespace vrapl
