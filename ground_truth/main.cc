// vrapl-accuracy: the models against hosts whose truth is known.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ground_truth/accuracy_table.h"

namespace vrapl {
namespace {

constexpr char kRecorded[] = "recorded";

struct Arguments {
  std::string seeds = "tuning";
  std::string format = "text";
  std::string recording;
  std::vector<std::string> scenarios;
  std::vector<std::string> models = ModelNames();
  double learn_s = 60;
  double scored_s = 20;
  bool calibrated = false;
  bool coverage = false;
  bool list = false;
};

void AddOptions(CLI::App& app, Arguments& in) {
  app.add_option("--seeds", in.seeds, "tuning, held-out (for tables only), or numbers: 1,2,3")->capture_default_str();
  app.add_option("--scenario", in.scenarios, "only these: NAME,NAME")->delimiter(',');
  app.add_option("--model", in.models, "models: NAME,NAME")->delimiter(',');
  app.add_option("--recording", in.recording, "a .vrapl file, whose threads run in the scenario 'recorded'");
  app.add_option("--learn", in.learn_s, "seconds before errors count")->capture_default_str();
  app.add_option("--scored", in.scored_s, "seconds in which they do")->capture_default_str();
  app.add_flag("--calibrated", in.calibrated, "the base power is given, as found on the idle host; else it is learned");
  app.add_flag("--coverage", in.coverage, "instead: how often 95 % intervals hold the truth of the measurement");
  app.add_flag("--list", in.list, "the scenarios, and what each shows");
  app.add_option("--format", in.format, "text (Markdown tables) or csv")
      ->check(CLI::IsMember({"text", "csv"}))
      ->capture_default_str();
}

absl::StatusOr<std::vector<uint64_t>> Seeds(const std::string& text) {
  if (text == "tuning") return std::vector<uint64_t>(std::begin(kTuningSeeds), std::end(kTuningSeeds));
  if (text == "held-out") return std::vector<uint64_t>(std::begin(kHeldOutSeeds), std::end(kHeldOutSeeds));
  std::vector<uint64_t> seeds;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(word, &seed)) {
      return absl::InvalidArgumentError(absl::StrCat("--seeds=", text, ": tuning, held-out, or numbers"));
    }
    seeds.push_back(seed);
  }
  return seeds;
}

absl::StatusOr<std::vector<Model>> Models(const std::vector<std::string>& names) {
  std::vector<Model> models;
  for (const std::string& name : names) {
    const std::optional<Model> model = ModelByName(name);
    if (!model) {
      return absl::InvalidArgumentError(
          absl::StrCat("no model ", name, "; there are: ", absl::StrJoin(ModelNames(), ", ")));
    }
    models.push_back(*model);
  }
  return models;
}

absl::StatusOr<std::vector<std::string>> ScenarioNames(const Arguments& in) {
  std::vector<std::string> known;
  for (const Scenario& scenario : Scenarios()) known.push_back(scenario.name);
  if (!in.recording.empty()) known.emplace_back(kRecorded);
  for (const std::string& name : in.scenarios) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("no scenario ", name,
                                                   name == kRecorded ? " without --recording=FILE" : "",
                                                   "; there are: ", absl::StrJoin(known, ", ")));
  }
  return in.scenarios.empty() ? known : in.scenarios;
}

absl::Status Run(const Arguments& in) {
  const absl::StatusOr<std::vector<uint64_t>> seeds = Seeds(in.seeds);
  if (!seeds.ok()) return seeds.status();
  const absl::StatusOr<std::vector<Model>> models = Models(in.models);
  if (!models.ok()) return models.status();
  const absl::StatusOr<std::vector<std::string>> names = ScenarioNames(in);
  if (!names.ok()) return names.status();
  const AccuracyOptions options{.models = *models,
                                .learn_ns = static_cast<int64_t>(in.learn_s * 1e9),
                                .scored_ns = static_cast<int64_t>(in.scored_s * 1e9),
                                .calibrated = in.calibrated};
  RecordedRunTimes recorded;
  if (!in.recording.empty()) {
    absl::StatusOr<RecordedRunTimes> read = ReadRunTimes(in.recording);
    if (!read.ok()) return read.status();
    recorded = *std::move(read);
  }

  std::vector<ScoredRun> runs;
  std::vector<CoveredRun> covered;
  for (const std::string& name : *names) {
    for (const uint64_t seed : *seeds) {
      std::cerr << name << ", seed " << seed << "\n";
      const HostPlan host = name == kRecorded ? PlanRecordedHost(recorded, seed) : PlanHost(name, seed);
      if (in.coverage) {
        covered.push_back(
            {.scenario = name, .seed = seed, .result = MeasureCoverage(host, seed, {.scored_ns = options.scored_ns})});
        continue;
      }
      for (const ModelScore& score : Judge(host, seed, options)) {
        const std::string& worst = host.rows[static_cast<size_t>(score.worst_vm)];
        runs.push_back({.scenario = name, .seed = seed, .score = score, .worst_vm = worst});
      }
    }
  }
  if (in.coverage) {
    std::cout << (in.format == "csv" ? CoverageCsv(covered) : CoverageTable(covered));
  } else {
    std::cout << (in.format == "csv" ? AccuracyCsv(runs) : AccuracyTables(runs));
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("How far each attribution model is from the truth of made hosts, by scenario.", "vrapl-accuracy");
  Arguments in;
  AddOptions(app, in);
  CLI11_PARSE(app, argc, argv);
  if (in.list) {
    for (const Scenario& scenario : Scenarios()) std::cout << scenario.name << ": " << scenario.shows << "\n";
    std::cout << kRecorded << ": threads of a recording, under made powers (--recording)\n";
    return 0;
  }
  const absl::Status done = Run(in);
  if (done.ok()) return 0;
  std::cerr << "vrapl-accuracy: " << done.message() << "\n";
  return absl::IsInvalidArgument(done) ? 2 : 1;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
