// MadeHost: made packages with the loops of the program over them, on a clock that a test turns: hours in seconds.
// Every report is held against the laws of the ledger.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/topology.h"
#include "delivery/guest_line.h"
#include "sampler/flush_loop.h"
#include "sampler/recorder.h"
#include "tests/sampler/made_package.h"
#include "tests/status_matchers.h"

namespace vrapl {

inline constexpr pid_t kVrapl = 100;
inline constexpr int64_t kMs = kNanosPerMilli;
inline constexpr int64_t kSecond = kNanosPerSecond;

inline Vm MadeVm(const std::string& name, pid_t pid, int vcpus = 2, uint64_t start_time = 1) {
  Vm vm{.uuid = "uuid-" + name, .name = name, .pid = pid, .start_time = start_time, .vcpus = {}, .ports = {}};
  for (int i = 0; i < vcpus; ++i) vm.vcpus.push_back({.index = i, .tid = pid + 1 + i});
  return vm;
}

// Every thread of a process whose number ends in 00 is a vCPU: thread 1001 of process 1000 is its vcpu0.
inline std::string NameOfThread(uint32_t tgid, uint32_t tid) {
  return tid > tgid && tid < tgid + 50 ? absl::StrCat("CPU ", tid - tgid - 1, "/KVM") : "something";
}

inline ThreadRun Thread(uint32_t tgid, uint32_t tid, uint32_t flags = 0) {
  return {.tid = tid, .tgid = tgid, .task_flags = flags};
}

inline const std::vector<ThreadRun>& SomeThreads() {
  static const std::vector<ThreadRun> threads = {Thread(1000, 1001),
                                                 Thread(1000, 1002),
                                                 Thread(1000, 1000),
                                                 Thread(2000, 2001),
                                                 Thread(kVrapl, kVrapl),
                                                 Thread(300, 300),
                                                 Thread(17, 17, kTaskKernelThread)};
  return threads;
}

// A host of made packages with the loops of the program over them.
class MadeHost {
 public:
  struct Options {
    std::vector<MadePackageOptions> packages = {{}};
    int64_t period_ns = kMs;
    FlushLoop::Options flush;
    std::string record_to;      // a file, or ""
    bool own_policies = false;  // VMs are told by policies that the test knows, so it looks at their lines
  };
  explicit MadeHost(Options options)
      : period_ns_(options.period_ns), own_policies_(options.own_policies), rows_(kVrapl, {}, {.name = NameOfThread}) {
    if (options.flush.source.empty()) options.flush.source = "made";
    std::vector<PackageFeed*> feeds;
    for (const MadePackageOptions& package : options.packages) {
      packages_.push_back(std::make_unique<MadePackage>(clock_, package));
      packages_.back()->SetThreads(SomeThreads());
      loops_.push_back(std::make_unique<SamplingLoop>(*packages_.back(), *packages_.back(), clock_,
                                                      SamplingLoop::Options{.period_ns = options.period_ns}));
      feeds.push_back(loops_.back().get());
    }
    for (const auto& loop : loops_) loop->Start();
    if (!options.record_to.empty()) {
      Record(options, feeds);
      options.flush.observer = recorder_.get();
    }
    flush_ = std::make_unique<FlushLoop>(feeds, rows_, nullptr, clock_, options.flush,
                                         [this](const FlushReport& report) { OnReport(report); });
  }

  MadePackage& package(size_t i = 0) { return *packages_[i]; }
  SimulatedClock& clock() { return clock_; }
  FlushLoop& flush() { return *flush_; }
  const std::vector<FlushReport>& reports() const { return reports_; }
  void KeepNoReports() { keep_ = false; }
  // From the next sample on.
  void OfferCpus(size_t i, const std::vector<int>& cpus) {
    steady_cpus_ = false;
    loops_[i]->OfferCpus(OnCores({}, cpus));
  }
  uint64_t flushes() const { return flushes_; }

  void SetVms(const std::vector<Vm>& vms) {
    flush_->Drain();
    flush_->UpdateVms({.vms = vms});
  }

  // The threads of the program, in turn; the flush thread looks every 50 ms.
  void RunFor(int64_t ns) {
    const int64_t steps = ns / period_ns_;
    const int64_t per_drain = std::max<int64_t>(1, 50 * kMs / period_ns_);
    for (int64_t step = 1; step <= steps; ++step) {
      for (const auto& loop : loops_) loop->Step();
      if (++steps_ % per_drain == 0) flush_->Drain();
    }
  }
  void Finish() {
    std::atomic<bool> stop = true;
    for (const auto& loop : loops_) loop->Run(stop);  // the last sample
    flush_->Finish();
    if (recorder_) {
      ASSERT_THAT(recorder_->Finish(), IsOk());
    }
  }
  Recorder& recorder() { return *recorder_; }

