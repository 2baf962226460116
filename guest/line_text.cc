#include "guest/line_text.h"

#include <cstdio>

namespace vrapl {
namespace {

std::string Text(const GuestLine& line) {
  const auto watts = [](const std::optional<int64_t>& power_mw) {
    return power_mw.has_value() ? FixedPoint(*power_mw, 3) + " W" : std::string("unknown");
  };
  // The error is of this line's interval, and so is the power.
  std::string error;
  if (line.power_mw.has_value() && line.err_uj.has_value() && line.dt_us > 0) {
    error = " +-" + FixedPoint(*line.err_uj * 1000 / line.dt_us, 3);
  }
  const std::string joules = line.energy_uj.has_value() ? FixedPoint(*line.energy_uj / 1000, 3) + " J" : "unknown";
  const std::string cpu =
      line.run_time_ns.has_value() ? FixedPoint(*line.run_time_ns / 1'000'000, 3) + " s" : std::string("unknown");
  char text[512];
  std::snprintf(text, sizeof text, "%12s%s  active %12s  %16s  CPU time %14s  seq %llu of %08x%s%s%s\n",
                watts(line.power_mw).c_str(), error.c_str(), watts(line.active_power_mw).c_str(), joules.c_str(),
                cpu.c_str(), static_cast<unsigned long long>(line.seq), static_cast<unsigned>(line.epoch),
                line.source == "emulated" ? "  EMULATED" : "", line.state == kLineOk ? "" : "  ",
                line.state == kLineOk ? "" : GuestLineStateWords(line.state).c_str());
  return text;
}

std::string Json(const GuestLine& line) {
  std::string json = "{";
  const auto add = [&json](std::string_view key, std::string_view value, bool quoted) {
    if (json.size() > 1) json += ',';
    json.append("\"").append(key).append(quoted ? "\":\"" : "\":").append(value).append(quoted ? "\"" : "");
  };
  const auto add_fixed = [&add](std::string_view key, const std::optional<int64_t>& value, int places) {
    if (value.has_value()) add(key, places == 0 ? std::to_string(*value) : FixedPoint(*value, places), false);
  };
  // Words of a line need no escapes.
  const auto add_word = [&add](std::string_view key, const std::string& word) {
    if (!word.empty()) add(key, word, true);
  };
  add("seq", std::to_string(line.seq), false);
  add_fixed("unix_s", line.unix_ms, 3);
  add_fixed("dt_s", line.dt_us, 6);
  add_fixed("power_w", line.power_mw, 3);
  add_fixed("active_power_w", line.active_power_mw, 3);
  add_fixed("energy_uj", line.energy_uj, 0);
  add_fixed("active_uj", line.active_uj, 0);
  add_fixed("err_uj", line.err_uj, 0);
  add_fixed("quantum_uj", line.quantum_uj, 0);
  add_fixed("run_time_ns", line.run_time_ns, 0);
  add_fixed("vcpus", line.vcpus, 0);
  add_word("model", line.model);
  add_word("source", line.source);
  add_word("run_time_method", line.run_time_method);
  char epoch[9];
  std::snprintf(epoch, sizeof epoch, "%08x", static_cast<unsigned>(line.epoch));
  add_word("epoch", epoch);
  add_word("st", GuestLineStateWords(line.state));
  return json + "}\n";
}

}  // namespace

std::string EnergyFell(const GuestLine& before, const GuestLine& now) {
  if (before.epoch != now.epoch || now.seq <= before.seq) return "";
  const auto fell = [](const std::optional<int64_t>& from, const std::optional<int64_t>& to) {
    return from.has_value() && to.has_value() && *to < *from;
  };
  const bool energy = fell(before.energy_uj, now.energy_uj);
  if (!energy && !fell(before.active_uj, now.active_uj)) return "";
  const int64_t from_uj = energy ? *before.energy_uj : *before.active_uj;
  const int64_t to_uj = energy ? *now.energy_uj : *now.active_uj;
  return std::string(energy ? "energy" : "active energy") + " fell from " + FixedPoint(from_uj / 1000, 3) + " to " +
         FixedPoint(to_uj / 1000, 3) +
         " J within an epoch, which no vrapl sends: two hosts or a made line on this port? Take no difference over it";
}

std::optional<LineFormat> LineFormatByName(std::string_view name) {
  if (name == "text") return LineFormat::kText;
  if (name == "line") return LineFormat::kLine;
  if (name == "json") return LineFormat::kJson;
  if (name == "watts") return LineFormat::kWatts;
  return std::nullopt;
}

std::string FormatLine(const ArrivedLine& arrived, LineFormat format) {
  switch (format) {
    case LineFormat::kText:
      return Text(arrived.line);
    case LineFormat::kLine:
      return arrived.text + "\n";
    case LineFormat::kJson:
      return Json(arrived.line);
    case LineFormat::kWatts:
      return (arrived.line.power_mw.has_value() ? FixedPoint(*arrived.line.power_mw, 3) : "nan") + "\n";
  }
  return "";
}

}  // namespace vrapl
