// What a model is: given who ran and how far the counter moved, the weights by which that energy is divided. The ledger
// divides it, so that a model can be wrong but never lose or invent energy.
//
// Pure: no files, clocks or threads. Weights are integers; a model that computes in double rounds them itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "attribution/base_power.h"
#include "attribution/model.h"
#include "attribution/time_window.h"

namespace vrapl {

// One movement of the counter, or all those of a flush, and who ran meanwhile.
struct Move {
  uint64_t energy = 0;  // sub-ticks
  int64_t dt_ns = 0;
  int64_t capacity_ns = 0;         // CPU time there was
  int64_t busy_ns = 0;             // run time of all rows
  double awake_ns = 0;             // time in which any of them ran
  uint64_t floor = 0;              // sub-ticks of base power in it, at most `energy`; 0 while no base is known
  BasePower base;                  // learned from the samples before
  absl::Span<const RowTime> rows;  // ascending, each row once
  double edge_power = 0;           // ticks per us where it began, from the moves around there; for errors
};

// How a move is divided.
struct Division {
  uint64_t floor = 0;            // sub-ticks to the idle row, first
  std::vector<int64_t> weights;  // of Move::rows, for what is above the floor; not negative
  std::vector<int> rows;         // that the weights are of, each once; none: those of Move::rows
  // The weights are parts of this: what is left goes to the idle row. Absent: they are parts of their sum, all is
  // divided, and the idle row gets it where all weights are 0.
  std::optional<uint64_t> whole;
  // Weights may exceed the whole, and what is left (or claimed too often) goes to no row.
  bool unclaimed = false;
  // Sub-ticks of which each row's part, by the same weights, counts as above the base. Absent: none is known.
  std::optional<uint64_t> active;

  void Clear() {
    floor = 0;
    weights.clear();
    rows.clear();
    whole.reset();
    unclaimed = false;
    active.reset();
  }
};

class ModelRule {
 public:
  // When energy is divided: as it comes, or once per flush by the run time of the whole flush, or as it comes but
  // late, so that what a flush taught decides about that flush.
  enum class Pace : uint8_t { kMove, kFlush, kLate };

  virtual ~ModelRule() = default;

  virtual Pace pace() const { return Pace::kMove; }
  // Fills `division`, which is empty.
  virtual void Divide(const Move& move, Division& division) = 0;
  // With Pace::kLate: the moves that are about to be divided, in the order of time.
  virtual void Learn(absl::Span<const Move> moves) { static_cast<void>(moves); }

  // The model that was applied since the last settlement, where another stood in for some of it, the weaker.
  // `base_known`: all the time since then.
  virtual Model Applied(bool base_known) const = 0;
  // Whether what it counted as active is energy above a base.
  virtual bool ActiveKnown(bool base_known) const = 0;
  // The base that it found by itself and applied.
  virtual std::optional<BasePower> Base() const { return std::nullopt; }
  // How unsure the model itself is of the row's energy since the last settlement: half width of a 95 % interval, ticks.
  // Without what measuring and the base add, which the ledger knows (attribution/uncertainty.h). Asked at a settlement,
  // when all of it has been divided, before Settled().
  virtual double RowErrorTicks(int row) const {
    static_cast<void>(row);
    return 0;
  }
  // A settlement was made.
  virtual void Settled() {}

  // What waited for its energy is forgotten: what was put off for it must be too.
  virtual void Forget() {}
  // The number of the row will be another's.
  virtual void Retire(int row) { static_cast<void>(row); }
};

struct ModelOptions {
  // Of a CPU whose SMT sibling is busy, compared with one that has its core to itself. Two threads on a core draw about
  // a tenth more than one: Zhai et al., "HaPPy: Hyperthread-aware Power Profiling Dynamically", USENIX ATC 2014.
  double smt_shared_weight = 0.55;
  double energat_exponent = 0.3;  // EnergAt's gamma, for packages
  // Of the counter, for the model core; 0: the counter does not hold the energy of the cores.
  double nanojoules_per_tick = 0;
};
inline constexpr double kEnergatMemoryExponent = 0.2;  // its delta; of shares of memory, for which run time stands here

std::unique_ptr<ModelRule> MakeModelRule(Model model, const ModelOptions& options);

// Base power over a time, in sub-ticks.
uint64_t BaseEnergy(const BasePower& base, int64_t dt_ns);

}  // namespace vrapl
