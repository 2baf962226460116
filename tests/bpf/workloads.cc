#include "tests/bpf/workloads.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/posix.h"
#include "base/topology.h"
#include "tests/bpf/workload_threads.h"

namespace vrapl {
namespace {

std::vector<int> OnlineCpus() { return ReadOnlineCpus(HostRoot()).value_or(std::vector<int>{0}); }

class Idle : public Workload {
 public:
  absl::string_view name() const override { return "idle"; }
  absl::Status Start() override { return absl::OkStatus(); }
  void Stop() override {}
};

class Pinned : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "pinned"; }
  absl::Status Start() override {
    Spawn([this] {
      PinTo(OnlineCpus().front());
      while (!stopping()) {
      }
    });
    return absl::OkStatus();
  }
};

// Sleeps and wakes 10 000 times a second, as far as the machine's timers follow.
class Sleeper : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "sleeper"; }
  absl::Status Start() override {
    Spawn([this] {
      ::prctl(PR_SET_TIMERSLACK, 1);
      for (int64_t deadline = MonotonicNs(); !stopping();) {
        RealClock().SleepUntil(deadline += 100'000);
        SpinFor(20'000);
      }
    });
    return absl::OkStatus();
  }
};

class Migrating : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "migrating"; }
  absl::Status Start() override {
    Spawn([this, cpus = OnlineCpus()] {
      for (size_t i = 0; !stopping(); ++i) {
        PinTo(cpus[i % cpus.size()]);
        SpinFor(200'000);
        if (i % 4 == 0) RealClock().SleepUntil(MonotonicNs() + 50'000);
      }
    });
    return absl::OkStatus();
  }
};

// Real time, batch and all niceness there is, on one CPU, so that each takes it from another.
class Priorities : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "priorities"; }
  absl::Status Start() override {
    refused_ = 0;
    settled_ = 0;
    const auto spin = [this] {
      while (!stopping()) {
      }
    };
    const auto add = [this](int policy, int priority, int nice, auto body) {
      Spawn([=, this] {
        PinTo(OnlineCpus().front());
        const sched_param param{.sched_priority = priority};
        if (::sched_setscheduler(0, policy, &param) != 0) refused_ = errno;
        if (nice != 0 && ::setpriority(PRIO_PROCESS, 0, nice) != 0) refused_ = errno;
        ++settled_;
        body();
      });
    };
    add(SCHED_FIFO, 10, 0, [this] {
      for (int64_t deadline = MonotonicNs(); !stopping();) {
        RealClock().SleepUntil(deadline += 5 * kNanosPerMilli);
        SpinFor(kNanosPerMilli);
      }
    });
    add(SCHED_OTHER, 0, 19, spin);
    add(SCHED_OTHER, 0, -10, spin);
    add(SCHED_IDLE, 0, 0, spin);
    while (settled_ < 4) RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
    if (const int error = refused_; error != 0) {
      Stop();
      return PosixError(error, "set priorities (root, and real time for its control group)");
    }
    return absl::OkStatus();
  }

 private:
  std::atomic<int> refused_ = 0;
  std::atomic<int> settled_ = 0;
};

class ManyThreads : public ThreadWorkload {
 public:
  absl::string_view name() const override { return "500-threads"; }
  absl::Status Start() override {
    for (int64_t i = 0; i < 500; ++i) {
      Spawn([this, i] {
        for (int64_t deadline = MonotonicNs() + i * 40'000; !stopping();) {
          RealClock().SleepUntil(deadline = std::max(deadline + 20 * kNanosPerMilli, MonotonicNs()));
          SpinFor(50'000);
        }
      });
    }
    return absl::OkStatus();
  }
};

// As hackbench does: pairs of threads that send one another messages, some one way, some to and fro.
class Messages : public ThreadWorkload {
 public:
  ~Messages() override { Messages::Stop(); }
  absl::string_view name() const override { return "messages"; }
  absl::Status Start() override {
    for (int i = 0; i < 20; ++i) {
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        const int error = errno;
        Stop();
        return PosixError(error, "socketpair");
      }
      sockets_.insert(sockets_.end(), std::begin(ends), std::end(ends));
      const bool answers = i % 2 == 0;
      Spawn([this, end = ends[0], answers] {
        while (!stopping() && Send(end) && (!answers || Receive(end))) {
        }
      });
      Spawn([this, end = ends[1], answers] {
        while (!stopping() && Receive(end) && (!answers || Send(end))) {
        }
      });
    }
    return absl::OkStatus();
  }
  void Stop() override {
    for (const int end : sockets_) ::shutdown(end, SHUT_RDWR);  // wakes whoever waits
    ThreadWorkload::Stop();
    for (const int end : sockets_) ::close(end);
    sockets_.clear();
  }

 private:
  static constexpr size_t kBytes = 100;
  static bool Send(int end) {
    const char message[kBytes] = {};
    return ::send(end, message, kBytes, MSG_NOSIGNAL) == kBytes;
  }
  static bool Receive(int end) {
    char message[kBytes];
    return ::recv(end, message, kBytes, 0) > 0;
  }
  std::vector<int> sockets_;
};

}  // namespace

std::vector<std::unique_ptr<Workload>> AllWorkloads() {
  std::vector<std::unique_ptr<Workload>> all = MakeEach<Pinned, Sleeper, Migrating>();
  const auto append = [&](std::vector<std::unique_ptr<Workload>> more) {
    for (std::unique_ptr<Workload>& workload : more) all.push_back(std::move(workload));
  };
  append(StormWorkloads());
  append(MakeEach<Priorities>());
  append(VmWorkloads());
  append(MakeEach<ManyThreads, Messages, Idle>());
  return all;
}

std::unique_ptr<Workload> MakeWorkload(absl::string_view name) {
  for (std::unique_ptr<Workload>& workload : AllWorkloads()) {
    if (workload->name() == name) return std::move(workload);
  }
  return nullptr;
}

}  // namespace vrapl
