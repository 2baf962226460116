#include "ground_truth/scenarios.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "ground_truth/host_maker.h"

namespace vrapl {
namespace {

constexpr double kMs = 1e6;

std::vector<int> EverySecondCpu(int first, int cpus) {
  std::vector<int> found;
  for (int cpu = first; cpu < cpus; cpu += 2) found.push_back(cpu);
  return found;
}

void Bursts(HostMaker& maker) {
  maker.AddPackage(8);
  const auto burst = [&](double run_ms, double sleep_ms) {
    return Demand{.run_ns = maker.Draw(0.7, 1.4) * run_ms * kMs, .sleep_ns = maker.Draw(0.7, 1.4) * sleep_ms * kMs};
  };
  maker.AddVm(2, WideVectors(maker), burst(30, 120));
  maker.AddVm(2, Compute(maker), burst(12, 40));
  maker.AddVm(4, Service(maker), burst(1.5, 9));
  maker.AddVm(1, MemoryBound(maker), burst(60, 200));
}

void Alternation(HostMaker& maker) {
  maker.AddPackage(4);
  // One CPU each half of the time, never both: the same run time, very different power.
  const auto cycle = static_cast<int64_t>(maker.Draw(16, 28) * kMs);
  const Demand first{
      .run_ns = 1e9, .sleep_ns = 1e4, .spread = 0, .cycle_ns = cycle, .active_ns = cycle / 2, .cpus = {2}};
  Demand second = first;
  second.cycle_offset_ns = cycle / 2;
  maker.AddVm(1, WideVectors(maker), first);
  maker.AddVm(1, MemoryBound(maker), second);
}

void NoisyNeighbour(HostMaker& maker) {
  maker.AddPackage(8);
  maker.AddVm(2, Service(maker), {.run_ns = 0.4 * kMs, .sleep_ns = 3 * kMs});
  maker.AddVm(16, WideVectors(maker), {.run_ns = maker.Draw(15, 40) * kMs, .sleep_ns = maker.Draw(60, 160) * kMs});
}

void SmtSharing(HostMaker& maker) {
  const int cpus = maker.AddPackage(8).traits.cores * 2;
  const Demand demand{.run_ns = 8 * kMs, .sleep_ns = 3 * kMs};
  Demand on_first = demand, on_second = demand, alone = demand;
  // Two VMs on the two halves of the same cores, and one whose siblings stay free.
  on_first.cpus = EverySecondCpu(0, cpus - 4);
  on_second.cpus = EverySecondCpu(1, cpus - 4);
  alone.cpus = {cpus - 4, cpus - 2};
  const Work work = Compute(maker);
  maker.AddVm(5, work, on_first);
  maker.AddVm(5, work, on_second);
  maker.AddVm(2, work, alone);
}

void MemoryBesideCompute(HostMaker& maker) {
  PackageTraits& traits = maker.AddPackage(8).traits;
  traits.gb_per_s = 45;  // some of them are enough to fill it
  const Demand demand{.run_ns = maker.Draw(10, 30) * kMs, .sleep_ns = maker.Draw(10, 30) * kMs};
  maker.AddVm(5, MemoryBound(maker), demand);
  maker.AddVm(3, MemoryBound(maker), demand);
  maker.AddVm(3, Compute(maker), demand);
  maker.AddVm(3, WideVectors(maker), demand);
}

void IdleFloor(HostMaker& maker) {
  maker.AddPackage(8);
  maker.AddVm(2, Service(maker), {.run_ns = 0.1 * kMs, .sleep_ns = 5 * kMs});
  maker.AddVm(2, Compute(maker), {.run_ns = 0.3 * kMs, .sleep_ns = 10 * kMs});
  maker.AddVm(1, Service(maker), {.run_ns = 0.05 * kMs, .sleep_ns = 1 * kMs});
}

void AddMixedVms(HostMaker& maker, size_t package = 0) {
  const auto demand = [&](double run_ms, double sleep_ms) {
    return Demand{.run_ns = maker.Draw(0.6, 1.6) * run_ms * kMs, .sleep_ns = maker.Draw(0.6, 1.6) * sleep_ms * kMs};
  };
  maker.AddVm(4, Service(maker), demand(1, 6), package);
  maker.AddVm(2, Compute(maker), demand(20, 40), package);
  maker.AddVm(2, MemoryBound(maker), demand(15, 40), package);
  maker.AddVm(2, WideVectors(maker), demand(25, 80), package);
}

void DriftingFloor(HostMaker& maker) {
  PackageTraits& traits = maker.AddPackage(8).traits;
  traits.drift_w = 0.15 * traits.floor_w;
  traits.drift_period_s = maker.Draw(15, 30);
  traits.step_w = 0.15 * traits.floor_w;
  traits.step_at_s = maker.Draw(14, 18);
  AddMixedVms(maker);
}

void HotAndCold(HostMaker& maker) {
  // The same VMs in two packages, one in the other's warm air; all of them pause for seconds, so that both cool.
  for (size_t i = 0; i < 2; ++i) {
    PackageTraits& traits = maker.AddPackage(8).traits;
    traits.ambient_k = i == 0 ? -10 : 25;
    traits.leak_w = 4;
    const Demand demand{.run_ns = 10 * kMs,
                        .sleep_ns = 12 * kMs,
                        .cycle_ns = static_cast<int64_t>(7e9),
                        .active_ns = static_cast<int64_t>(4e9),
                        .cycle_offset_ns = static_cast<int64_t>(i * 2e9)};
    maker.AddVm(4, Compute(maker), demand, i);
    maker.AddVm(4, WideVectors(maker), demand, i);
    maker.AddVm(2, Service(maker), {.run_ns = 1 * kMs, .sleep_ns = 4 * kMs}, i);
  }
}

void NeverIdle(HostMaker& maker) {
  // More threads than CPUs: no millisecond shows the floor, and busy time never changes.
  maker.AddPackage(4);
  maker.AddVm(4, Compute(maker), {.run_ns = 30 * kMs, .sleep_ns = 0.01 * kMs});
  maker.AddVm(4, MemoryBound(maker), {.run_ns = 30 * kMs, .sleep_ns = 0.01 * kMs});
  maker.AddVm(4, WideVectors(maker), {.run_ns = 30 * kMs, .sleep_ns = 0.01 * kMs});
}

void AlwaysTogether(HostMaker& maker) {
  // Two VMs that start and stop at the same instants, on cores of their own: no sample has one without the other.
  maker.AddPackage(4);
  Demand demand{.run_ns = maker.Draw(5, 15) * kMs, .sleep_ns = maker.Draw(5, 15) * kMs, .spread = 0, .cpus = {2}};
  maker.AddVm(1, WideVectors(maker), demand);
  demand.cpus = {4};
  maker.AddVm(1, MemoryBound(maker), demand);
}

// Seldom all busy; a few large VMs and many small ones, as on a real host.
void ManyVms(HostMaker& maker, int count) {
  const int cores = count <= 10 ? 8 : 32;
  maker.AddPackage(cores);
  const double busy_cpus = 0.55 * cores * 2;
  std::vector<double> sizes(static_cast<size_t>(count));
  for (double& size : sizes) size = 0.3 + maker.random().Exponential(1);
  const double all = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  for (int i = 0; i < count; ++i) {
    const double cpus = busy_cpus * sizes[static_cast<size_t>(i)] / all;
    const int vcpus = std::max(2, static_cast<int>(cpus * 1.5));
    const double busy = std::min(0.8, cpus / vcpus);
    const double run_ns = maker.Draw(0.3, 3) * kMs;
    const Demand demand{.run_ns = run_ns, .sleep_ns = run_ns * (1 - busy) / busy};
    const int kind = maker.random().Below(10);
    const Work work = kind < 5   ? Service(maker)
                      : kind < 7 ? Compute(maker)
                      : kind < 9 ? MemoryBound(maker)
                                 : WideVectors(maker);
    maker.AddVm(vcpus, work, demand);
  }
}

struct Recipe {
  Scenario scenario;
  std::function<void(HostMaker&)> make;
};

const std::vector<Recipe>& Recipes() {
  static const auto* const recipes = new std::vector<Recipe>{
      {{"bursts", "four VMs of different power come and go independently"}, Bursts},
      {{"alternation", "two VMs use the same CPU time by turns, at very different power"}, Alternation},
      {{"noisy-neighbour", "a small service beside a VM that takes all cores in bursts of wide vectors"},
       NoisyNeighbour},
      {{"smt-sharing", "equal work on the two halves of the same cores, and on cores of its own"}, SmtSharing},
      {{"memory-beside-compute", "memory-bound VMs that contend for bandwidth, beside computing ones"},
       MemoryBesideCompute},
      {{"idle-floor", "a host that does almost nothing: nearly all energy is floor"}, IdleFloor},
      {{"drifting-floor", "the floor swings, and steps once, while VMs run"}, DriftingFloor},
      {{"hot-and-cold", "two packages whose leakage follows their temperature, with loads that let them cool"},
       HotAndCold},
      {{"never-idle", "more threads than CPUs, always: the floor cannot be seen"}, NeverIdle},
      {{"always-together", "two VMs of different power that run at the same instants only"}, AlwaysTogether},
      {{"vms-1", "one VM"}, [](HostMaker& maker) { ManyVms(maker, 1); }},
      {{"vms-10", "ten VMs of all kinds"}, [](HostMaker& maker) { ManyVms(maker, 10); }},
      {{"vms-100", "a hundred VMs on 64 CPUs"}, [](HostMaker& maker) { ManyVms(maker, 100); }},
      {{"vms-1000", "a thousand VMs on 64 CPUs"}, [](HostMaker& maker) { ManyVms(maker, 1000); }},
  };
  return *recipes;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const auto* const scenarios = [] {
    auto* const all = new std::vector<Scenario>;
    for (const Recipe& recipe : Recipes()) all->push_back(recipe.scenario);
    return all;
  }();
  return *scenarios;
}

HostPlan PlanHost(absl::string_view name, uint64_t seed) {
  HostMaker maker(seed);
  const auto recipe = std::find_if(Recipes().begin(), Recipes().end(),
                                   [&](const Recipe& known) { return known.scenario.name == name; });
  if (recipe != Recipes().end()) recipe->make(maker);
  return maker.Take();
}

std::vector<std::unique_ptr<SyntheticHost>> Start(const HostPlan& host, uint64_t seed) {
  std::vector<std::unique_ptr<SyntheticHost>> started;
  Random random(seed);
  for (const PackagePlan& package : host.packages) {
    const int cpus = package.traits.cores * package.traits.smt;
    std::unique_ptr<Schedule> schedule;
    if (package.recorded.empty()) {
      schedule = std::make_unique<MadeSchedule>(package.threads, cpus, package.traits.smt, random.Fork());
    } else {
      schedule = std::make_unique<RecordedSchedule>(package.recorded, cpus);
    }
    started.push_back(std::make_unique<SyntheticHost>(package.traits, package.counter, package.threads,
                                                      static_cast<int>(host.rows.size()), std::move(schedule),
                                                      random.Bits()));
  }
  return started;
}

}  // namespace vrapl
