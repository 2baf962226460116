// One CLI11 application per verb: help, version, wrong usage as exit code 2 with one line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace vrapl {

class VerbApp {
 public:
  VerbApp(std::string name, std::string description, std::string footer);
  CLI::App& app() { return app_; }
  // The line of usage in --help says that a command follows "--".
  void ShowCommandInUsage();

  // Nothing when parsed; else the exit code, with what there was to say already said. `argv[0]` is skipped.
  // Underscores in option names are accepted as hyphens; an unknown option gets "did you mean".
  std::optional<int> Parse(int argc, char** argv);

 private:
  std::string name_;
  CLI::App app_;
};

}  // namespace vrapl
