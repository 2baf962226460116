// SerialPort: writes lines to one port of a VM and never waits for the guest.
//
// A line that cannot go now is dropped, and the next takes its place: energy is
// cumulative, so nothing is lost. QEMU and the kernel would queue minutes of
// lines for a guest that does not read, and let it read those first; so a line
// is written only when the last one has been taken: at most one old line waits.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <termios.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/posix.h"
#include "delivery/pty_master.h"
#include "delivery/tcp_port.h"

namespace vrapl {

enum class PortType {
  kByPath,      // given by hand: a unix socket or a terminal, whichever the path is
  kUnixSocket,  // a socket that QEMU listens on
  kPty,         // a pty whose master is QEMU's
  kTcp,         // HOST:PORT on this machine's loopback, where QEMU listens
};

struct PortAddress {
  PortType type = PortType::kByPath;
  std::string path;
  pid_t owner = 0;                 // the VM's process; 0: unknown, and then a pty cannot be verified
  std::optional<bool> guest_open;  // what libvirt last said; used only where nothing better is known
};

enum class Outcome {
  kSent,           // the line is on its way
  kSkippedUnread,  // the guest has not read the last one; or another program on the host holds the port
  kNotConnected,   // nobody listens; tried again after a pause of 1 s doubling to 30 s
  kError,          // see last_error(); tried again likewise
};
const char* OutcomeName(Outcome outcome);  // "sent", "skipped-unread", "not-connected", "error"

struct PortCounters {
  uint64_t sent = 0;
  uint64_t skipped_unread = 0;
  uint64_t not_connected = 0;
  uint64_t errors = 0;
  uint64_t connections = 0;
  uint64_t broken_lines = 0;     // a pty took only a part; the rest was dropped, and the CRC tells the guest
  uint64_t bytes_discarded = 0;  // came from the guest: echo, mostly. Never looked at.
};

// The devices in use, so that one is not written to twice under two names. Not
// thread-safe.
class PortRegistry {
 public:
  using Device = std::pair<uint64_t, uint64_t>;
  bool Claim(const Device& device) { return claimed_.insert(device).second; }
  void Release(const Device& device) { claimed_.erase(device); }

 private:
  std::set<Device> claimed_;
};

struct SerialPortOptions {
  int explain_every = 30;            // a comment line goes with the first line and every so many; 0: never
  PortRegistry* registry = nullptr;  // outlives the port
};

// Threads: one at a time. No call waits: every descriptor is non-blocking, and
// what a guest sends is drained in bounded bites.
//
// Write() is on the way of all other guests' lines and does the least: one system call for a guest whose last line is
// known to have been taken, none for one that is known not to have read it. Look(), called when there is time, finds
// that out: what has been taken once stays so until the next Write(), and LookAgain() says when the other has changed.
class alignas(64) SerialPort {
 public:
  SerialPort(PortAddress address, const Clock& clock, SerialPortOptions options = {});
  ~SerialPort();
  SerialPort(SerialPort&& other) = delete;
  SerialPort& operator=(SerialPort&& other) = delete;

  // `line` ends in its only '\n' and has no more than kMaxGuestLine bytes.
  Outcome Write(absl::string_view line);

  // Drains what the guest sent, and sees whether the last line has been taken. A VM that has closed its end is noticed,
  // too: the port is opened again by a Write() after the pause. Nothing when not connected.
  void Look();
  // Of a guest that had not read its line at the last look: whether it has now.
  void LookAgain() {
    if (last_line_ == LastLine::kUnread) Look();
  }

  void SetGuestOpen(std::optional<bool> guest_open) { address_.guest_open = guest_open; }

  const PortAddress& address() const { return address_; }
  const PortCounters& counters() const { return counters_; }
  bool connected() const { return fd_.ok(); }
  // Skips since a line was last taken: many of them while the guest reads mean
  // that another program holds the port.
  uint64_t skips_in_a_row() const { return skips_in_a_row_; }
  // Whether it can be seen if the guest has read: a unix socket, TCP within this network namespace, or a pty whose
  // master we may look at. Where not, the kernel queues up to about 20 kB for a
  // guest that does not read.
  bool bounded() const { return connected() && (kind_ == Kind::kSocket || master_.has_value() || tcp_.has_value()); }
  // The last line has not been taken yet, as far as that can be seen; false where it cannot.
  bool waits_for_reader() { return connected() && Unread().value_or(false); }
  // The latest failure, kept until a line is sent. OK if none.
  const absl::Status& last_error() const { return last_error_; }

 private:
  enum class Kind { kSocket, kTerminal, kTcp };

  absl::Status Open();
  absl::Status OpenSocket(const struct stat& file);
  absl::Status OpenTcp();
  absl::Status OpenTerminal(const struct stat& file);
  absl::Status OpenPath();
  absl::Status Claim(const PortRegistry::Device& device);
  absl::Status Drain();
  absl::StatusOr<bool> Unread();
  Outcome Send(absl::string_view line);
  Outcome Fail(absl::Status status);
  void Drop(absl::Status status);
  void Close();

  // What a line touches is one cache line: at a flush of a thousand ports each has to be fetched.
  UniqueFd fd_;
  Kind kind_ = Kind::kSocket;
  enum class LastLine : uint8_t { kNotLooked, kTaken, kUnread };
  LastLine last_line_ = LastLine::kNotLooked;  // what the last look saw of it
  bool mid_line_ = false;                      // a broken line waits for its '\n'
  const SerialPortOptions options_;
  uint64_t sent_since_open_ = 0;
  uint64_t skips_in_a_row_ = 0;
  int64_t pause_ns_ = 0;
  absl::Status last_error_;
  PortCounters counters_;

  PortAddress address_;
  const Clock& clock_;
  int64_t next_attempt_ns_ = 0;
  std::optional<PtyMaster> master_;
  std::optional<TcpPort> tcp_;     // while it can be seen what the other end has read
  std::optional<termios> before_;  // of a terminal, put back when we leave
  std::optional<PortRegistry::Device> device_;
  std::optional<dev_t> hung_up_;  // a pty that ended; its number may be another program's now
};

}  // namespace vrapl
