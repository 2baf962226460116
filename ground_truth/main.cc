// vrapl-accuracy: the models against hosts whose truth is known.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ground_truth/accuracy_table.h"

namespace vrapl {
namespace {

constexpr char kRecorded[] = "recorded";

std::optional<std::vector<uint64_t>> SeedsFrom(const std::string& text) {
  if (text == "tuning") return std::vector<uint64_t>(std::begin(kTuningSeeds), std::end(kTuningSeeds));
  if (text == "held-out") return std::vector<uint64_t>(std::begin(kHeldOutSeeds), std::end(kHeldOutSeeds));
  std::vector<uint64_t> seeds;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(word, &seed)) return std::nullopt;
    seeds.push_back(seed);
  }
  return seeds;
}

int Fail(const std::string& what) {
  std::cerr << "vrapl-accuracy: " << what << "\n";
  return 2;
}

int Main(int argc, char** argv) {
  CLI::App app("How far each attribution model is from the truth of made hosts, by scenario.", "vrapl-accuracy");
  std::string seeds_text = "tuning";
  std::string format = "text";
  std::string recording;
  std::vector<std::string> names;
  std::vector<std::string> model_names = {"base-share", "share", "capacity"};
  double learn_s = 60;
  bool calibrated = false;
  double scored_s = 20;
  bool list = false;
  app.add_option("--seeds", seeds_text, "tuning, held-out (for tables only), or numbers: 1,2,3")->capture_default_str();
  app.add_option("--scenario", names, "only these: NAME,NAME")->delimiter(',');
  app.add_option("--model", model_names, "models: NAME,NAME")->delimiter(',');
  app.add_option("--recording", recording, "a .vrapl file, whose threads run in the scenario 'recorded'");
  app.add_option("--learn", learn_s, "seconds before errors count")->capture_default_str();
  app.add_option("--scored", scored_s, "seconds in which they do")->capture_default_str();
  app.add_flag("--calibrated", calibrated, "the base power is given, as found on the idle host; else it is learned");
  app.add_option("--format", format, "text (Markdown tables) or csv")
      ->check(CLI::IsMember({"text", "csv"}))
      ->capture_default_str();
  app.add_flag("--list", list, "the scenarios, and what each shows");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    for (const Scenario& scenario : Scenarios()) std::cout << scenario.name << ": " << scenario.shows << "\n";
    std::cout << kRecorded << ": threads of a recording, under made powers (--recording)\n";
    return 0;
  }
  const std::optional<std::vector<uint64_t>> seeds = SeedsFrom(seeds_text);
  if (!seeds) return Fail(absl::StrCat("--seeds=", seeds_text, ": tuning, held-out, or numbers"));
  AccuracyOptions options{.learn_ns = static_cast<int64_t>(learn_s * 1e9),
                          .scored_ns = static_cast<int64_t>(scored_s * 1e9),
                          .calibrated = calibrated};
  for (const std::string& name : model_names) {
    const std::optional<Model> model = ModelByName(name);
    if (!model) return Fail(absl::StrCat("no model ", name));
    options.models.push_back(*model);
  }
  std::vector<std::string> known;
  for (const Scenario& scenario : Scenarios()) known.push_back(scenario.name);
  if (!recording.empty()) known.emplace_back(kRecorded);
  if (names.empty()) names = known;
  RecordedRunTimes recorded;
  if (!recording.empty()) {
    absl::StatusOr<RecordedRunTimes> read = ReadRunTimes(recording);
    if (!read.ok()) return Fail(std::string(read.status().message()));
    recorded = *std::move(read);
  }

  std::vector<ScoredRun> runs;
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Fail(absl::StrCat("no scenario ", name, name == kRecorded ? " without --recording=FILE" : "",
                               "; there are: ", absl::StrJoin(known, ", ")));
    }
    for (const uint64_t seed : *seeds) {
      const MadeHost host = name == kRecorded ? MakeRecordedHost(recorded, seed) : MakeHost(name, seed);
      for (const ModelScore& score : Judge(host, seed, options)) {
        runs.push_back({.scenario = name,
                        .seed = seed,
                        .score = score,
                        .worst_vm = host.rows[static_cast<size_t>(score.worst_vm)]});
      }
      std::cerr << "\r" << name << " " << seed << "                    " << std::flush;
    }
  }
  std::cerr << "\r\n";
  std::cout << (format == "csv" ? AccuracyCsv(runs) : AccuracyTables(runs));
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
