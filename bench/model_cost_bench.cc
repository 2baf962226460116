// What does charging cost by each model, as a part of one CPU, at 1 kHz? By how many VMs there are and how often their
// CPUs switch; and is it linear?
//
// A made host: each VM has 8 vCPUs, all threads wake at random on so many CPUs that switch so often. What is timed is
// all that a ledger does with a flush of 2 s: 2 000 samples and the settlement. The floor is the same loop over the
// same samples with a sum of their run times. The samples of a host are made once, before anything is timed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "attribution/ledger.h"
#include "attribution/row_errors.h"
#include "attribution/sub_ticks.h"
#include "bench/paired.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int kSamples = 2000;
constexpr int kVcpus = 8;

struct Host {
  int vms = 1000;
  int cpus = 128;
  int switches = 1000;  // of each CPU in a second
};

struct Recorded {
  std::vector<RowTime> rows;
  std::vector<size_t> begin;  // of each sample, and the end
  std::vector<uint64_t> ticks;
};

// Each CPU goes on with the thread that ran when the sample began, and switches to a random one as often as it does.
Recorded Record(const Host& host) {
  std::mt19937_64 random(1);
  Recorded out;
  const int threads = host.vms * kVcpus;
  std::vector<int> running(static_cast<size_t>(host.cpus));
  for (int& thread : running) thread = static_cast<int>(random() % static_cast<uint64_t>(threads));
  std::vector<double> intensity(static_cast<size_t>(host.vms));
  for (double& watts : intensity) watts = 2 + 4 * static_cast<double>(random() % 1000) * 1e-3;
  std::vector<int64_t> run_ns(static_cast<size_t>(threads));
  const double switches_per_sample = host.switches * 1e-3;
  double carried = 0;
  for (int i = 0; i < kSamples; ++i) {
    out.begin.push_back(out.rows.size());
    std::vector<int> ran;
    double joules = 60e-3;
    for (int& thread : running) {
      std::poisson_distribution<int> count(switches_per_sample);
      const int switches = count(random);
      for (int s = 0; s <= switches; ++s) {
        if (s > 0) thread = static_cast<int>(random() % static_cast<uint64_t>(threads));
        if (random() % 3 == 0) continue;  // idle
        int64_t& ns = run_ns[static_cast<size_t>(thread)];
        if (ns == 0) ran.push_back(thread);
        ns += kMs / (switches + 1);
      }
    }
    for (const int thread : ran) {
      const int64_t ns = std::exchange(run_ns[static_cast<size_t>(thread)], 0);
      joules += intensity[static_cast<size_t>(thread / kVcpus)] * static_cast<double>(ns) * 1e-9;
      out.rows.push_back({.row = kFirstFreeRow + thread,
                          .run_ns = ns,
                          .solo_ns = ns / 3,
                          .shared_ns = ns - ns / 3,
                          .group = thread / kVcpus});
    }
    const double exact = joules * 16384 + carried;
    out.ticks.push_back(static_cast<uint64_t>(exact));
    carried = exact - static_cast<double>(out.ticks.back());
  }
  out.begin.push_back(out.rows.size());
  return out;
}

TimeWindow WindowOf(const Recorded& recorded, const Host& host, size_t i) {
  return {
      .dt_ns = kMs,
      .cpus = host.cpus,
      .rows = absl::MakeConstSpan(recorded.rows).subspan(recorded.begin[i], recorded.begin[i + 1] - recorded.begin[i])};
}

Way Charge(const Host& host, const Recorded& recorded, Model model) {
  auto ledger = std::make_shared<Ledger>(model);
  if (model != Model::kFit) ledger->GiveBase(60 * 16384.0);
  return {.name = std::string(ModelName(model)), .run = [&host, &recorded, ledger](int64_t times) {
            std::vector<RowTime> rows;
            for (int64_t flush = 0; flush < times; ++flush) {
              for (size_t i = 0; i < kSamples; ++i) {
                // Rows come in the order in which threads ran and are sorted once a sample.
                TimeWindow window = WindowOf(recorded, host, i);
                rows.assign(window.rows.begin(), window.rows.end());
                std::sort(rows.begin(), rows.end(), [](const RowTime& a, const RowTime& b) { return a.row < b.row; });
                window.rows = rows;
                ledger->Add(window, recorded.ticks[i]);
              }
              if (ledger->Settle().counter_ticks == 0) std::abort();
            }
          }};
}

