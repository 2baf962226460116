// vrapl compare: every model on one recording, side by side.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/arguments.h"
#include "cli/comparison_output.h"
#include "cli/model_comparison.h"
#include "cli/recorded_run_notices.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/replay.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Each model is one opinion on the same joules; what they differ by is no measurement error, and is told apart from it. docs/models.md
has their formulas, what each assumes, and when it is wrong.

Examples:
  vrapl compare run.vrapl
  vrapl compare run.vrapl --model=base-share,fit,smt --base-power=18W
  vrapl compare run.vrapl --from=10s --to=20s --format=csv)";

struct CompareArguments {
  std::string path;
  std::string model;
  std::string base_power;
  std::string from;
  std::string to;
  std::string format = "text";
};

}  // namespace

int CompareVerb(int argc, char** argv) {
  CompareArguments arguments;
  VerbApp verb("vrapl compare", "What each attribution model makes of one recording, side by side.", kFooter);
  CLI::App& app = verb.app();
  app.add_option("FILE", arguments.path, "a recording, made by `vrapl sample -o FILE`")->required();
  app.add_option("--model", arguments.model, "which; several with commas (all)")->type_name("NAME");
  app.add_option("--base-power", arguments.base_power, "the base power, 80W or package=80W,dram=5W")
      ->type_name("POWER");
  app.add_option("--from", arguments.from, "only flushes from this time of the run on")->type_name("TIME");
  app.add_option("--to", arguments.to, "only flushes up to this time of the run")->type_name("TIME");
  app.add_option("--format", arguments.format, "text, csv or jsonl (text)")->type_name("FORMAT");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  absl::StatusOr<Format> format = ParseFormat(arguments.format);
  if (!format.ok()) return Fail(format.status());
  ReplayOptions options;
  options.models.assign(kModels.begin(), kModels.end());
  if (!arguments.model.empty()) {
    absl::StatusOr<std::vector<Model>> models = ParseModels(arguments.model);
    if (!models.ok()) return Fail(models.status());
    options.models = *std::move(models);
  }
  absl::StatusOr<std::map<RaplDomain, double>> base_power = ParseBasePower(arguments.base_power);
  if (!base_power.ok()) return Fail(base_power.status());
  options.base_power_w = *std::move(base_power);
  constexpr int64_t kLongestNs = int64_t{365} * 24 * 3600 * kNanosPerSecond;
  for (auto [name, text, out] :
       {std::tuple("--from", &arguments.from, &options.from_ns), std::tuple("--to", &arguments.to, &options.to_ns)}) {
    if (text->empty()) continue;
    absl::StatusOr<int64_t> ns = ParseDurationNs(name, *text, 0, kLongestNs);
    if (!ns.ok()) return Fail(ns.status());
    *out = *ns;
  }

  absl::StatusOr<RecordedRun> run = ReadRecordedRun(arguments.path);
  if (!run.ok()) return Fail(kExitFailed, run.status().message());
  TellDamage(*run);
  if (run->source == "emulated") Notice("EMULATED HARDWARE: the energy was not measured");
  ModelComparison models(options.models);
  int windows = 0;
  const absl::Status status = Replay(arguments.path, options, [&](const FlushReport& report) {
    models.Add(report);
    ++windows;
  });
  if (!status.ok()) return Fail(kExitFailed, status.message());
  if (windows == 0) return Fail(kExitUsage, "no flush of the recording lies between --from and --to");
  const Comparison comparison = models.Result();
  switch (*format) {
    case Format::kText:
      std::fputs(ComparisonToText(comparison).c_str(), stdout);
      break;
    case Format::kCsv:
      std::fputs(ComparisonToCsv(comparison, run->source).c_str(), stdout);
      break;
    case Format::kJsonl:
      std::fputs(ComparisonToJsonl(comparison, run->source).c_str(), stdout);
      break;
  }
  return kExitDone;
}

}  // namespace vrapl
