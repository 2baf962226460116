#include "sampler/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <latch>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/clock_anchor.h"
#include "base/cpu_model.h"
#include "conditions/machine_description.h"
#include "delivery/leak_bound.h"
#include "sampler/absence.h"
#include "sampler/command_follower.h"
#include "sampler/cpu_watcher.h"
#include "sampler/given_base.h"
#include "sampler/mark_socket.h"
#include "sampler/measure_at_start.h"
#include "sampler/own_cost.h"
#include "sampler/reader_cpus.h"
#include "sampler/real_time.h"
#include "sampler/recorder.h"
#include "sampler/sampling_loop.h"
#include "vm/inventory.h"
#include "vm/proc_inventory.h"

namespace vrapl {
namespace {

// How often the rings are emptied: short enough that VMs come and go on time, long enough to cost nothing.
constexpr int64_t kDrainEveryNs = 50 * kNanosPerMilli;
// How long the last line may wait for a guest: a busy one takes some 10 ms, one that does not read must not keep us.
constexpr int64_t kLastLineWaitsNs = 300 * kNanosPerMilli;

std::vector<pid_t> ProcessesOf(const std::vector<Vm>& vms) {
  std::vector<pid_t> processes;
  for (const Vm& vm : vms) processes.push_back(vm.pid);
  return processes;
}

absl::StatusOr<std::unique_ptr<RunTimeMeter>> ChooseRunTime(const DaemonOptions& options, const OpenBackend& backend,
                                                            const DaemonEvents& events) {
  RunTimeOptions run_time{.method = options.run_time, .btf = options.btf};
  run_time.processes = {::getpid()};
  run_time.processes.insert(run_time.processes.end(), options.emulators.begin(), options.emulators.end());
  run_time.every_cpu = backend.sources.size() == 1 &&
                       static_cast<long>(backend.sources[0]->package().cpus.size()) >= ::sysconf(_SC_NPROCESSORS_ONLN);
  absl::StatusOr<OpenRunTime> opened = OpenRunTimeMeter(run_time);
  if (!opened.ok()) return opened.status();
  const RunTimeMethod method = opened->meter->method();
  if (!opened->why_no_better.empty()) {
    events.on_notice(absl::StrCat("run time by ", RunTimeMethodName(method), " (", RunTimeError(method),
                                  "), because: ", opened->why_no_better));
  }
  if (const int64_t shortest_ns = opened->meter->shortest_period_ns(); shortest_ns > options.period_ns) {
    events.on_notice(absl::StrCat("samples are taken every ", shortest_ns / kNanosPerMilli, " ms, not every ",
                                  absl::FormatDuration(absl::Nanoseconds(options.period_ns)), ": run time by ",
                                  RunTimeMethodName(method), " tells nothing finer"));
  }
  return std::move(opened->meter);
}

absl::StatusOr<std::unique_ptr<VmLister>> OpenLister(const DaemonOptions& options, const DaemonEvents& events) {
  if (options.vms == DaemonOptions::Vms::kLibvirt) {
    absl::StatusOr<std::unique_ptr<Inventory>> inventory = Inventory::Open(options.connect);
    if (inventory.ok()) return std::unique_ptr<VmLister>(*std::move(inventory));
    if (!options.vms_optional) return inventory.status();
    // Who has no libvirt need not read how to start it.
    events.on_notice(absl::IsUnavailable(inventory.status())
                         ? "no libvirt answers: VMs are looked for in /proc (--vms=proc)"
                         : absl::StrCat(inventory.status().message(), "; looking for QEMU in /proc instead"));
  }
  return std::unique_ptr<VmLister>(std::make_unique<ProcInventory>());
}

std::string DescribePackage(const PackageInfo& package, const std::vector<int>& kept_clear,
                            const std::vector<int>& wanted) {
  const std::string domains = absl::StrJoin(package.domains, ", ", [](std::string* out, const DomainInfo& domain) {
    absl::StrAppendFormat(out, "%s %.4g uJ", DomainName(domain.id), domain.unit.joules_per_tick * 1e6);
  });
  const bool chosen = std::find(wanted.begin(), wanted.end(), package.reader_cpu) != wanted.end();
  const std::string why = chosen ? "--cpu" : WhyReadOn(package.reader_cpu, package.cpus, kept_clear);
  return absl::StrCat("package ", package.package_id, package.die_id > 0 ? absl::StrCat(" die ", package.die_id) : "",
                      ", CPUs ", absl::StrJoin(package.cpus, ","), ", read on CPU ", package.reader_cpu,
                      why.empty() ? "" : absl::StrCat(" (", why, ")"),
                      package.power_based ? ", power, integrated: " : ": ", domains);
}

RunDescription Describe(const DaemonOptions& options, const OpenBackend& backend, const VmLister& lister,
                        const std::vector<int>& kept_clear) {
  RunDescription description{.backend = backend.name,
                             .source = options.host_root.emulated() ? "emulated" : backend.name,
                             .cpu_table = backend.cpu_table,
                             .vms = std::string(lister.origin())};
  if (const GuestPolicy& policy = options.delivery.policies.otherwise; options.delivery.deliver) {
    description.guests = absl::StrCat(DescribeGuestPolicy(policy), ": ", DescribeLeakBound(policy));
  }
  if (lister.origin() == "libvirt") absl::StrAppend(&description.vms, " (", options.connect, ")");
  if (absl::StatusOr<CpuModel> cpu = ReadCpuModel(options.host_root); cpu.ok()) description.cpu = DescribeCpu(*cpu);
  for (const auto& source : backend.sources) description.power_based |= source->package().power_based;
  for (const auto& source : backend.sources) {
    description.packages.push_back(DescribePackage(source->package(), kept_clear, options.reader_cpus));
  }
  return description;
}

// The sampling threads, one per package. Stopped and joined on every way out.
class SamplingThreads {
 public:
  SamplingThreads(const std::vector<std::unique_ptr<SamplingLoop>>& loops, const std::vector<int>& cpus)
      : started_(static_cast<std::ptrdiff_t>(loops.size())) {
    for (size_t i = 0; i < loops.size(); ++i) {
      threads_.emplace_back([this, &loop = *loops[i], cpu = cpus[i]] {
        WakeWithoutSlack();
        for (const absl::Status& status : {PinToCpu(cpu), UseRealTimePriority(kSamplerPriority)}) {
          if (status.ok()) continue;
          const std::lock_guard<std::mutex> lock(mutex_);
          notices_.push_back(absl::StrCat(status.message(), "; samples will be later without"));
        }
        loop.Start();
        started_.count_down();
        loop.Run(stop_);
      });
    }
    started_.wait();
  }
  ~SamplingThreads() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::vector<std::string> notices() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return notices_;
  }

