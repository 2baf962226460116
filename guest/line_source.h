// Lines from a port or from the socket of `vrapl-guest serve`, whatever happens to either: it is opened when it is
// there, read raw and without echo, and opened again when it was gone. Never blocks: the owner polls fd() and calls
// Step(). Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guest/posix_text.h"
#include "guest_line/guest_line_reader.h"

namespace vrapl {

struct LineSourceOptions {
  std::string path;         // a port, or a socket; "": looked for
  std::string socket;       // where `serve` offers lines, tried before a port is looked for; "": not tried
  std::string root;         // see FindPort()
  int64_t retry_ms = 1000;  // a port that is closed on the host's side says so at once whenever it is asked, and lines
                            // come every other second: no need to ask more often
};

struct ArrivedLine {
  GuestLine line;
  std::string text;
  int64_t arrived_ns = 0;        // CLOCK_MONOTONIC
  bool may_have_waited = false;  // it was in the port when that was opened, or next to it: nobody knows for how long
};

class LineSource {
 public:
  explicit LineSource(LineSourceOptions options) : options_(std::move(options)) {}

  // Opens what is to be opened and appends the lines that have come.
  void Step(std::vector<ArrivedLine>& out);

  int fd() const { return asleep_ ? -1 : fd_.get(); }  // -1: nothing to poll
  int64_t next_step_ns() const {
    return asleep_ || !fd_.ok() ? retry_at_ns_ : INT64_MAX;
  }  // without fd() being readable

  const std::string& path() const { return path_; }        // what is open, or was last
  const std::string& trouble() const { return trouble_; }  // why no line can come, with the remedy; "": it is open
  const GuestLineReader& reader() const { return reader_; }
  uint64_t times_opened() const { return times_opened_; }

 private:
  void Open(int64_t now_ns);
  std::string OpenSocket(const std::string& path);
  std::string OpenPort(const std::string& path);
  void Sleep(int64_t now_ns, std::string trouble, bool close);

  const LineSourceOptions options_;
  GuestLineReader reader_;
  OwnedFd fd_;
  bool is_tty_ = false;
  bool is_socket_ = false;
  bool is_file_ = false;
  bool asleep_ = false;  // the port is open, and closed on the host's side
  int64_t retry_at_ns_ = 0;
  int64_t opened_ns_ = 0;
  uint64_t times_opened_ = 0;
  std::string path_;
  std::string trouble_;
};

// Waits until `source` has a line, its trouble has changed, `also_fd` (-1: none) is readable, or it is `deadline_ns`.
enum class Awaited { kLine, kTrouble, kOther, kTimeout };
Awaited AwaitLines(LineSource& source, int64_t deadline_ns, std::vector<ArrivedLine>& out, int also_fd = -1);

}  // namespace vrapl
