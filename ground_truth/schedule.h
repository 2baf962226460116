// Who runs on which CPU when: a stream of switches. Made by a small scheduler, or laid out from recorded run times.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <queue>
#include <vector>

#include "absl/types/span.h"
#include "ground_truth/random.h"
#include "ground_truth/work.h"

namespace vrapl {

inline constexpr int kNobody = -1;

// From t_ns on, `thread` (an index into the threads of the host, or kNobody) runs on `cpu`.
struct Switch {
  int64_t t_ns = 0;
  int cpu = 0;
  int thread = kNobody;
};
inline constexpr int64_t kNeverNs = std::numeric_limits<int64_t>::max();

class Schedule {
 public:
  virtual ~Schedule() = default;
  // In order of time. After the last one: t_ns == kNeverNs.
  virtual Switch Next() = 0;
};

// Threads wake, get a CPU (the last one, a free core, a free CPU, else they wait in a queue), run for what they need or
// for one turn while others wait, and sleep. A CPU that has nothing to do takes from the longest queue.
class MadeSchedule : public Schedule {
 public:
  // CPUs c and c + 1 of the same core where `smt` is 2; c / smt is the core.
  MadeSchedule(absl::Span<const ThreadSpec> threads, int cpus, int smt, Random random);

  Switch Next() override;

  static constexpr int64_t kTurnNs = 3'000'000;

 private:
  struct Thread {
    Demand demand;
    int64_t remaining_ns = 0;
    int last_cpu = 0;
  };
  struct Cpu {
    int current = kNobody;
    int64_t since_ns = 0;
    int64_t stop_ns = kNeverNs;
    uint64_t turn = 0;  // which of its turns the stop belongs to
    std::deque<int> queue;
  };
  struct Event {
    int64_t t_ns = 0;
    uint64_t order = 0;  // events of one instant in the order in which they were made
    int thread = kNobody;
    int cpu = kNobody;  // a turn ends on this one; kNobody: the thread wakes
    uint64_t turn = 0;
    bool operator>(const Event& other) const { return t_ns != other.t_ns ? t_ns > other.t_ns : order > other.order; }
  };

  void Push(Event event);
  void Wake(int thread, int64_t t_ns);
  void EndTurn(int cpu, int64_t t_ns);
  void Start(int cpu, int thread, int64_t t_ns);
  void Sleep(int thread, int64_t t_ns);
  bool MayRunOn(int thread, int cpu) const;
  int ChooseCpu(int thread) const;
  int TakeWaiting(int cpu);
  int64_t Draw(double mean_ns, double spread);

  int smt_;
  Random random_;
  std::vector<Thread> threads_;
  std::vector<Cpu> cpus_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<Switch> made_;  // not yet asked for
  uint64_t order_ = 0;
};

}  // namespace vrapl