 private:
  std::latch started_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<std::string> notices_;
  std::vector<std::thread> threads_;
};

// CPUs came or went: each package's sampler goes on with those it has now.
void OfferCpus(const std::vector<PackageTopology>& topology, const std::vector<std::unique_ptr<SamplingLoop>>& loops,
               const std::vector<int>& wanted, const DaemonEvents& events) {
  for (const std::unique_ptr<SamplingLoop>& loop : loops) {
    const PackageInfo& package = loop->package();
    // A sensor of power covers all CPUs, whatever packages the kernel sees in them.
    const std::vector<int> cpus =
        package.power_based ? AllCpus(topology) : CpusOf(topology, package.package_id, package.die_id);
    const std::vector<int> in_order = WantedFirst(HousekeepingFirst(cpus, KeptClear(topology)), wanted);
    if (!loop->OfferCpus(OnCores(topology, in_order))) continue;
    events.on_notice(absl::StrCat("package ", package.package_id,
                                  package.die_id > 0 ? absl::StrCat(" die ", package.die_id) : "",
                                  cpus.empty() ? ": no CPU is online any more, its energy cannot be read"
                                               : absl::StrCat(": CPUs ", absl::StrJoin(cpus, ","), " are online now")));
  }
}

RunHeader DescribeRun(const DaemonOptions& options, const RunDescription& description,
                      const std::vector<PackageFeed*>& feeds, const std::vector<std::vector<UpdateSummary>>& updates,
                      int64_t period_ns) {
  RunHeader header{.vrapl_version = VRAPL_VERSION,
                   .source = description.source,
                   .backend = description.backend,
                   .power_based = description.power_based,
                   .cpu_table = description.cpu_table,
                   .cpu = description.cpu,
                   .run_time_method = description.run_time,
                   .vms = description.vms,
                   .period_ns = period_ns,
                   .flush_ns = options.flush_ns,
                   .duration_ns = options.duration_ns,
                   .frozen_after_ns = FlushLoop::Options{}.frozen_after_ns,
                   .base_power_w = options.base_power_w,
                   .anchor = ReadClockAnchor(),
                   .command = options.recording->command,
                   .align = options.align_to_edges ? "edge" : "clock",
                   .host_json = DescribeMachine(options.host_root)};
  for (const Model model : options.models) header.models.emplace_back(ModelName(model));
  header.packages = ToRecordedPackages(feeds, updates);
  return header;
}

}  // namespace

