// A package made of arithmetic: counters that follow a curve, CPUs that follow a plan, on a clock that a test drives.
// Stands for the hardware and the kernel; the SamplingLoop over it is the one that ships.
//
//   SimulatedClock clock;
//   MadePackage package(clock, {.package_id = 0, .cpus = {0, 1}});
//   package.SetPower(0, 80);                       // domain 0 draws 80 W
//   package.SetThreads({{.tid = 7, .tgid = 7}});   // its CPUs are shared out at random to these, and idle
//   SamplingLoop loop(package, package, clock, {});
//   loop.Start(), loop.Step();
//   package.truth().run_ns.at(7)                   // what it gave away
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "base/energy_source.h"
#include "sampler/sampling_loop.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {

struct MadePackageOptions {
  int package_id = 0;
  std::vector<int> cpus = {0, 1};
  std::vector<RaplDomain> domains = {RaplDomain::kPackage, RaplDomain::kDram};
  double joules_per_tick = 1.0 / 16384;
  int64_t update_ns = kNanosPerMilli;  // the counter moves at multiples of this
  int64_t read_cost_ns = 2'000;
  uint32_t seed = 1;
  // Run time is told by core: the i-th CPU is of the i-th RaplDomain::kCore, modulo their number.
  bool by_core = false;
};

class MadePackage final : public EnergySource, public RunTimeSource {
 public:
  struct Truth {
    std::map<uint32_t, int64_t> run_ns;  // per tid
    CpuTime time;
  };
  // Gives the run time of all CPUs in (from_ns, to_ns] to the window. What it gives must be CPUs x (to_ns - from_ns).
  using Plan = std::function<void(int64_t from_ns, int64_t to_ns, RunTimeWindow& window)>;

  MadePackage(SimulatedClock& clock, MadePackageOptions options)
      : clock_(clock), options_(std::move(options)), random_(options_.seed) {
    info_.package_id = options_.package_id;
    info_.cpus = options_.cpus;
    covered_ = static_cast<int>(options_.cpus.size());
    info_.reader_cpu = options_.cpus.front();
    int cores = 0;
    for (const RaplDomain domain : options_.domains) {
      const int core = domain == RaplDomain::kCore ? cores++ : -1;
      info_.domains.push_back({.id = {domain, core}, .unit = {options_.joules_per_tick}});
      power_w_.push_back(80);
      joules_.push_back(0);
      since_ns_.push_back(clock.NowNs());
      ticks_.push_back(0);
      failing_.push_back(0);
    }
  }

  // From now on.
  void SetPower(size_t domain, double watts) {
    Accrue(domain);
    power_w_[domain] = watts;
  }
  // Reads of `domain` give this errno until it is 0 again; the counter goes on.
  void SetError(size_t domain, int error) { failing_[domain] = error; }
  // Each CPU's time is divided at random between these, idle, interrupts, stolen and unreported.
  void SetThreads(std::vector<ThreadRun> threads) { threads_ = std::move(threads); }
  void SetPlan(Plan plan) { plan_ = std::move(plan); }
  void SetLostRecords(uint64_t count) { lost_records_ = count; }
  uint64_t lost_records() const override { return lost_records_; }
  void SetLongestPause(int64_t ns) { longest_pause_ns_ = ns; }
  int64_t longest_pause_ns() const override { return longest_pause_ns_; }
  int64_t longest_pause_seen_ns() const { return longest_pause_seen_ns_; }  // between two reads of run time
  void SetReadCost(int64_t ns) { options_.read_cost_ns = ns; }

  const Truth& truth() const { return truth_; }
  uint64_t ticks(size_t domain) const { return ticks_[domain]; }  // as last read or failed to be read
  const std::vector<uint64_t>& last_good() const { return last_good_; }

  absl::string_view backend() const override { return "made"; }
  const PackageInfo& package() const override { return info_; }
  void Read(EnergySample& sample) override {
    sample.before_ns = clock_.NowNs();
    clock_.Advance(options_.read_cost_ns);
    sample.after_ns = clock_.NowNs();
    last_good_.resize(info_.domains.size());
    for (size_t i = 0; i < info_.domains.size(); ++i) {
      Accrue(i);
      sample.error[i] = failing_[i];
      if (anew_ && failing_[i] == 0) sample.error[i] = EOVERFLOW;
      if (failing_[i] == 0) last_good_[i] = ticks_[i];
      sample.ticks[i] = last_good_[i];
    }
    anew_ = false;
  }
  void StartAnew() override { anew_ = true; }

