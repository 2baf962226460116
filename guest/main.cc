// vrapl-guest: the energy of this VM for those who live in it.
#include <csignal>
#include <cstdio>

#include "guest/verbs.h"

int main(int argc, char** argv) {
  using namespace vrapl;  // NOLINT(google-build-using-namespace): a program's main
  const ParsedOptions parsed = ParseGuestOptions(argc, argv);
  if (parsed.exit_code >= 0) {
    std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  const GuestOptions& options = parsed.options;
  if (options.verb == "once") return Once(options);
  if (options.verb == "watch") return Watch(options);
  if (options.verb == "find") return Find(options);
  if (options.verb == "serve") return Serve(options);
  if (options.verb == "run") return Run(options);
  if (options.verb == "top") return Top(options);
  return 2;
}
