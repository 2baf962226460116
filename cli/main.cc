// vrapl: finds the verb and passes on. A first word that is a verb is a verb; two other words are a VM and its port.
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/closest_word.h"
#include "cli/arguments.h"
#include "cli/verbs.h"

namespace vrapl {
namespace {

constexpr char kHelp[] = R"(vrapl: the energy of virtual machines, every millisecond, told to the guest.

Usage:
  vrapl probe                  what this host can measure; for what it cannot, why and what to do
  vrapl sample                 stream the power of RAPL domains and VMs
  vrapl run -- COMMAND         energy and run time of a command and all that it starts, and of VMs meanwhile
  vrapl mark LABEL             a phase begins: for every vrapl that runs
  vrapl overhead -- COMMAND    how much slower COMMAND is while vrapl samples
  vrapl serve                  all VMs, found and followed; each guest is told its own energy every 2 s
  vrapl attach VM              gives a VM the port that serve tells it over; vrapl detach VM takes it away
  vrapl replay FILE            a recording once more, by other models and windows too
  vrapl export FILE            a recording as CSV, JSON lines, NumPy, SQLite, or for Perfetto
  vrapl report FILE            a page with charts of a recording; the paragraph for a paper
  vrapl compare FILE           every attribution model on a recording, side by side
  vrapl calibrate              what the packages draw when nobody runs, for --base-power
  vrapl leak-test              how much guests' lines can tell them of their neighbours
  vrapl VM_NAME SERIAL_PATH    one VM, one port

  vrapl VERB --help            options and examples
  vrapl --version

First steps:
  vrapl probe                  is there an energy counter, and may you read it?
  vrapl sample --emulate       no RAPL here: look at an emulated host
  vrapl serve --serial-port=1  and in a guest: cat /dev/ttyS1

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the recording is not whole. run and overhead: the command's, 125 when
vrapl failed.
)";

struct Verb {
  const char* name;
  int (*run)(int argc, char** argv);
};
constexpr Verb kVerbs[] = {
    {"probe", ProbeVerb},   {"sample", SampleVerb},   {"serve", ServeVerb},         {"replay", ReplayVerb},
    {"run", RunVerb},       {"mark", MarkVerb},       {"overhead", OverheadVerb},   {"export", ExportVerb},
    {"report", ReportVerb}, {"compare", CompareVerb}, {"calibrate", CalibrateVerb}, {"attach", AttachVerb},
    {"detach", DetachVerb}, {"leak-test", LeakTestVerb}};

// Options that take no value. Any other, written without "=", has its value in the next word.
const std::set<std::string>& Flags() {
  static const std::set<std::string> flags = {
      "--help",   "-h",         "--version",     "--emulate", "--force-port", "--allow-port-0",
      "--json",   "--per-core", "--cross-check", "--report",  "--force",      "--ignore-failure",
      "--phases", "--methods",  "--no-load"};
  return flags;
}

// Positions in argv of the words that are no options and no options' values.
std::vector<int> Positionals(int argc, char** argv) {
  std::vector<int> positions;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;  // what follows is a command's
    if (!absl::StartsWith(word, "-") || word == "-") {
      positions.push_back(i);
    } else if (!absl::StrContains(word, '=') && Flags().count(word) == 0) {
      ++i;
    }
  }
  return positions;
}

int Main(int argc, char** argv) {
  const std::vector<int> positionals = Positionals(argc, argv);
  std::vector<std::string> verbs;
  for (const Verb& verb : kVerbs) verbs.push_back(verb.name);
  if (!positionals.empty()) {
    const std::string first = argv[positionals.front()];
    if (first == "help") {
      std::fputs(kHelp, stdout);
      return kExitDone;
    }
    for (const Verb& verb : kVerbs) {
      if (first != verb.name) continue;
      std::vector<char*> words(argv, argv + argc);
      words.erase(words.begin() + positionals.front());
      return verb.run(argc - 1, words.data());
    }
    const std::optional<std::string> meant = ClosestWord(first, verbs);
    // A port is no regular file: with a word that is nearly a verb before one, the verb was meant.
    struct stat second {};
    const bool to_file =
        positionals.size() == 2 && ::stat(argv[positionals[1]], &second) == 0 && S_ISREG(second.st_mode);
    if (positionals.size() == 2 && !(meant && to_file)) return DeliverToOneVerb(argc, argv);
    return Fail(kExitUsage, absl::StrCat("unknown verb ", first, "; ",
                                         meant ? absl::StrCat("did you mean ", *meant, "?")
                                               : absl::StrCat("there are ", absl::StrJoin(verbs, ", "),
                                                              ", and VM_NAME SERIAL_PATH"),
                                         " (see vrapl --help)"));
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(kHelp, stdout);
      return kExitDone;
    }
    if (word == "--version") {
      std::fputs("vrapl " VRAPL_VERSION "\n", stdout);
      return kExitDone;
    }
  }
  return Fail(kExitUsage, absl::StrCat("a verb is missing: ", absl::StrJoin(verbs, ", "), " (see vrapl --help)"));
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) {
  const int code = vrapl::Main(argc, argv);
  if (code != vrapl::kExitDone && code != vrapl::kExitNotWhole) return code;
  // What was printed must have arrived: a full disk is no success. A reader that has seen enough (`| head`) is one.
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  const int error = errno;  // 0: the write that failed was an earlier one
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  const bool reader_gone = ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
  if (!failed || reader_gone) return code;
  return vrapl::Fail(vrapl::kExitFailed,
                     absl::StrCat("write the output: ", error != 0 ? std::strerror(error) : "it could not be written"));
}
