// The power of a made package at one instant, and whose it is. Not of any model's form, on purpose: it knows what run
// time does not tell.
//
// What it has in it: each thread its own intensity; two threads of one core that draw less than the sum of both, by
// how much depends on who they are; frequency steps by the number of awake cores and by wide vectors; an uncore that
// the first awake core wakes; memory-bound threads that draw less when the memory's bandwidth is contended; leakage
// that grows with temperature; a floor that moves by itself.
//
// Whose it is, at each instant:
//  - The floor is what the package would draw at that instant, as warm as it is, if no thread ran. It is the idle
//  row's.
//    What a package that has become hot leaks outside of its cores is in it: whoever made it hot may be long gone.
//    Cores that sleep are gated and leak next to nothing.
//  - Active power is the rest, and belongs to the threads that run at that instant. The frequency and the contention
//    are taken as they are: a thread that slows others down has no claim on what they no longer draw. A thread gets
//    what its own instructions draw in its core and its own memory traffic. What several cause together is divided by
//    Shapley's rule, that is by what each adds, averaged over all orders in which they could have come: of two threads
//    on a core each has what it draws alone less half of what the two save by sharing; a core's clock and leakage are
//    divided equally by those on the core, the uncore equally by all threads that run.
//
// Pure. The order of magnitude of the constants is that of server CPUs; none is a measurement of one.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "ground_truth/work.h"

namespace vrapl {

struct PackageTraits {
  int cores = 8;
  int smt = 2;  // 1 or 2
  double floor_w = 18;
  double uncore_w = 9;        // from the first awake core on
  double core_awake_w = 0.4;  // clocks of each awake core
  // Frequency by number of awake cores, relative to the reference: steps[i] up to (i + 1) / steps.size() of the cores.
  std::vector<double> frequency_steps = {1.15, 1.10, 1.05, 1.0};
  double wide_step = 0.92;  // beside any thread with wide vectors
  double gb_per_s = 60;     // memory bandwidth
  double w_per_gb_per_s = 0.12;
  // Leakage grows by e with every leak_k of temperature. Outside of the cores: leak_w x (e^(T / leak_k) - 1), T the
  // temperature above the reference; of each awake core: core_leak_w x e^(T / leak_k).
  double leak_w = 1.2;
  double core_leak_w = 0.35;
  double leak_k = 45;
  double ambient_k = 0;  // the temperature of the package when it draws nothing
  double k_per_w = 0.4;  // how much warmer each watt makes it
  double thermal_s = 6;  // and how quickly: time constant
  double drift_w = 0;    // the floor moves up and down by this much
  double drift_period_s = 20;
  double step_w = 0;  // and steps up by this at step_at_s
  double step_at_s = 0;
};

// A thread that runs, and by which part its power is off its mean at the moment.
struct Runner {
  const Work* work = nullptr;  // nullptr: nobody
  double wander = 1;
};

// The frequency that the package's control takes when these run; relative to the reference.
double FrequencyFor(const PackageTraits& traits, absl::Span<const Runner> cpus);

// Active power of the runner on each CPU, W. `cpus`: one per CPU, those of a core side by side. Sum == what the
// package draws above its floor. `kelvin`: above the reference temperature. `core_watts`: of `watts`, what is drawn
// within the core, which is what a counter of that core counts: not the uncore and not memory traffic.
void ActivePower(const PackageTraits& traits, absl::Span<const Runner> cpus, double frequency, double kelvin,
                 absl::Span<double> watts, absl::Span<double> core_watts);

// The floor `seconds` after the start at `kelvin` above the reference temperature.
double FloorPower(const PackageTraits& traits, double seconds, double kelvin);

}  // namespace vrapl
