#include "cli/verb_app.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/closest_word.h"
#include "cli/arguments.h"

namespace vrapl {
namespace {

class CommandFormatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    const std::string usage = Formatter::make_usage(app, std::move(name));
    return absl::StrCat(absl::StripTrailingAsciiWhitespace(usage), " -- COMMAND ARGUMENTS...\n");
  }
};

}  // namespace

VerbApp::VerbApp(std::string name, std::string description, std::string footer)
    : name_(std::move(name)), app_(std::move(description), name_) {
  app_.set_help_flag("--help,-h", "this text");
  app_.set_version_flag("--version", std::string("vrapl ") + VRAPL_VERSION);
  app_.footer(std::move(footer));
}

void VerbApp::ShowCommandInUsage() { app_.formatter(std::make_shared<CommandFormatter>()); }

std::optional<int> VerbApp::Parse(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (absl::StartsWith(word, "--")) {
      const size_t end = std::min(word.find('='), word.size());
      word = absl::StrReplaceAll(word.substr(0, end), {{"_", "-"}}) + word.substr(end);
    }
    words.push_back(std::move(word));
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : app_.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const std::string& word : words) {
    const std::string option = word.substr(0, word.find('='));
    if (!absl::StartsWith(option, "--") || option == "--") continue;
    if (std::find(known.begin(), known.end(), option) != known.end()) {
      // CLI11 would take the next word, as after "--vm": an empty shell variable would swallow an option.
      if (word.size() != option.size() + 1) continue;
      return Fail(kExitUsage, absl::StrCat(word, ": a value is missing (see ", name_, " --help)"));
    }
    const std::optional<std::string> meant = ClosestWord(option, known);
    return Fail(kExitUsage,
                absl::StrCat("unknown option ", option, meant ? absl::StrCat("; did you mean ", *meant, "?") : "",
                             " (see ", name_, " --help)"));
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes a vector
  try {
    app_.parse(words);
  } catch (const CLI::Success& success) {  // --help, --version
    return app_.exit(success);
  } catch (const CLI::ParseError& error) {
    return Fail(kExitUsage, absl::StrCat(error.what(), " (see ", name_, " --help)"));
  }
  return std::nullopt;
}

}  // namespace vrapl
