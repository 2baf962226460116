// What does it cost to learn what a thousand threads have run? And what does each further thread cost, each further
// switch?
//
// All ways watch the same threads, asleep in a ring, on one CPU with who asks. Before each snapshot a token goes round,
// which is so many switches of so many of them; that is not measured. Needs root.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "bench/load.h"
#include "bench/paired.h"
#include "bench/slope.h"
#include "bench/snapshot_ways.h"
#include "bench/switch_programs.h"
#include "bpf/switch_log.h"

namespace vrapl {
namespace {

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str()), std::exit(1);
  return *std::move(value);
}

// What happens between two snapshots.
struct Switches {
  int count;
  int of_threads;
};

Way Measured(SnapshotWay& way, Ring& ring, Switches switches) {
  auto cost = std::make_shared<Count>();
  return {.name = way.name(),
          .run =
              [&way, &ring, switches, cost](int64_t times) {
                for (int64_t i = 0; i < times; ++i) {
                  ring.Pass(switches.count, switches.of_threads);
                  const int64_t start_ns = MonotonicNs();
                  (void)way.Take();
                  cost->ns += MonotonicNs() - start_ns;
                  ++cost->times;
                }
              },
          .before = [&way] { way.Begin(); },
          .counter = [cost] { return *cost; },
          .dropped = [&way] { return way.Dropped(); }};
}

// So many threads, watched in every way.
class Watch {
 public:
  explicit Watch(int threads)
      : ring_(threads),
        log_(Must(SwitchLog::Attach())),
        two_hashes_(Must(LoadTwoHashes())),
        sums_(Must(TaskSums::Load())) {
    const absl::Status attached = two_hashes_->Attach();
    if (!attached.ok()) std::fprintf(stderr, "%s\n", attached.ToString().c_str()), std::exit(1);
    ring_.Pass(2 * threads, threads);  // each has a total in the hash
    const auto count = static_cast<size_t>(threads);
    ways_.push_back(OurSnapshots(*log_));
    ways_.push_back(IteratorSnapshots(*sums_, count));
    ways_.push_back(BatchSnapshots(*two_hashes_, count));
    for (const char* file : {"schedstat", "stat"}) {
      ways_.push_back(ProcSnapshots(file, Files::kPread, ring_.tids()));
      ways_.push_back(ProcSnapshots(file, Files::kOpenReadClose, ring_.tids()));
    }
  }
  Comparison CompareWith(Switches switches, const PairedOptions& options) {
    std::vector<Way> ways;
    for (const std::unique_ptr<SnapshotWay>& way : ways_) ways.push_back(Measured(*way, ring_, switches));
    return Compare(ways, options);
  }

 private:
  Ring ring_;
  std::unique_ptr<SwitchLog> log_;
  std::unique_ptr<SwitchProgram> two_hashes_;
  std::unique_ptr<TaskSums> sums_;
  std::vector<std::unique_ptr<SnapshotWay>> ways_;
};

// What each way cost at each size; the reason when something was not sound.
struct BySize {
  std::vector<double> sizes;
  std::vector<Comparison> comparisons;

  void Add(double size, Comparison comparison) {
    sizes.push_back(size);
    comparisons.push_back(std::move(comparison));
  }
  std::string SlopeOfWay(size_t way) const {
    std::vector<AtSize> at;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (!comparisons[i].sound()) return absl::StrCat("no figure: the control did not hold at ", sizes[i]);
      const Comparison::Measured& measured = comparisons[i].ways[way];
      if (!measured.flaw.empty()) return absl::StrCat("no figure: ", measured.flaw, " at ", sizes[i]);
      at.push_back({.size = sizes[i], .ns = measured.block_ns});
    }
    return Describe(SlopeOf(at), 1);
  }
};

int Main() {
  PinTo(OnlineCpus().back());

  BySize by_switches;
  {
    Watch watch(1000);
    std::printf(
        "\nOne snapshot of 1000 threads, of which 2 made 100 switches since the last one:\n\n%s\n"
        "All of which ran once since the last one:\n\n%s",
        Describe(watch.CompareWith({.count = 100, .of_threads = 2}, {.rounds = 50, .times = 8})).c_str(),
        Describe(watch.CompareWith({.count = 1000, .of_threads = 1000}, {.rounds = 50, .times = 8})).c_str());
    for (const int count : {50, 500, 2000}) {
      by_switches.Add(count, watch.CompareWith({.count = count, .of_threads = 10}, {.rounds = 30, .times = 3}));
    }
  }
  BySize by_threads;
  for (const int threads : {10, 1000, 4000}) {
    by_threads.Add(threads, Watch(threads).CompareWith({.count = 100, .of_threads = 10}, {.rounds = 30, .times = 3}));
  }
  std::printf(
      "\nWhat each further one costs, ns [95 %%]: threads from 10 to 4000 with 100 switches between snapshots, "
      "switches "
      "from 50 to 2000 with 1000 threads; 10 threads do the switching.\n\n"
      "| way | each further thread | each further switch |\n| --- | --- | --- |\n");
  for (size_t way = 0; way < by_threads.comparisons.front().ways.size(); ++way) {
    std::printf("| %s | %s | %s |\n", by_threads.comparisons.front().ways[way].name.c_str(),
                by_threads.SlopeOfWay(way).c_str(), by_switches.SlopeOfWay(way).c_str());
  }
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