  // What all reports so far add up to.
  using RowKey =
      std::tuple<RowKind, std::string, pid_t, std::string, int, DomainId, uint64_t>;  // the last: VmRun::start_time
  struct RowSum {
    uint64_t ticks = 0;
    int64_t energy_uj = 0;
    int64_t run_ns = 0;
  };
  const std::map<RowKey, RowSum>& sums(size_t model = 0) const { return sums_[model]; }
  RowSum Sum(RowKind kind, const std::string& vm, RaplDomain domain = RaplDomain::kPackage, size_t model = 0) const {
    RowSum sum;
    for (const auto& [key, row] : sums_[model]) {
      if (std::get<0>(key) != kind || std::get<5>(key).domain != domain) continue;
      if (kind == RowKind::kVm && std::get<1>(key) != vm) continue;
      sum.ticks += row.ticks;
      sum.energy_uj += row.energy_uj;
      sum.run_ns += row.run_ns;
    }
    return sum;
  }
  uint64_t CounterSum(int package, RaplDomain domain) const {
    uint64_t sum = 0;
    for (const auto& [key, ticks] : counter_ticks_)
      sum += key == std::pair{package, DomainId{domain, key.second.core}} ? ticks : 0;
    return sum;
  }

 private:
  void Record(const Options& options, const std::vector<PackageFeed*>& feeds) {
    RunHeader header{.vrapl_version = "test",
                     .source = options.flush.source,
                     .backend = "made",
                     .run_time_method = options.flush.run_time_method,
                     .period_ns = options.period_ns,
                     .flush_ns = options.flush.flush_ns,
                     .frozen_after_ns = options.flush.frozen_after_ns,
                     .base_power_w = options.flush.base_power_w,
                     .packages = ToRecordedPackages(feeds, options.flush.updates)};
    for (const Model model : options.flush.models) header.models.emplace_back(ModelName(model));
    absl::StatusOr<std::unique_ptr<Recorder>> recorder =
        Recorder::Create(options.record_to, /*force=*/true, header, rows_, {.name = NameOfThread});
    ASSERT_THAT(recorder, IsOk());
    recorder_ = *std::move(recorder);
    recorder_->FollowCounts(feeds);
  }

