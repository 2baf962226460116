#include "guest_line/guest_line.h"

#include <algorithm>

#include "guest_line/crc32.h"
#include "guest_line/words.h"

namespace vrapl {
namespace {

std::string Word(std::string_view text) {
  std::string word(text.substr(0, kMaxGuestLineWord));
  std::replace_if(
      word.begin(), word.end(), [](char c) { return !IsGuestLineWordChar(c); }, '_');
  return word;
}

std::string Hex8(uint32_t value) {
  std::string digits(8, '0');
  for (size_t i = digits.size(); i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 0xf];
  return digits;
}

}  // namespace

std::string FixedPoint(int64_t value, int places) {
  std::string digits = std::to_string(value);
  const auto least = static_cast<size_t>(places) + 1;
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  return digits.insert(digits.size() - static_cast<size_t>(places), 1, '.');
}

std::string GuestLineStateWords(uint32_t state) {
  std::string words;
  for (const auto& [bit, word] : kGuestLineStateWords) {
    if ((state & bit) == 0) continue;
    if (!words.empty()) words += ',';
    words += word;
  }
  return words.empty() ? "ok" : words;
}

std::string FormatGuestLine(const GuestLine& line) {
  std::string text(kGuestLineMagic);
  text.reserve(kTypicalGuestLine);
  const auto add = [&text](std::string_view key, std::string_view value) {
    text += ' ';
    text += key;
    text += '=';
    text += value;
  };
  const auto add_count = [&add](std::string_view key, const std::optional<int64_t>& value) {
    if (value.has_value()) add(key, std::to_string(*value));
  };
  const auto add_word = [&add](std::string_view key, const std::string& value) {
    if (!value.empty()) add(key, Word(value));
  };
  add("seq", std::to_string(line.seq));
  add("unix_s", FixedPoint(line.unix_ms, 3));
  add("dt_s", FixedPoint(line.dt_us, 6));
  if (line.power_mw.has_value()) add("power_w", FixedPoint(*line.power_mw, 3));
  if (line.active_power_mw.has_value()) add("active_power_w", FixedPoint(*line.active_power_mw, 3));
  add_count("energy_uj", line.energy_uj);
  add_count("active_uj", line.active_uj);
  add_count("err_uj", line.err_uj);
  add_count("quantum_uj", line.quantum_uj);
  add_count("run_time_ns", line.run_time_ns);
  add_count("vcpus", line.vcpus);
  add_word("model", line.model);
  add_word("source", line.source);
  add_word("run_time_method", line.run_time_method);
  add("epoch", Hex8(line.epoch));
  add("st", GuestLineStateWords(line.state));
  const std::string crc = Hex8(Crc32(text));
  return text.append(" *").append(crc).append("\n");
}

const char* GuestLineComment() {
  return "# VRAPL1: energy of this VM, measured on its host. power_w: mean "
         "watts over the last dt_s seconds; energy_uj: microjoules "
         "since the epoch began; active: without the idle floor; run_time_ns: "
         "CPU time since then; st: ok, or what to mind; *: CRC-32 "
         "(zlib) of all before it\n";
}

}  // namespace vrapl
