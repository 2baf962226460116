// How much a VM can learn of a neighbour from its own lines, by trying: one sends, the other reads.
#pragma once

#include "delivery/guest_policy.h"

namespace vrapl {

// Bits per second that surely arrive. A simulation, of the worst case: the sender chooses the receiver's power anew for
// each line, within range_w (> 0), and all of it shows in the receiver's energy; there is no other load, no noise of
// the machine, and the clocks agree. The receiver knows what it draws itself, reads its lines as text, energy and
// active energy where it is told that, and takes the nearest of the sender's levels; of their numbers from 2 to 2^26
// the best counts. What arrives is reckoned from the share of wrong guesses by Fano's inequality, as if nothing were
// known of a wrong one.
//
// Repeatable: random numbers come from fixed seeds. 26 x `lines` lines; 0 where the policy tells nothing.
double MeasureLeak(const GuestPolicy& policy, double range_w, int lines = 4000);

}  // namespace vrapl
