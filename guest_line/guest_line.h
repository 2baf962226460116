// The line that a guest gets every flush: one VM's energy as text, and back. docs/guest-line.md specifies it.
//
//   VRAPL1 seq=1042 unix_s=1763767882.271 dt_s=2.000013 power_w=12.450 energy_uj=31842100000 quantum_uj=100000
//   run_time_ns=803441827712 vcpus=4 model=base-share source=msr run_time_method=bpf epoch=9f3a61c2 st=ok *654faf72
//
// What the host and the guest share: the standard library only, no file, clock or thread. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vrapl {

inline constexpr std::string_view kGuestLineMagic = "VRAPL1";
inline constexpr size_t kTypicalGuestLine = 440;  // bytes that a line of ours does not exceed
inline constexpr size_t kMaxGuestLine = 1024;     // bytes, newline included, that a reader must accept and may stop at

// What is true of a line's interval, as bits. None is "ok".
enum GuestLineState : uint32_t {
  kLineOk = 0,
  kLineWarm = 1,      // "warm": the first interval of an epoch
  kLineGap = 2,       // "gap": part of it was not measured, or measured coarsely
  kLineNoEnergy = 4,  // "noenergy": this host has no energy counter; there is run time only
  kLineCoarse = 16,   // "coarse": run time is not of every switch by the scheduler's clock; run_time_method says how
  kLineOther = 8,     // read from a line: a word that this version does not know
};

// The integers that the line prints, in the units of its last digits, so that format and parse lose nothing.
struct GuestLine {
  uint64_t seq = 0;
  int64_t unix_ms = 0;                     // end of the interval, host's wall clock
  int64_t dt_us = 0;                       // length of the interval
  std::optional<int64_t> power_mw;         // mean over the interval
  std::optional<int64_t> active_power_mw;  // the part of it above the idle floor
  std::optional<int64_t> energy_uj;        // since the epoch began
  std::optional<int64_t> active_uj;        // likewise, without the VM's part of the idle floor
  std::optional<int64_t> err_uj;           // 95 % measurement error of this interval's energy
  std::optional<int64_t> quantum_uj;       // the step in which energy_uj and active_uj are told
  std::optional<int64_t> run_time_ns;      // of all threads of the VM, since the epoch began
  std::optional<int64_t> vcpus;
  std::string model;            // how energy was divided: "base-share", "share", "capacity"
  std::string source;           // where it was read: "msr", "perf", "sysfs", "emulated"
  std::string run_time_method;  // how run time is known: "bpf", "schedstat", ...
  uint32_t epoch = 0;
  uint32_t state = kLineOk;

  friend bool operator==(const GuestLine&, const GuestLine&) = default;
};

// The line with its newline, of printable ASCII. `model`, `source` and `run_time_method` are words of [A-Za-z0-9._+-],
// at most 32 long; what is not becomes '_', and an empty one is left out. Numbers are not negative.
std::string FormatGuestLine(const GuestLine& line);

// The words of `st`, "ok" or "warm,gap".
std::string GuestLineStateWords(uint32_t state);

// A number of 10^-places as a decimal: (12431, 3) is "12.431". Not negative.
std::string FixedPoint(int64_t value, int places);

enum class GuestLineFault {
  kNone,
  kDamaged,  // the CRC is missing or wrong
  kForeign,  // the CRC is right, and the text is not a line of this version: "VRAPL2 ...", a key that is missing, twice
             // there, or not a number
};

struct DecodedGuestLine {
  GuestLineFault fault = GuestLineFault::kNone;
  std::string why;  // of a fault; printable ASCII whatever was read
  GuestLine line;   // without one
};

// `text` is a line with or without its end ("\n", "\r\n"). Unknown keys are skipped.
DecodedGuestLine DecodeGuestLine(std::string_view text);

// The comment that precedes a line now and then, so that who just types `cat` can read it.
const char* GuestLineComment();

}  // namespace vrapl
