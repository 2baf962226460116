// The scene of every guest test: two VMs, "ada" whose ttyS1 is a unix socket on the host, and "bob" whose is a pty.
// They boot once for all tests of a program, and each test finds them idle.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/guest/guest.h"
#include "tests/guest/serve.h"

namespace vrapl {

class TwoGuests : public testing::Test {
 protected:
  static void TearDownTestSuite();
  void SetUp() override;

  static Guest& ada() { return *ada_; }
  static Guest& bob() { return *bob_; }

  // The consoles from here on.
  void MarkConsoles();
  std::string SinceMark(const Guest& guest) const;

 private:
  static std::unique_ptr<Guest> ada_;
  static std::unique_ptr<Guest> bob_;
  size_t ada_mark_ = 0;
  size_t bob_mark_ = 0;
};

// One line of evidence in the test's log.
template <typename... Args>
void Say(const absl::FormatSpec<Args...>& format, const Args&... args) {
  absl::PrintF("    %s\n", absl::StrFormat(format, args...));
  std::fflush(stdout);
}

// Waits, half a minute at most, until this machine is idle but for us: what is to be shown is shown at its clearest
// then. Says so when it is not.
void AwaitQuiet();

// What the guest got on a port of what the ledger (`flushes`, the part of a run in which it was to get lines) says:
// every line from the first one that it got to the last, none torn, each the very text of the ledger. The last flush of
// a run is sent as its port closes, and may be lost. Fails the test where not, and says what it found.
void ExpectEveryLine(const Guest& guest, absl::string_view port, absl::string_view console,
                     const std::vector<Flush>& flushes, size_t may_miss_at_start = 1);

// What a guest got that could not read at times: each line is the very text of the ledger, in order, none torn; no
// energy is less than the line's before in its epoch; and what is missing between the lines, of all `ports` together,
// is what the ledger says was not written. `ports` are those that get lines in `flushes`. What they got on each goes to
// the return value, in their order. Fails the test where not, and says what it found.
std::vector<Received> ExpectGapsAreSkips(const Guest& guest, const std::vector<std::string>& ports,
                                         absl::string_view console, const std::vector<Flush>& flushes);

// The lines of a VM tell what its rows and totals say: the energies rounded down to the quantum, run times as they are.
void ExpectLinesTellTheLedger(const std::string& name, const std::vector<Flush>& flushes);

}  // namespace vrapl
