#include "guest/options.h"

#include <getopt.h>

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "guest/help.h"

namespace vrapl {
namespace {

enum Option {
  kPort = 256,
  kDir,
  kTextfile,
  kMount,
  kMode,
  kRange,
  kFormat,
  kTimeout,
  kFor,
  kMax,
  kLines,
  kCount,
  kRows
};

constexpr option kOptions[] = {{"help", no_argument, nullptr, 'h'},
                               {"version", no_argument, nullptr, 'V'},
                               {"once", no_argument, nullptr, '1'},
                               {"watch", no_argument, nullptr, 'w'},
                               {"port", required_argument, nullptr, kPort},
                               {"dir", required_argument, nullptr, kDir},
                               {"textfile", required_argument, nullptr, kTextfile},
                               {"mount", no_argument, nullptr, kMount},
                               {"mode", required_argument, nullptr, kMode},
                               {"max-energy-range-uj", required_argument, nullptr, kRange},
                               {"format", required_argument, nullptr, kFormat},
                               {"timeout", required_argument, nullptr, kTimeout},
                               {"for", required_argument, nullptr, kFor},
                               {"max", required_argument, nullptr, kMax},
                               {"lines", required_argument, nullptr, kLines},
                               {"count", required_argument, nullptr, kCount},
                               {"rows", required_argument, nullptr, kRows},
                               {nullptr, 0, nullptr, 0}};

std::optional<int64_t> ParseCount(const char* text, int base = 10) {
  char* end = nullptr;
  errno = 0;
  const int64_t value = std::strtoll(text, &end, base);
  if (end == text || *end != '\0' || errno != 0 || value < 0 || std::isdigit(static_cast<unsigned char>(*text)) == 0) {
    return std::nullopt;
  }
  return value;
}

// "500ms", "10s", "2m": a duration has a unit.
std::optional<int64_t> ParseDurationNs(const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  const std::string_view unit = end;
  const double unit_ns = unit == "ms"                   ? 1e6
                         : unit == "s"                  ? 1e9
                         : unit == "m" || unit == "min" ? 60e9
                         : unit == "h"                  ? 3600e9
                                                        : 0;
  if (end == text || unit_ns == 0 || !(value >= 0) || value * unit_ns > 9e18) return std::nullopt;
  return static_cast<int64_t>(value * unit_ns);
}

ParsedOptions Wrong(std::string text) {
  return {.options = {}, .exit_code = 2, .text = "vrapl-guest: " + std::move(text) + "; try vrapl-guest --help\n"};
}

bool IsVerb(std::string_view word) { return word == "serve" || word == "run" || word == "top" || word == "find"; }

constexpr int kOwnFailure = 125;  // of run: 2 is the command's to return

ParsedOptions Parse(int argc, char** argv) {
  if (argc < 2) return {.options = {}, .exit_code = 2, .text = HelpText("")};
  ParsedOptions parsed;
  GuestOptions& options = parsed.options;
  int first = 1;
  if (argv[1][0] != '-') {
    if (!IsVerb(argv[1])) return Wrong(std::string("unknown verb '") + argv[1] + "'");
    options.verb = argv[1];
    first = 2;
  }
  ::opterr = 0;
  ::optind = first;
  while (true) {
    const int at = ::optind;
    const int option = ::getopt_long(argc, argv, "+:hVn:", kOptions, nullptr);
    if (option == -1) break;
    const auto bad = [&](const char* needs) {
      return Wrong(std::string(argv[at]) + ": " + needs + ", not '" + ::optarg + "'");
    };
    std::optional<int64_t> number;
    switch (option) {
      case 'h':
        return {.options = {}, .exit_code = 0, .text = HelpText(options.verb)};
      case 'V':
        return {.options = {}, .exit_code = 0, .text = "vrapl-guest " VRAPL_VERSION "\n"};
      case '1':
      case 'w':
        if (!options.verb.empty()) return Wrong("--once and --watch are for use alone");
        options.verb = option == '1' ? "once" : "watch";
        break;
      case kPort:
        options.port = ::optarg;
        break;
      case kDir:
        options.directory = ::optarg;
        break;
      case kTextfile:
        options.textfile = ::optarg;
        if (!options.textfile.ends_with(".prom")) return bad("the collector reads files that end in .prom");
        break;
      case kMount:
        options.mount = true;
        break;
      case kMode:
        number = ParseCount(::optarg, 8);
        if (!number.has_value() || *number > 0777) return bad("a mode is octal, such as 0444");
        options.mode = static_cast<mode_t>(*number);
        break;
      case kRange:
        number = ParseCount(::optarg);
        if (!number.has_value() || *number < 1'000'000) return bad("a number of microjoules, at least 1000000");
        options.max_energy_range_uj = *number;
        break;
      case kFormat:
        if (const auto format = LineFormatByName(::optarg); format.has_value()) {
          options.format = *format;
          break;
        }
        return bad("text, line, json or watts");
      case kTimeout:
      case kFor:
      case kMax:
        number = ParseDurationNs(::optarg);
        if (!number.has_value()) return bad("a duration with its unit, such as 500ms, 10s, 2m");
        (option == kTimeout ? options.timeout_ns : option == kFor ? options.for_ns : options.max_ns) = *number;
        break;
      case kLines:
      case kRows:
      case kCount:
      case 'n':
        number = ParseCount(::optarg);
        if (!number.has_value() || *number < 1 || *number > 1'000'000) return bad("a number from 1");
        (option == kLines ? options.lines : option == kRows ? options.rows : options.count) = static_cast<int>(*number);
        break;
      case ':':
        return Wrong(std::string(argv[at]) + " needs a value");
      default:
        return Wrong(std::string("unknown option '") + argv[at] + "'");
    }
  }
  for (int i = ::optind; i < argc; ++i) options.command.emplace_back(argv[i]);
  if (options.verb.empty()) return Wrong("what is to be done: --once, --watch, serve, run or top?");
  if (options.verb == "run") {
    if (options.command.empty()) return Wrong("run: which command? vrapl-guest run -- COMMAND [ARGUMENT]...");
  } else if (!options.command.empty()) {
    return Wrong("'" + options.command[0] + "' is one word too many");
  }
  return parsed;
}

}  // namespace

ParsedOptions ParseGuestOptions(int argc, char** argv) {
  ParsedOptions parsed = Parse(argc, argv);
  if (parsed.exit_code == 2 && argc > 1 && std::string_view(argv[1]) == "run") parsed.exit_code = kOwnFailure;
  return parsed;
}

}  // namespace vrapl
