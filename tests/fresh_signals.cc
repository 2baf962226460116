// Part of every test: signals are as a program has them that somebody starts in a terminal. nohup, and a shell that
// starts something in its background, leave some ignored; programs inherit that, and vrapl passes it on to its
// commands.
#include <csignal>
#include <initializer_list>

namespace {

[[maybe_unused]] const bool fresh = [] {
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE}) (void)::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
}();

}  // namespace
