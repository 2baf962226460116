// The curves of the page, from the windows of a recording: who gets one of his own, and power of each over time.
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "report/power_distribution.h"
#include "report/pyramid.h"
#include "report/run_totals.h"

namespace vrapl {

// Who has a curve of his own. More than a dozen lines cannot be told apart: the VMs that used least share one.
class CurveOwners {
 public:
  struct Entry {
    Owner owner;        // of the entry for other VMs: kind kVm, without a VM
    std::string label;  // unlike all others
    int others = 0;     // so many VMs share it
  };

  //   most_vms  so many VMs have one of their own, those of the most energy; the rest share one
  //   only_vms  names or UUIDs: only these may; empty: all
  // Names and UUIDs without a VM are left in unknown_vms().
  CurveOwners(const RunTotals& totals, size_t most_vms, const std::vector<std::string>& only_vms);

  // Idle first, then what is no VM, then VMs, the one with the most energy first.
  const std::vector<Entry>& entries() const { return entries_; }
  size_t IndexOf(const Owner& owner) const;
  const std::vector<std::string>& unknown_vms() const { return unknown_vms_; }

 private:
  std::vector<Entry> entries_;
  std::map<Owner, size_t> index_;
  size_t others_ = 0;  // the entry of VMs without one of their own
  std::vector<std::string> unknown_vms_;
};

// Groups: all packages together, and each by itself where there are several. Track group * (owners + 1) + owner, the
// last of a group being the sum of its counters.
class Curves {
 public:
  Curves(const CurveOwners& owners, const RunTotals& totals, int64_t bin_ns);

  void Add(const FlushReport& report);

  struct Group {
    std::string label;
    int package_id = -1;  // -1: all
    int die_id = 0;
  };
  const std::vector<Group>& groups() const { return groups_; }
  size_t tracks_per_group() const { return owners_.entries().size() + 1; }

  std::vector<PyramidLevel> TakeLevels() { return pyramid_.TakeLevels(); }
  // Of all packages: one for each owner, and the sum.
  std::vector<PowerDistribution>& distributions() { return distributions_; }
  // How late the latest sample of each window was: counts by the upper bound of the bucket, per package and die.
  using Histogram = std::map<int64_t, uint64_t>;
  const std::map<std::pair<int, int>, Histogram>& lateness() const { return lateness_; }
  uint64_t windows() const { return windows_; }
  int64_t longest_window_ns() const { return longest_window_ns_; }

  // 8 buckets per power of two, as sampler/lateness.h has them: the upper bound of the one that holds late_ns.
  static int64_t BucketBound(int64_t late_ns);

 private:
  size_t OwnerOf(size_t position, const RowReport& row);

  const CurveOwners& owners_;
  std::vector<Group> groups_;
  std::map<std::pair<int, int>, size_t> group_of_;
  Pyramid pyramid_;
  std::vector<PowerDistribution> distributions_;
  std::map<std::pair<int, int>, Histogram> lateness_;
  uint64_t windows_ = 0;
  int64_t longest_window_ns_ = 0;
  std::vector<int64_t> energy_uj_;
  std::vector<int64_t> dt_ns_;
  // Rows come in the same order again and again: whose the row at this position was last.
  std::vector<std::pair<Owner, size_t>> known_;
};

}  // namespace vrapl