  void Start(int64_t start_ns) override { last_ns_ = start_ns; }
  bool TellCores(absl::Span<const int> core_ids) override {
    cores_ = options_.by_core ? static_cast<int>(core_ids.size()) : 0;
    return options_.by_core;
  }
  void Read(int64_t t_ns, RunTimeWindow& window) override {
    const int64_t from_ns = std::exchange(last_ns_, t_ns);
    longest_pause_seen_ns_ = std::max(longest_pause_seen_ns_, t_ns - from_ns);
    if (plan_) {
      plan_(from_ns, t_ns, window);
    } else {
      for (int cpu = 0; cpu < covered_; ++cpu) {
        ShareOut(t_ns - from_ns, cores_ > 0 ? cpu % cores_ : kAllCores, window);
      }
    }
  }

  // As a source of energy, and as one of run time.
  void CoverCpus(absl::Span<const int>) override {}
  void CoverCpus(absl::Span<const CpuOnCore> cpus) override { covered_ = static_cast<int>(cpus.size()); }
  int cpu_count() const override { return covered_; }

  void Give(const ThreadRun& thread, int64_t ns, RunTimeWindow& window, int core = kAllCores) {
    ThreadRun run = thread;
    run.core = core;
    run.run_ns = run.solo_ns = ns;
    window.AddThread(run);
    truth_.run_ns[thread.tid] += ns;
    truth_.time.run_ns += ns;
  }
  void GiveIdle(int64_t ns, RunTimeWindow& window, int core = kAllCores) {
    window.AddIdle(ns, core);
    truth_.time.idle_ns += ns;
  }

 private:
  void Accrue(size_t domain) {
    // The counter shows the energy up to its last update.
    const int64_t now_ns = clock_.NowNs() / options_.update_ns * options_.update_ns;
    if (now_ns <= since_ns_[domain]) return;
    joules_[domain] += power_w_[domain] * static_cast<double>(now_ns - since_ns_[domain]) * 1e-9;
    since_ns_[domain] = now_ns;
    ticks_[domain] = static_cast<uint64_t>(joules_[domain] / options_.joules_per_tick);
  }

  void ShareOut(int64_t ns, int core, RunTimeWindow& window) {
    const auto part = [&] {
      const int64_t taken = ns == 0 ? 0 : static_cast<int64_t>(random_() % static_cast<uint64_t>(ns + 1));
      ns -= taken;
      return taken;
    };
    for (const ThreadRun& thread : threads_) {
      if (random_() % 3 == 0) continue;
      if (const int64_t taken = part(); taken > 0) Give(thread, taken, window, core);
    }
    if (random_() % 16 == 0) {
      const int64_t taken = part();
      window.AddStolen(taken, core);
      truth_.time.stolen_ns += taken;
    }
    if (random_() % 16 == 0) {
      const int64_t taken = part();
      window.AddIrq(taken, core);
      truth_.time.irq_ns += taken;
    }
    if (random_() % 16 == 0) {
      const int64_t taken = part();
      window.AddUnreported(taken, core);
      truth_.time.unreported_ns += taken;
    }
    GiveIdle(ns, window, core);
  }

  SimulatedClock& clock_;
  MadePackageOptions options_;
  std::mt19937 random_;
  PackageInfo info_;
  int cores_ = 0;    // told apart
  int covered_ = 0;  // so many CPUs are online now
  std::vector<double> power_w_;
  std::vector<double> joules_;
  std::vector<int64_t> since_ns_;
  std::vector<uint64_t> ticks_;
  std::vector<uint64_t> last_good_;
  std::vector<int> failing_;
  bool anew_ = false;
  std::vector<ThreadRun> threads_;
  uint64_t lost_records_ = 0;
  int64_t longest_pause_ns_ = INT64_MAX;
  int64_t longest_pause_seen_ns_ = 0;
  Plan plan_;
  int64_t last_ns_ = 0;
  Truth truth_;
};

}  // namespace vrapl
