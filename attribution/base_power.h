// The base power of a package: what it draws when no thread runs. Learned online as the intercept of power on busy CPU
// time, never as the smallest power once seen; or given by the operator.
//
// Pure: fed with blocks of energy and time, asked every other second. In ticks per second, since units multiply at output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vrapl {

struct BasePower {
  bool known = false;
  double ticks_per_second = 0;
  double error_ticks_per_second = 0;  // half width of the 95 % interval; 0 when the operator gave the value
  bool given = false;
};

class BasePowerEstimator {
 public:
  BasePowerEstimator();

  // Fixes the base; learning ends.
  void Give(double ticks_per_second) { base_ = {.known = true, .ticks_per_second = ticks_per_second, .given = true}; }

  // Energy and time between two instants at which the counter had just moved. `busy_ns`: CPU time not idle, all CPUs.
  void Add(uint64_t ticks, int64_t dt_ns, int64_t busy_ns);

  // Fits the blocks of the last minutes anew. Known when the interval is narrow: at most kKnownWithin of mean power.
  void Update();

  const BasePower& base() const { return base_; }

  // Blocks of 100 ms: update edges (1 ms) blur each by 1 % at most.
  static constexpr int64_t kBlockNs = 100'000'000;
  static constexpr size_t kBlocks = 1200;      // two minutes
  static constexpr size_t kEnoughBlocks = 15;  // fewer say nothing about their own scatter
  static constexpr double kKnownWithin = 0.02;
  // Once known, kept until the interval is this much wider: it must not flicker between two models.
  static constexpr double kForgottenBeyond = 0.06;

 private:
  struct Block {
    double busy_cpus;
    double ticks_per_second;
  };
  // After a step, or where the base drifts: keeps the newest blocks only, if they contradict the line of all.
  bool DropWhatHasPassed(double intercept, double slope, double scatter);

  uint64_t ticks_ = 0;
  int64_t dt_ns_ = 0;
  int64_t busy_ns_ = 0;
  std::vector<Block> blocks_;  // a ring of kBlocks
  size_t next_ = 0;
  BasePower base_;
};

}  // namespace vrapl