// What of it goes to the errors of the rows (attribution/row_errors.h): the same samples, divided by run time.
Way Errors(const Host& host, const Recorded& recorded) {
  auto errors = std::make_shared<RowErrors>();
  auto division = std::make_shared<Division>();
  return {.name = "errors of rows", .run = [&host, &recorded, errors, division](int64_t times) {
            for (int64_t flush = 0; flush < times; ++flush) {
              for (size_t i = 0; i < kSamples; ++i) {
                const TimeWindow window = WindowOf(recorded, host, i);
                division->Clear();
                division->floor = uint64_t{900} << kSubTickBits;
                for (const RowTime& row : window.rows) division->weights.push_back(row.run_ns);
                const double power = static_cast<double>(recorded.ticks[i]) * 1e-3;
                errors->Add({.dt_ns = kMs, .busy_ns = kMs, .rows = window.rows, .edge_power = power}, *division);
              }
              errors->EndWindow(1, {}, 0);
            }
            if (errors->OfRow(kIdleRow).ErrorUj({}, 1) < 0) std::abort();
          }};
}

Way Floor(const Host& host, const Recorded& recorded) {
  return {.name = "sum of run times", .run = [&host, &recorded](int64_t times) {
            int64_t sum = 0;
            for (int64_t flush = 0; flush < times; ++flush) {
              for (size_t i = 0; i < kSamples; ++i) {
                for (const RowTime& row : WindowOf(recorded, host, i).rows) sum += row.run_ns + row.solo_ns;
              }
            }
            if (sum == 1) std::abort();
          }};
}

void Measure(const Host& host, const std::vector<Model>& models, int rounds) {
  const Recorded recorded = Record(host);
  std::vector<Way> ways;
  for (const Model model : models) ways.push_back(Charge(host, recorded, model));
  ways.push_back(Errors(host, recorded));
  ways.push_back(Floor(host, recorded));
  const Comparison found = Compare(ways, {.rounds = rounds, .times = 1, .floor = ways.size() - 1});
  const double rows = static_cast<double>(recorded.rows.size()) / kSamples;
  if (!found.sound()) {
    std::printf("| %d | %d | %d | %.0f | no figures: the control is %s |\n", host.vms, host.cpus,
                host.cpus * host.switches, rows, Describe(found.control, 3).c_str());
    return;
  }
  std::printf("| %d | %d | %d | %.0f |", host.vms, host.cpus, host.cpus * host.switches, rows);
  for (size_t i = 0; i + 1 < found.ways.size(); ++i) {
    const auto percent = [&](double ns) { return ns / 2e9 * 100; };
    const Spread& ns = found.ways[i].ns;
    std::printf(" %s |", Describe(Spread{percent(ns.median), percent(ns.low), percent(ns.high)}, 2).c_str());
  }
  std::printf(" %.3f |\n", found.ways.back().ns.median / 2e9 * 100);
  std::fflush(stdout);
}

void Head(const std::vector<Model>& models) {
  std::printf("| VMs of %d vCPUs | CPUs | switches/s | rows a sample |", kVcpus);
  for (const Model model : models) std::printf(" %s |", std::string(ModelName(model)).c_str());
  std::printf(" of which errors of rows | floor |\n|");
  for (size_t i = 0; i < models.size() + 6; ++i) std::printf(" --- |");
  std::printf("\n");
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const std::vector<Model> two = {Model::kBaseShare, Model::kFit};
  std::printf("Percent of one CPU to charge one counter at 1 kHz, flushes of 2 s; median [95 %%] of %d rounds.\n\n",
              rounds);
  Head(two);
  for (const int switches : {200, 1000, 5000}) Measure({.vms = 1000, .cpus = 128, .switches = switches}, two, rounds);
  std::printf("\nBy VMs, each CPU for 8 of them:\n\n");
  Head(two);
  for (const int vms : {1, 10, 100, 1000, 2000, 4000}) {
    Measure({.vms = vms, .cpus = std::max(2, vms / 8), .switches = 1000}, two, rounds);
  }
  std::printf("\nEvery model, 1 000 VMs:\n\n");
  const std::vector<Model> all(kModels.begin(), kModels.end());
  Head(all);
  Measure({.vms = 1000, .cpus = 128, .switches = 1000}, all, rounds);
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
