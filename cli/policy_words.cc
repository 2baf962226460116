#include "cli/policy_words.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vrapl {

void AddPolicyOption(CLI::App& app, std::vector<std::string>& words) {
  app.add_option("--policy", words,
                 "what guests are told: preset=manifesto, period=30s, quantum=1J, noise=on, fields=energy,active, "
                 "domains=package, format=json, deliver=off; may be repeated (docs/guest-policy.md)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

absl::StatusOr<GuestPolicy> ParsePolicyWords(const std::vector<std::string>& words, bool may_be_shorter,
                                             const GuestPolicy& from) {
  PolicySettings settings;
  for (const std::string& word : words) {
    if (!absl::StrContains(word, '=')) {
      return absl::InvalidArgumentError(absl::StrCat("--policy=", word, ": KEY=VALUE is wanted, such as period=30s"));
    }
    const std::pair<std::string, std::string> setting = absl::StrSplit(word, absl::MaxSplits('=', 1));
    settings.push_back(setting);
  }
  absl::StatusOr<GuestPolicy> policy = ParseGuestPolicy(settings, may_be_shorter, from);
  if (!policy.ok()) return absl::InvalidArgumentError(absl::StrCat("--policy: ", policy.status().message()));
  return policy;
}

}  // namespace vrapl
