#include "guest/publication.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "guest/posix_text.h"

namespace vrapl {
namespace {

constexpr mode_t kOwnerOnly = 0600;

std::string First(std::string first, const std::string& second) { return first.empty() ? second : first; }

void AddMetric(std::string& text, const char* name, const char* type, const char* help, const std::string& value) {
  text.append("# HELP ")
      .append(name)
      .append(" ")
      .append(help)
      .append("\n# TYPE ")
      .append(name)
      .append(" ")
      .append(type);
  text.append("\n").append(name).append(" ").append(value).append("\n");
}

}  // namespace

std::string Publication::Replace(const std::string& path, std::string_view content, mode_t mode) const {
  return ReplaceFile(path, options_.directory + "/.new", content, mode);
}

int64_t Publication::counter_uj() const {
  return (base_uj_ + account_.energy_uj().value_or(0)) % (options_.max_energy_range_uj + 1);
}

std::string Publication::Begin() {
  for (const std::string& directory : {zone(), powercap() + "/intel-rapl"}) {
    if (std::string failure = MakeDirectories(directory); !failure.empty()) return failure;
  }
  // Where the kernel's own class has its zones, for tools that go by that.
  if (::symlink("../intel-rapl:0", (powercap() + "/intel-rapl/intel-rapl:0").c_str()) != 0 && errno != EEXIST) {
    return PosixFailure(errno, "link " + powercap() + "/intel-rapl/intel-rapl:0");
  }
  const std::string state = ReadSmallFile(options_.directory + "/state");
  int64_t base_uj = 0;
  char account[512] = "";
  // "BASE ACCOUNT"
  if (const size_t space = state.find(' '); space != std::string::npos) {
    base_uj = std::strtoll(state.c_str(), nullptr, 10);
    std::snprintf(account, sizeof account, "%s", state.c_str() + space + 1);
  }
  if (const std::optional<EnergyAccount> saved = EnergyAccount::Load(account); saved.has_value() && base_uj >= 0) {
    account_ = *saved;
    base_uj_ = base_uj;
  } else {
    // At least the counter that somebody may have read does not fall.
    base_uj_ = std::strtoll(ReadSmallFile(zone() + "/energy_uj").c_str(), nullptr, 10);
  }
  const std::string range = std::to_string(options_.max_energy_range_uj) + "\n";
  std::string failure = Replace(zone() + "/name", "package-0\n", options_.mode);
  failure = First(failure, Replace(zone() + "/max_energy_range_uj", range, options_.mode));
  failure = First(failure, Replace(zone() + "/enabled", "1\n", options_.mode));
  failure = First(failure, Replace(powercap() + "/intel-rapl/enabled", "1\n", options_.mode));
  ::unlink((zone() + "/energy_uj").c_str());
  ::unlink(line_path().c_str());
  return failure;
}

std::string Publication::Take(const ArrivedLine& arrived, const GuestLineReader& reader, bool* published) {
  const bool news = account_.Take(arrived.line);
  if (published != nullptr) *published = news;
  if (!news) return "";
  // The state first: a program that is killed between the two has then told less than it knows, never more.
  std::string failure =
      Replace(options_.directory + "/state", std::to_string(base_uj_) + " " + account_.Save(), kOwnerOnly);
  if (account_.energy_uj().has_value()) {
    failure = First(failure, Replace(zone() + "/energy_uj", std::to_string(counter_uj()) + "\n", options_.mode));
  }
  failure = First(failure, Replace(line_path(), arrived.text + "\n", options_.mode));
  if (!options_.textfile.empty()) {
    failure = First(failure, ReplaceFile(options_.textfile, options_.textfile + ".new", Metrics(&arrived.line, reader),
                                         options_.mode));
  }
  return failure;
}

std::string Publication::TellStale(const GuestLineReader& reader) {
  ::unlink((zone() + "/energy_uj").c_str());
  ::unlink(line_path().c_str());
  if (options_.textfile.empty()) return "";
  return ReplaceFile(options_.textfile, options_.textfile + ".new", Metrics(nullptr, reader), options_.mode);
}

void Publication::End() {
  ::unlink((zone() + "/energy_uj").c_str());
  ::unlink(line_path().c_str());
  if (!options_.textfile.empty()) ::unlink(options_.textfile.c_str());
}

// Counters are this account's own, so that they fall only when the program's state is lost. No time stamps: the
// collector refuses files that have them.
std::string Publication::Metrics(const GuestLine* line, const GuestLineReader& reader) const {
  std::string text;
  AddMetric(text, "vrapl_guest_up", "gauge", "1 while lines come from the host, 0 when they have stopped.",
            line != nullptr ? "1" : "0");
  AddMetric(text, "vrapl_guest_lines_total", "counter", "Lines received.", std::to_string(account_.lines()));
  AddMetric(text, "vrapl_guest_lines_skipped_total", "counter",
            "Lines that the host made and that did not arrive; their energy is in the next.",
            std::to_string(account_.skipped()));
  AddMetric(text, "vrapl_guest_lines_rejected_total", "counter", "Lines with a wrong CRC, or of another version.",
            std::to_string(reader.rejected()));
  AddMetric(text, "vrapl_guest_epochs_total", "counter", "Epochs of the host's count that were seen.",
            std::to_string(account_.epochs()));
  if (line == nullptr) return text;
  // What is not known is not there: a zero would be a measurement.
  if (account_.energy_uj().has_value()) {
    AddMetric(text, "vrapl_guest_energy_joules_total", "counter", "Energy of this VM, as its host measures it.",
              FixedPoint(*account_.energy_uj(), 6));
  }
  if (account_.active_uj().has_value()) {
    AddMetric(text, "vrapl_guest_active_joules_total", "counter", "Energy of this VM above the host's idle floor.",
              FixedPoint(*account_.active_uj(), 6));
  }
  if (account_.run_time_ns().has_value()) {
    AddMetric(text, "vrapl_guest_run_time_seconds_total", "counter", "CPU time of this VM's threads on the host.",
              FixedPoint(*account_.run_time_ns(), 9));
  }
  if (line->power_mw.has_value()) {
    AddMetric(text, "vrapl_guest_power_watts", "gauge", "Mean power over the last interval.",
              FixedPoint(*line->power_mw, 3));
  }
  AddMetric(text, "vrapl_guest_interval_seconds", "gauge", "Length of the last interval.", FixedPoint(line->dt_us, 6));
  AddMetric(text, "vrapl_guest_interval_ok", "gauge", "1 when there is nothing to mind about the last interval.",
            line->state == kLineOk ? "1" : "0");
  const auto label = [](const std::string& word) { return word.empty() ? std::string("unknown") : word; };
  text += "# HELP vrapl_guest_info How the host measures.\n# TYPE vrapl_guest_info gauge\nvrapl_guest_info{model=\"" +
          label(line->model) + "\",source=\"" + label(line->source) + "\",run_time_method=\"" +
          label(line->run_time_method) + "\"} 1\n";
  return text;
}

}  // namespace vrapl
