#include "ground_truth/host_maker.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {

PackagePlan& HostMaker::AddPackage(int cores, int smt) {
  PackagePlan made;
  made.traits.cores = cores;
  made.traits.smt = smt;
  made.traits.floor_w = 8 + Draw(0.9, 1.5) * cores;
  made.traits.uncore_w = 3 + Draw(0.5, 0.9) * cores;
  made.traits.gb_per_s = Draw(6, 9) * cores;
  made.traits.leak_w = Draw(0.1, 0.2) * cores;
  made.traits.k_per_w = 40 / (made.traits.floor_w + 6.0 * cores);
  made.traits.thermal_s = Draw(4, 9);
  // One machine's period differs from another's by this much (82 runs).
  made.counter.period_ns = 999'000 + 6'500 * random_.Normal();
  made.counter.jitter_ns = Draw(2'000, 12'000);
  host_.packages.push_back(std::move(made));
  return host_.packages.back();
}

void HostMaker::AddThreads(int row, int threads, const Work& work, const Demand& demand, size_t package) {
  for (int i = 0; i < threads; ++i) {
    ThreadSpec spec{.row = row, .work = work, .demand = demand};
    // Threads of one VM do not begin as one, unless they are to keep step.
    if (demand.spread > 0) spec.demand.first_ns += random_.Uniform(0, demand.run_ns + demand.sleep_ns);
    host_.packages[package].threads.push_back(std::move(spec));
  }
}

int HostMaker::AddVm(int vcpus, const Work& work, const Demand& demand, size_t package) {
  const int row = host_.vms++;
  host_.rows.push_back(absl::StrCat("vm", row));
  AddThreads(row, vcpus, work, demand, package);
  return row;
}

HostPlan HostMaker::Take() {
  const int other = host_.vms;
  host_.rows.emplace_back("other");
  host_.rows.emplace_back("vrapl");
  for (size_t i = 0; i < host_.packages.size(); ++i) {
    AddThreads(other, 2, Service(*this), {.run_ns = 60e3, .sleep_ns = 8e6}, i);
    AddThreads(other, 1, Service(*this), {.run_ns = 3e6, .sleep_ns = 600e6}, i);
    // The sampler: short, every millisecond, always on the same CPU.
    AddThreads(other + 1, 1, {.core_w = 3.5, .stalled = 0.3, .gb_per_s = 0.2},
               {.run_ns = 15e3, .sleep_ns = 985e3, .spread = 0, .cpus = {0}}, i);
  }
  return std::move(host_);
}

Work Compute(HostMaker& maker) {
  return {.core_w = maker.Draw(4, 6), .stalled = maker.Draw(0, 0.1), .gb_per_s = maker.Draw(0.1, 0.8), .wander = 0.06};
}

Work WideVectors(HostMaker& maker) {
  return {.core_w = maker.Draw(8.5, 11.5),
          .stalled = maker.Draw(0.02, 0.12),
          .gb_per_s = maker.Draw(0.5, 2.5),
          .wide = true,
          .wander = 0.05};
}

Work MemoryBound(HostMaker& maker) {
  return {.core_w = maker.Draw(3, 4.5), .stalled = maker.Draw(0.6, 0.8), .gb_per_s = maker.Draw(8, 14), .wander = 0.08};
}

Work Service(HostMaker& maker) {
  return {
      .core_w = maker.Draw(2.8, 5), .stalled = maker.Draw(0.2, 0.45), .gb_per_s = maker.Draw(0.5, 3), .wander = 0.15};
}

}  // namespace vrapl
