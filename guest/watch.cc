// --once, --watch and find.
#include <algorithm>
#include <cstdio>
#include <string>

#include "guest/line_text.h"
#include "guest/port_finder.h"
#include "guest/verbs.h"

namespace vrapl {
namespace {

// Lines come every other second, from most hosts.
constexpr int64_t kSilenceIsLongNs = 5'000'000'000;

void Print(const ArrivedLine& arrived, LineFormat format) {
  const std::string text = FormatLine(arrived, format);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Why no line came, when nothing is wrong with the port.
std::string Silence(const LineSource& source) {
  if (source.reader().foreign() > 0) {
    return source.path() +
           " brings lines of a version that this program does not know; use the vrapl-guest of the host's vrapl";
  }
  if (source.reader().rejected() > 0) {
    return source.path() +
           " brings something, but no line with a right CRC; is it the right port, and is this its only reader?";
  }
  return source.path() + " brings nothing; does `vrapl serve` run on the host, with this VM and this port?";
}

}  // namespace

LineSourceOptions SourceOf(const GuestOptions& options) {
  return {.path = options.port, .socket = options.verb == "serve" ? "" : options.directory + "/socket"};
}

void TroubleTeller::Tell(const LineSource& source) {
  if (source.reader().foreign() > 0 && source.reader().accepted() == 0 && !foreign_told_) {
    foreign_told_ = true;
    std::fprintf(stderr, "vrapl-guest: %s\n", Silence(source).c_str());
  }
  if (source.trouble() == told_) return;
  told_ = source.trouble();
  std::fprintf(stderr, "vrapl-guest: %s\n", told_.empty() ? ("reading " + source.path()).c_str() : told_.c_str());
}

int Once(const GuestOptions& options) {
  LineSource source(SourceOf(options));
  const int64_t deadline_ns = MonotonicNowNs() + options.timeout_ns;
  const int64_t silent_ns = std::min(deadline_ns, MonotonicNowNs() + kSilenceIsLongNs);
  std::vector<ArrivedLine> lines;
  bool waiting_told = false;
  while (true) {
    const bool silent = MonotonicNowNs() >= silent_ns;
    const Awaited awaited = AwaitLines(source, silent ? deadline_ns : silent_ns, lines);
    if (!lines.empty() && !lines.back().may_have_waited) {
      Print(lines.back(), options.format);
      return 0;
    }
    if (awaited == Awaited::kTimeout && MonotonicNowNs() >= deadline_ns) break;
    // What cannot bring a line now may later: it is waited for, and said so at once.
    if (waiting_told || (source.trouble().empty() && awaited != Awaited::kTimeout)) continue;
    waiting_told = true;
    std::fprintf(stderr, "vrapl-guest: %s; waiting for a line, up to %.3g s (--timeout)\n",
                 source.trouble().empty() ? ("no line yet from " + source.path()).c_str() : source.trouble().c_str(),
                 static_cast<double>(options.timeout_ns) * 1e-9);
  }
  if (!lines.empty()) {
    std::fprintf(stderr, "vrapl-guest: this line was in the port already, and no other came; it may be old\n");
    Print(lines.back(), options.format);
    return 0;
  }
  // What came and was no line says more than that nothing comes any more.
  const bool came = source.reader().rejected() > 0;
  const std::string why = came || source.trouble().empty() ? Silence(source) : source.trouble();
  std::fprintf(stderr, "vrapl-guest: no line in %.3g s: %s\n", static_cast<double>(options.timeout_ns) * 1e-9,
               why.c_str());
  return 1;
}

int Watch(const GuestOptions& options) {
  LineSource source(SourceOf(options));
  TroubleTeller teller;
  std::optional<GuestLine> last;
  while (true) {
    std::vector<ArrivedLine> lines;
    AwaitLines(source, INT64_MAX, lines);
    teller.Tell(source);
    for (const ArrivedLine& arrived : lines) {
      if (options.format == LineFormat::kText && last.has_value()) {
        if (last->epoch != arrived.line.epoch) {
          std::printf("# a new epoch: energy and CPU time count from zero\n");
        } else if (arrived.line.seq > last->seq + 1) {
          std::printf("# %llu lines were skipped; their energy is in this one\n",
                      static_cast<unsigned long long>(arrived.line.seq - last->seq - 1));
        }
        if (const std::string fell = EnergyFell(*last, arrived.line); !fell.empty()) {
          std::printf("# %s\n", fell.c_str());
        }
      }
      last = arrived.line;
      Print(arrived, options.format);
    }
    if (std::ferror(stdout) != 0) return 1;
  }
}

int Find(const GuestOptions& options) {
  if (!options.port.empty()) {
    std::printf("%s\n", options.port.c_str());
    return 0;
  }
  const FoundPort found = FindPort();
  if (found.path.empty()) {
    std::fprintf(stderr, "vrapl-guest: %s\n", found.why.c_str());
    return 1;
  }
  std::printf("%s\t%s\n", found.path.c_str(), found.why.c_str());
  return 0;
}

}  // namespace vrapl
