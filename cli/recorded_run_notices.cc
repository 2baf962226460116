#include "cli/recorded_run_notices.h"

#include "absl/strings/str_cat.h"
#include "cli/arguments.h"

namespace vrapl {

void TellDamage(const RecordedRun& run) {
  for (const std::string& damage : run.damage) Notice(absl::StrCat(run.path, ": ", damage));
  if (!run.ended) {
    Notice(absl::StrCat(
        run.path, ": the run did not come to its end (it was killed, or still goes on); what was written is used"));
  }
}

}  // namespace vrapl