absl::Status RunDaemon(const DaemonOptions& options, const DaemonEvents& told, const std::atomic<bool>& stop) {
  const Clock& clock = RealClock();
  // What a person is told stands in the recording too, from before it began as well.
  std::unique_ptr<Recorder> recorder;
  std::vector<std::string> before_recording;
  DaemonEvents events = told;
  events.on_notice = [&](const std::string& notice) {
    told.on_notice(notice);
    if (recorder) {
      recorder->AddNotice(notice);
    } else {
      before_recording.push_back(notice);
    }
  };
  CpuWatcher cpu_watcher(options.host_root);  // before the sources: what comes and goes from now on is noticed
  absl::StatusOr<OpenBackend> backend = OpenEnergySources(
      options.backend, options.host_root, clock, {.cpu_table = options.cpu_table, .per_core = options.per_core});
  if (!backend.ok()) return backend.status();
  if (options.cpu_table.added() > 0 && backend->cpu_table.empty()) {
    events.on_notice("--cpu-table is not used: no row of it is for this CPU, or another backend than msr reads it");
  }
  for (const std::string& reason : backend->passed_over) events.on_notice(absl::StrCat("passed over: ", reason));

  std::vector<const PackageInfo*> packages;
  for (const auto& source : backend->sources) packages.push_back(&source->package());
  if (absl::Status given = CheckGivenBase(options.base_power_w, packages); !given.ok()) return given;
  const bool any_core = std::any_of(packages.begin(), packages.end(), [](const PackageInfo* package) {
    return std::any_of(package->domains.begin(), package->domains.end(),
                       [](const DomainInfo& domain) { return domain.id.domain == RaplDomain::kCore; });
  });
  if (!any_core && std::find(options.models.begin(), options.models.end(), Model::kCore) != options.models.end()) {
    events.on_notice(absl::StrCat("--model=core: no counters of single cores are here by ",
                                  backend->sources.front()->backend(),
                                  " (AMD has them, by msr or perf): base-share stands in"));
  }
  if (absl::Status chosen = ChooseReaderCpus(options.reader_cpus, backend->sources); !chosen.ok()) return chosen;

  const std::vector<std::vector<UpdateSummary>> updates = MeasureAtStart(backend->sources, clock);
  for (size_t i = 0; i < updates.size(); ++i) {
    const PackageInfo& package = backend->sources[i]->package();
    for (size_t k = 0; k < package.domains.size(); ++k) {
      if (!StandsStill(package, k, updates[i])) continue;
      events.on_notice(absl::StrCat("left out: ", DomainName(package.domains[k].id), " of package ", package.package_id,
                                    " stands still (", package.domains[k].origin, "); what it shows is no energy"));
    }
  }

  const std::vector<int> kept_clear = KeptClear(cpu_watcher.topology());
  for (const std::unique_ptr<EnergySource>& source : backend->sources) {
    const PackageInfo& package = source->package();
    const auto is_kept_clear = [&](int cpu) {
      return std::find(kept_clear.begin(), kept_clear.end(), cpu) != kept_clear.end();
    };
    const auto& chosen = options.reader_cpus;
    if (std::find(chosen.begin(), chosen.end(), package.reader_cpu) != chosen.end()) continue;
    if (!is_kept_clear(package.reader_cpu)) continue;
    const bool all = std::all_of(package.cpus.begin(), package.cpus.end(), is_kept_clear);
    events.on_notice(absl::StrCat("package ", package.package_id, " is read on CPU ", package.reader_cpu,
                                  ", every period, although that is kept clear for other work: ",
                                  !all ? "the kernel's PMU names it; --backend=msr reads on another"
                                  : package.cpus.size() > 1
                                      ? "leave one CPU of each package out of isolcpus= and nohz_full="
                                      : "the package has no other"));
  }

  absl::StatusOr<std::unique_ptr<VmLister>> lister = OpenLister(options, events);
  if (!lister.ok()) return lister.status();
  RunDescription description = Describe(options, *backend, **lister, kept_clear);
  VmWatcher watcher(*std::move(lister), options.delivery);
  if (absl::Status first = watcher.First(); !first.ok()) return first;

  absl::StatusOr<std::unique_ptr<RunTimeMeter>> meter = ChooseRunTime(options, *backend, events);
  if (!meter.ok()) return meter.status();
  description.run_time = (*meter)->method();
  int64_t period_ns = std::max(options.period_ns, (*meter)->shortest_period_ns());

  for (const std::unique_ptr<EnergySource>& source : backend->sources) {
    const std::vector<int>& cpus = source->package().cpus;
    const int most = cpus.empty() ? 0 : *std::max_element(cpus.begin(), cpus.end());
    if (most >= (*meter)->possible_cpus()) {
      return absl::FailedPreconditionError(
          absl::StrCat("package ", source->package().package_id, " has a CPU ", most,
                       ", and this machine no more than ", (*meter)->possible_cpus(),
                       " CPUs: who ran there cannot be known. An emulated host with more CPUs "
                       "than this machine can be looked at by `vrapl probe` only"));
    }
  }
  if (absl::Status locked = LockMemory(); !locked.ok()) {
    events.on_notice(absl::StrCat(locked.message(), "; a page that was taken away may delay a sample"));
  }
  std::vector<std::optional<EdgeLock::Options>> locks(backend->sources.size());
  for (size_t i = 0; options.align_to_edges && i < locks.size(); ++i) {
    Alignment alignment = AlignToEdges(*backend->sources[i], updates[i], period_ns);
    if (!alignment.notice.empty()) events.on_notice(alignment.notice);
    locks[i] = alignment.lock;
    if (locks[i]) period_ns = std::max(period_ns, locks[i]->update_period_ns);
  }
  std::vector<std::unique_ptr<RunTimeSource>> run_times;
  std::vector<std::unique_ptr<SamplingLoop>> loops;
  std::vector<int> reader_cpus;
  for (const std::unique_ptr<EnergySource>& source : backend->sources) {
    const PackageInfo& package = source->package();
    run_times.push_back((*meter)->NewSource(OnCores(cpu_watcher.topology(), package.cpus)));
    loops.push_back(std::make_unique<SamplingLoop>(
        *source, *run_times.back(), clock,
        SamplingLoop::Options{.period_ns = period_ns,
                              .edge_lock = locks[run_times.size() - 1],
                              .on_reader_cpu = [](int cpu) { PinToCpu(cpu).IgnoreError(); }}));
    reader_cpus.push_back(package.reader_cpu);
  }
  std::vector<Unobserved> unobserved;
  if (!options.state_file.empty()) {
    const CounterState now = ReadCounterState(backend->sources, options.host_root.prefix());
    if (const auto before = LoadCounterState(options.state_file)) unobserved = UnobservedBetween(*before, now);
    if (absl::Status stored = StoreCounterState(now, options.state_file); !stored.ok()) return stored;
    for (const Unobserved& of_counter : unobserved) events.on_notice(DescribeUnobserved(of_counter));
  }
  SamplingThreads threads(loops, reader_cpus);
  OwnCostMeter own_cost;  // energy is counted from the samples that have just been taken
  for (const std::string& notice : threads.notices()) events.on_notice(notice);

  ThreadFacts facts = ThreadFactsFromProc();
  std::optional<CommandFollower> command;
  if (options.measure_command) {
    command.emplace((*meter)->method(), options.btf, facts.boottime_offset_ns);
    if (!command->why_not_all().empty()) {
      events.on_notice(absl::StrCat("children of the command that live for less than ", kDrainEveryNs / kNanosPerMilli,
                                    " ms may be missed: ", command->why_not_all()));
    }
    facts.of_command = [&command](const ThreadRun& thread) { return command->Owns(thread); };
  }
  RowTable rows(::getpid(), options.emulators, std::move(facts));
  std::vector<PackageFeed*> feeds;
  for (const auto& loop : loops) feeds.push_back(loop.get());
  if (options.recording) {
    absl::StatusOr<std::unique_ptr<Recorder>> created =
        Recorder::Create(options.recording->path, options.recording->force,
                         DescribeRun(options, description, feeds, updates, period_ns), rows, ThreadFactsFromProc());
    if (!created.ok()) return created.status();
    recorder = *std::move(created);
    for (const std::string& notice : before_recording) recorder->AddNotice(notice);
    recorder->FollowCounts(feeds);
    recorder->FollowConditions(std::make_unique<MachineConditions>(options.host_root));
  }
  PortSet ports(clock);
  HaltPolling halt_polling;
  FlushLoop flush(feeds, rows, options.delivery.deliver ? &ports : nullptr, clock,
                  {.flush_ns = options.flush_ns,
                   .duration_ns = options.duration_ns.value_or(INT64_MAX),
                   .models = options.models,
                   .idle = options.idle,
                   .base_power_w = options.base_power_w,
                   .source = description.source,
                   .backend = description.backend,
                   .power_based = description.power_based,
                   .cpu_table = description.cpu_table,
                   .run_time_method = (*meter)->method(),
                   .period_ns = period_ns,
                   .recursion_misses = [&meter] { return (*meter)->RecursionMisses(); },
                   .trace_vms = options.trace_vms,
                   .updates = updates,
                   .observer = recorder.get(),
                   .flush_per_phase = options.flush_per_phase,
                   .halt_polling = &halt_polling},
                  [&](FlushReport& report) {
                    own_cost.Add(report);
                    if (report.seq == 1) report.unobserved = unobserved;
                    if (report.last) report.own_cost = own_cost.cost();
                    events.on_report(report);
                  });
  MarkQueue own_marks;
  MarkQueue& marks = options.marks != nullptr ? *options.marks : own_marks;
  absl::StatusOr<std::unique_ptr<MarkListener>> listener = absl::NotFoundError("");
  if (options.listen_for_marks) {
    listener = MarkListener::Create(MarkDirectory(), marks);
    if (!listener.ok()) events.on_notice(absl::StrCat(listener.status().message(), "; `vrapl mark` is not heard"));
  }
  const auto take_marks = [&] {
    for (Mark& mark : marks.Take()) flush.AddMark(std::move(mark));
  };
  RunControl control(flush, rows, command ? &*command : nullptr, recorder.get());
  events.on_start(description);
  watcher.Start();

  const int64_t end_ns = options.duration_ns ? flush.start_ns() + *options.duration_ns : INT64_MAX;
  bool told_unseen = false;
  std::vector<pid_t> vm_processes;
  std::vector<pid_t> followed;
  for (int64_t next_ns = clock.NowNs(); !stop && clock.NowNs() < end_ns;) {
    const int64_t turn_ns = events.on_turn ? events.on_turn(control) : INT64_MAX;
    take_marks();
    // What is in the rings was measured before the news: it is charged to the VMs as they were.
    flush.Drain();
    const std::optional<FlushLoop::Discovery> news = watcher.Take();
    if (news && !news->unchanged) vm_processes = ProcessesOf(news->vms);
    if (command) command->Look();
    std::vector<pid_t> follow = vm_processes;
    if (command) follow.insert(follow.end(), command->processes().begin(), command->processes().end());
    if (follow != followed) (*meter)->FollowProcesses(followed = std::move(follow));
    if (news) flush.UpdateVms(*news);
    if (const uint64_t unseen = (*meter)->threads_not_opened(); unseen > 0 && !std::exchange(told_unseen, true)) {
      events.on_notice(absl::StrCat(unseen,
                                    " threads cannot be looked at, too many files are open: their time is in "
                                    "the row other; raise the limit (ulimit -n, LimitNOFILE=)"));
    }
    if (const std::optional<std::vector<PackageTopology>> topology = cpu_watcher.Poll()) {
      OfferCpus(*topology, loops, options.reader_cpus, events);
    }
    next_ns = std::max(std::min(next_ns + kDrainEveryNs, turn_ns), clock.NowNs());
    clock.SleepUntil(std::min(next_ns, end_ns));
  }
  threads.Stop();
  if (!options.state_file.empty()) {
    CounterState at_end = ReadCounterState(backend->sources, options.host_root.prefix());
    at_end.running = false;
    if (absl::Status stored = StoreCounterState(at_end, options.state_file); !stored.ok()) {
      events.on_notice(std::string(stored.message()));
    }
  }
  own_cost.End();
  if (listener.ok()) listener->reset();
  take_marks();
  flush.Finish();
  ports.AwaitReaders(kLastLineWaitsNs);
  return recorder ? recorder->Finish() : absl::OkStatus();
}

}  // namespace vrapl