  // The laws, in every report of every test.
  void OnReport(const FlushReport& report) {
    ++flushes_;
    ASSERT_EQ(report.seq, flushes_);
    sums_.resize(report.models.size());
    for (size_t m = 0; m < report.models.size(); ++m) {
      const ModelReport& model = report.models[m];
      std::set<RowKey> seen;
      for (const RowReport& row : model.rows) {
        const RowKey key(row.kind, row.vm.name, row.vm.pid, row.part, row.package_id, row.domain, row.vm.start_time);
        ASSERT_TRUE(seen.insert(key).second) << "a row is there twice";
        ASSERT_GE(row.energy_uj, 0);
        ASSERT_GE(row.active_uj.value_or(0), 0);
        ASSERT_LE(row.active_uj.value_or(0), row.energy_uj) << "what is active is a part of it";
        ASSERT_GE(row.active_uj.value_or(0), 0);
        ASSERT_GE(row.run_time_ns, 0);
        ASSERT_LE(row.solo_time_ns.value_or(0) + row.shared_time_ns.value_or(0), row.run_time_ns);
        RowSum& sum = sums_[m][key];
        sum.ticks += row.energy_ticks;
        sum.energy_uj += row.energy_uj;
        sum.run_ns += row.run_time_ns;
        ASSERT_EQ(sum.energy_uj, RoundedMicrojoules({sum.ticks}, UnitOf(row.package_id)))
            << "microjoules are differences of rounded totals";
      }
      for (const CounterReport& counter : model.counters) {
        if (!counter.attributed) continue;
        uint64_t ticks = 0;
        int64_t run_ns = 0;
        for (const RowReport& row : model.rows) {
          if (row.package_id != counter.package_id || row.domain != counter.domain) continue;
          ticks += row.energy_ticks;
          run_ns += row.run_time_ns;
        }
        // Where another stands in for energat, what part of a tick was left unclaimed before may come to a whole one.
        const int64_t unclaimed_at_most = ClaimsAll(model.model) ? 0 : ClaimsAll(counter.model) ? 1 : INT64_MAX;
        ASSERT_LE(std::abs(counter.unclaimed_ticks), unclaimed_at_most) << ModelName(model.model);
        ASSERT_EQ(ticks + static_cast<uint64_t>(counter.unclaimed_ticks), counter.energy_ticks)
            << ModelName(model.model) << " flush " << report.seq;
        int64_t capacity_ns = 0;
        for (const SamplerReport& sampler : report.samplers) {
          const bool own = sampler.package_id == counter.package_id;
          if (own || counter.domain.domain == RaplDomain::kPsys) capacity_ns += sampler.capacity_ns;
          if (own && steady_cpus_) {
            ASSERT_EQ(sampler.capacity_ns, static_cast<int64_t>(CpusOf(counter.package_id)) * counter.dt_ns);
          }
        }
        if (counter.domain.domain == RaplDomain::kCore) {  // a core has its part of the CPUs
          capacity_ns /= std::count_if(model.counters.begin(), model.counters.end(), [&](const CounterReport& other) {
            return other.domain.domain == RaplDomain::kCore && other.package_id == counter.package_id;
          });
        }
        ASSERT_EQ(run_ns, capacity_ns) << ModelName(model.model) << " flush " << report.seq;
        ASSERT_EQ(counter.energy_ticks, report.models[0].counters[&counter - model.counters.data()].energy_ticks);
        if (m == 0) counter_ticks_[{counter.package_id, counter.domain}] += counter.energy_ticks;
        int64_t& counter_uj = counter_uj_[{m, counter.package_id, counter.domain}];
        counter_uj += counter.energy_uj;
        ASSERT_EQ(counter_uj, RoundedMicrojoules({counter_ticks_[{counter.package_id, counter.domain}]},
                                                 UnitOf(counter.package_id)));
      }
    }
    for (const VmReport& vm : report.vms) {
      if (own_policies_) break;
      const absl::StatusOr<GuestLine> line = ParseGuestLine(vm.guest_line);
      ASSERT_THAT(line, IsOk());
      ASSERT_EQ(line->epoch, vm.epoch);
      // What the guest is told is what the ledger says, down to the quantum; or nothing, while reads fail.
      const auto& counters = report.models[0].counters;
      const bool failing = std::any_of(counters.begin(), counters.end(), [](const CounterReport& counter) {
        return counter.read_errors > 0 || counter.glitches > 0 || counter.frozen;
      });
      if (line->energy_uj || !failing) {
        ASSERT_EQ(line->energy_uj, vm.total_energy_uj / kDefaultQuantumUj * kDefaultQuantumUj);
      }
      ASSERT_EQ(line->source, report.source);
    }
    if (keep_) reports_.push_back(report);
  }
  const MadePackage& Package(int package_id) const {
    for (const auto& package : packages_) {
      if (package->package().package_id == package_id) return *package;
    }
    std::abort();
  }
  size_t CpusOf(int package_id) const { return Package(package_id).package().cpus.size(); }
  EnergyUnit UnitOf(int package_id) const { return Package(package_id).package().domains.front().unit; }

  SimulatedClock clock_;
  const int64_t period_ns_;
  const bool own_policies_;
  int64_t steps_ = 0;
  RowTable rows_;
  std::vector<std::unique_ptr<MadePackage>> packages_;
  std::vector<std::unique_ptr<SamplingLoop>> loops_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<FlushLoop> flush_;
  std::vector<FlushReport> reports_;
  bool keep_ = true;
  bool steady_cpus_ = true;
  uint64_t flushes_ = 0;
  std::vector<std::map<RowKey, RowSum>> sums_;
  std::map<std::pair<int, DomainId>, uint64_t> counter_ticks_;
  std::map<std::tuple<size_t, int, DomainId>, int64_t> counter_uj_;
};

inline const std::vector<Model>& AllModels() {
  static const std::vector<Model> models(kModels.begin(), kModels.end());
  return models;
}

inline const VmReport* FindVm(const FlushReport& report, const std::string& name, pid_t pid = 0) {
  for (const VmReport& vm : report.vms) {
    if (vm.vm.name == name && (pid == 0 || vm.vm.pid == pid)) return &vm;
  }
  return nullptr;
}

}  // namespace vrapl
