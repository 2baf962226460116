// What a made thread does: the power it causes while it runs, and when it wants to run.
#pragma once

#include <cstdint>
#include <vector>

namespace vrapl {

// What a thread does to the package while it runs.
struct Work {
  double core_w = 5;    // dynamic power, alone on its core, at the reference frequency and without stalls
  double stalled = 0;   // 0 to 1: part of its time that it waits for memory when nobody else does
  double gb_per_s = 0;  // memory traffic at full speed
  bool wide = false;    // wide vectors: while it runs the package takes a lower frequency
  double wander = 0;    // its power moves by up to this part, anew every few ten milliseconds
};

// When it wants to run: runs and sleeps by turns, inside the first `active_ns` of each `cycle_ns`.
struct Demand {
  double run_ns = 1e6;    // mean of a run; what it needs of the CPU, waiting for one not included
  double sleep_ns = 1e6;  // mean of a sleep
  double spread = 1;      // 0: every run and sleep is the mean; 1: they are distributed exponentially
  double first_ns = 0;    // it first wants to run at this instant
  int64_t cycle_ns = 0;   // 0: always active
  int64_t active_ns = 0;
  int64_t cycle_offset_ns = 0;
  std::vector<int> cpus;  // it may run on these; none: on all
};

struct ThreadSpec {
  int row = 0;  // whose energy it is
  Work work;
  Demand demand;
};

}  // namespace vrapl
