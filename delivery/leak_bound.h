// How much a VM's lines can tell of a neighbour at most, by its policy. Pure.
#pragma once

#include <string>

#include "delivery/guest_policy.h"

namespace vrapl {

// Bits per second that lines can tell at most of anything that moves the VM's energy, such as a neighbour that
// modulates its load: each figure of energy in a line, the power being a difference of two of them, takes one of 3 +
// floor(range x period / quantum) values, with noise of 5 + .... docs/guest-policy.md has the derivation.
//
//   range_w  by how much a neighbour can move this VM's power. 0 or more.
double LeakBound(const GuestPolicy& policy, double range_w);

// "at most 5.484 bit/s of ...": the bound in words, rounded up, of a neighbour that moves 100 W.
std::string DescribeLeakBound(const GuestPolicy& policy);

}  // namespace vrapl
