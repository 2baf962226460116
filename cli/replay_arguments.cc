#include "cli/replay_arguments.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/arguments.h"

namespace vrapl {
namespace {

constexpr int64_t kShortestWindowNs = kNanosPerMilli / 10;
constexpr int64_t kYearNs = int64_t{366} * 86400 * kNanosPerSecond;

}  // namespace

void AddReplayOptions(CLI::App& app, ReplayArguments& arguments) {
  app.add_option("FILE", arguments.file, "the recording, as `vrapl sample -o FILE` and `vrapl run -o FILE` make it")
      ->required();
  app.add_option("--from", arguments.from, "leave out windows whose middle lies before this time of the recording")
      ->type_name("TIME");
  app.add_option("--to", arguments.to, "leave out windows whose middle lies after this time")->type_name("TIME");
  app.add_option("--model", arguments.model,
                 absl::StrCat("divide the energy by these: ", ModelList(), " (as it was recorded)"))
      ->type_name("NAME[,NAME]");
  app.add_option("--window", arguments.window, "how much time a row stands for (the run's flush)")->type_name("TIME");
  app.add_flag("--phases", arguments.phases, "windows end where phases do instead: at marks, and at runs of a command");
  app.add_option(
         "--base-power", arguments.base_power,
         "idle power, given instead of learned: 20W, 19.5W+-1.3W with its 95 % interval, or package=20W,dram=3W")
      ->type_name("POWER");
  app.add_option("--idle", arguments.idle,
                 absl::StrCat("who pays for the idle row, told beside the rows of VMs: ",
                              absl::StrJoin(IdlePolicyNames(), ", "), " (own)"))
      ->type_name("POLICY");
}

absl::StatusOr<ReplayOptions> ToReplayOptions(const ReplayArguments& arguments) {
  ReplayOptions options;
  struct Time {
    const char* option;
    const std::string& text;
    int64_t least_ns;
    int64_t& ns;
  };
  for (const Time& time :
       {Time{"--window", arguments.window, kShortestWindowNs, options.window_ns},
        Time{"--from", arguments.from, 0, options.from_ns}, Time{"--to", arguments.to, 0, options.to_ns}}) {
    if (time.text.empty()) continue;
    absl::StatusOr<int64_t> ns = ParseDurationNs(time.option, time.text, time.least_ns, kYearNs);
    if (!ns.ok()) return ns.status();
    time.ns = *ns;
  }
  if (options.from_ns >= options.to_ns) {
    return absl::InvalidArgumentError("--from is not before --to: there is nothing in between");
  }
  options.window_per_phase = arguments.phases;
  if (arguments.phases && !arguments.window.empty()) {
    return absl::InvalidArgumentError("--phases and --window both say where windows end; leave one out");
  }
  if (!arguments.model.empty()) {
    absl::StatusOr<std::vector<Model>> models = ParseModels(arguments.model);
    if (!models.ok()) return models.status();
    options.models = *std::move(models);
  }
  absl::StatusOr<std::map<RaplDomain, GivenPower>> base_power = ParseBasePower(arguments.base_power);
  if (!base_power.ok()) return base_power.status();
  options.base_power_w = *std::move(base_power);
  const std::optional<IdlePolicy> idle = IdlePolicyByName(arguments.idle);
  if (!idle) return UnknownWord("--idle", arguments.idle, IdlePolicyNames());
  options.idle = *idle;
  return options;
}

}  // namespace vrapl
