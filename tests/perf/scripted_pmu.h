// ScriptedPmu: opens "events" whose counts a test sets, to see what a source makes of them. It stands where the kernel
// does, behind PerfEvents and read(): a leader is one end of a socket that gives one record for each read().
//
//   ScriptedPmu pmu;
//   OpenPerfSources(host.root(), {.clock = &pmu.clock(), .events = &pmu});
//   pmu.Set(/*cpu=*/0, /*config=*/2, 1000);
//
// While somebody sleeps on its clock each count goes up by 100 000, except those that Hold() names.
#pragma once

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/posix.h"
#include "perf/perf_event.h"
#include "tests/fakes/simulated_clock.h"

namespace vrapl {

class ScriptedPmu final : public PerfEvents {
 public:
  struct Opened {
    uint32_t type;
    uint64_t config;
    int cpu;
    bool leader;
    friend bool operator==(const Opened&, const Opened&) = default;
  };

  ScriptedPmu() {
    clock_.OnSleep([this](int64_t) {
      for (auto& [event, count] : counts_) {
        if (!held_.contains(event)) count += 100'000;
      }
      Refill();
    });
  }

  int Open(const perf_event_attr& attr, int cpu, int leader) override {
    if (const int error = refused_cpus_[cpu]; error != 0) return -error;
    if (const int error = refused_configs_[attr.config]; error != 0) return -error;
    opened_.push_back({.type = attr.type, .config = attr.config, .cpu = cpu, .leader = leader < 0});
    counts_.try_emplace({cpu, attr.config}, 0);
    if (leader >= 0) {
      for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
        if (group->leader != leader) continue;
        if (group->cpu != cpu) return -EINVAL;  // as the kernel has it
        group->configs.push_back(attr.config);
        Refill();
        return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      }
      return -EBADF;
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    groups_.push_back({.cpu = cpu,
                       .leader = ends[0],
                       .reading = UniqueFd(::fcntl(ends[0], F_DUPFD_CLOEXEC, 0)),
                       .writing = UniqueFd(ends[1]),
                       .configs = {attr.config}});
    Refill();
    return ends[0];
  }
  int Start(int leader) override {
    for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
      if (group->leader == leader) return 0;
    }
    return EBADF;
  }

  SimulatedClock& clock() { return clock_; }
  const std::vector<Opened>& opened() const { return opened_; }

  void Set(int cpu, uint64_t config, uint64_t count) {
    counts_[{cpu, config}] = count;
    Refill();
  }
  void Hold(int cpu, uint64_t config) { held_.insert({cpu, config}); }
  // From now on events of this CPU (config: these events) cannot be opened; 0 lifts it.
  void RefuseCpu(int cpu, int error) { refused_cpus_[cpu] = error; }
  void RefuseConfig(uint64_t config, int error) { refused_configs_[config] = error; }
  // The groups on this CPU end, as when the kernel takes the CPU away: their reads give 0 bytes.
  void End(int cpu) {
    ended_.insert(cpu);
    Refill();
  }
  // New records for everybody who reads. Call it before a read that is not preceded by Set() or a sleep.
  void Refill() {
    for (Group& group : groups_) {
      char rest[256];
      while (::recv(group.reading.get(), rest, sizeof rest, MSG_DONTWAIT) > 0) {
      }
      if (group.ended || ended_.contains(group.cpu)) {
        group.ended = true;
        ::shutdown(group.writing.get(), SHUT_WR);
        continue;
      }
      for (int i = 0; i < 8; ++i) {
        std::vector<uint64_t> record = {group.configs.size(), ++running_ns_, running_ns_};
        for (const uint64_t config : group.configs) record.push_back(counts_[{group.cpu, config}]);
        (void)::send(group.writing.get(), record.data(), record.size() * sizeof record[0], MSG_DONTWAIT | MSG_NOSIGNAL);
      }
    }
    ended_.clear();
  }

 private:
  struct Group {
    int cpu;
    int leader;
    UniqueFd reading;  // our own descriptor of what the source reads
    UniqueFd writing;
    std::vector<uint64_t> configs;
    bool ended = false;
  };

  SimulatedClock clock_;
  std::vector<Opened> opened_;
  std::vector<Group> groups_;
  std::map<std::pair<int, uint64_t>, uint64_t> counts_;  // by CPU and config
  std::set<std::pair<int, uint64_t>> held_;
  std::map<int, int> refused_cpus_;
  std::map<uint64_t, int> refused_configs_;
  std::set<int> ended_;
  uint64_t running_ns_ = 0;
};

}  // namespace vrapl
