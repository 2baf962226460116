// How far the models are from the truth: a made host is lived through once, every model charges what was seen of it,
// and each VM's energy is compared with what it truly used.
//
// The truth of a VM is its active energy (package_power.h); the floor is the idle row's. A model is held to what it
// charges the VM, whatever it calls it: a model that gives the floor to the VMs is that wrong about them. How well it
// tells VMs apart, the floor aside, is the error of the split.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "ground_truth/scenarios.h"

namespace vrapl {

struct AccuracyOptions {
  std::vector<Model> models;
  int64_t learn_ns = 12'000'000'000;     // lived through before errors count
  int64_t scored_ns = 20'000'000'000;    // and then this
  std::vector<int> windows = {1, 2000};  // lengths, in samples
  // The base power is given, as an operator finds it on the idle, cool host before; else models learn it.
  bool calibrated = false;
};

// Of one model at one length of window. All errors are parts of the truth: 0.05 is 5 %.
struct ModelScore {
  Model model = Model::kBaseShare;
  int window_samples = 0;
  // Over VMs with a meaningful share (a tenth of an equal one, or more): sum over windows of |charged - true| / sum of
  // true.
  double mean_error = 0;
  double worst_error = 0;
  int worst_vm = 0;
  // The same for the whole time as one window: what does not average out.
  double whole_worst_error = 0;
  // Sum of |charged - true| over all windows and all rows but the floor's, as a part of all active energy.
  double misplaced = 0;
  // Of all that the model charges to VMs, over the whole time, what part is with the wrong VM.
  double split_error = 0;
  // Of the windows in which a VM used or was charged anything, the part whose 95 % interval held the truth; the half
  // width of the interval, and the interval score (its width and 40 times what it missed by: Gneiting and Raftery,
  // 2007), as parts of the true energy.
  double covered = 0;
  double half_width = 0;
  double interval_score = 0;
  // mean_error of a rule that knew the floor and what each row draws on average, but not how that moves: no model of
  // constant powers does much better. 0 for all windows but the longest.
  double ideal_error = 0;
  // Part of the windows in which another model stood in.
  double stood_in = 0;
};

// One score for each model and length of window.
std::vector<ModelScore> Judge(const HostPlan& host, uint64_t seed, const AccuracyOptions& options);

}  // namespace vrapl
