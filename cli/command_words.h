// `vrapl VERB OPTIONS -- COMMAND ARGUMENTS...`: what stands after the first "--" is the command's, whatever it looks
// like.
#pragma once

#include <string>
#include <vector>

namespace vrapl {

struct CommandWords {
  int argc = 0;            // of the words before "--"
  bool separated = false;  // there is a "--"
  std::vector<std::string> command;
};

inline CommandWords SplitCommand(int argc, char** argv) {
  CommandWords words{.argc = argc};
  for (int i = 1; i < argc; ++i) {
    if (words.separated) {
      words.command.emplace_back(argv[i]);
    } else if (std::string(argv[i]) == "--") {
      words.separated = true;
      words.argc = i;
    }
  }
  return words;
}

}  // namespace vrapl
