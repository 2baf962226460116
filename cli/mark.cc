// vrapl mark: tells the vrapl programs that run of a phase.
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/mark_socket.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Every vrapl sample, run and serve that runs gets the mark, stamped now: in the output of sample (--format=jsonl: marks) and
as the beginning of a phase in that of run. A label is UTF-8, at most 256 bytes, without control characters.

Examples:
  vrapl mark warm-up
  vrapl mark --to=4711 "phase 2")";

}  // namespace

int MarkVerb(int argc, char** argv) {
  const int64_t now_ns = MonotonicNs();
  std::string label;
  std::vector<pid_t> wanted;
  VerbApp verb("vrapl mark", "Marks the beginning of a phase in what other vrapl programs measure.", kFooter);
  verb.app().add_option("LABEL", label, "the phase that begins now")->required();
  verb.app()
      .add_option("--to", wanted, "the program of this process only; may be repeated")
      ->type_name("PID")
      ->allow_extra_args(false);
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  if (absl::Status status = CheckLabel(label); !status.ok()) return Fail(kExitUsage, status.message());

  int sent = 0;
  std::string why;
  std::string of_others;  // another user's programs are none of those that all means
  for (const std::string& directory : MarkDirectories()) {
    for (const pid_t pid : wanted.empty() ? ListeningProcesses(directory) : wanted) {
      const absl::Status status = SendMark(directory, pid, {.t_ns = now_ns, .label = label});
      if (status.ok()) {
        ++sent;
      } else if (wanted.empty() && absl::IsPermissionDenied(status)) {
        of_others = std::string(status.message());
      } else if (!absl::IsNotFound(status) || (!wanted.empty() && why.empty())) {
        why = std::string(status.message());
      }
    }
  }
  const bool all = wanted.empty() ? sent > 0 && why.empty() : sent >= static_cast<int>(wanted.size());
  if (all) return kExitDone;
  if (!why.empty()) {
    return Fail(kExitFailed, absl::StrCat(why, sent > 0 ? absl::StrCat("; ", sent, " other programs have it") : ""));
  }
  if (!of_others.empty()) return Fail(kExitFailed, of_others);
  return Fail(kExitFailed,
              "no vrapl runs that could take the mark; start `vrapl sample`, `vrapl run` or `vrapl serve` first, as "
              "the same user");
}

}  // namespace vrapl
