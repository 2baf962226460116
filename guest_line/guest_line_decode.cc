#include <algorithm>
#include <array>
#include <charconv>

#include "guest_line/crc32.h"
#include "guest_line/guest_line.h"
#include "guest_line/words.h"

namespace vrapl {
namespace {

bool AllDigits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit); }

// Digits only: no sign, no space, no base.
template <typename Integer>
bool ParseInteger(std::string_view text, Integer& value) {
  return AllDigits(text) && std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

bool ParseInteger(std::string_view text, std::optional<int64_t>& value) { return ParseInteger(text, value.emplace()); }

// The reverse of FixedPoint. Places beyond `places` are cut off: a later writer may print more of them.
bool ParseFixed(std::string_view text, size_t places, int64_t& value) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (!AllDigits(whole) || (point != std::string_view::npos && !AllDigits(fraction))) return false;
  std::string scaled(whole);
  scaled += fraction.substr(0, places);
  if (fraction.size() < places) scaled.append(places - fraction.size(), '0');
  return ParseInteger(scaled, value);
}

bool ParseFixed(std::string_view text, size_t places, std::optional<int64_t>& value) {
  return ParseFixed(text, places, value.emplace());
}

// Eight lower-case digits exactly: a line has one spelling.
bool ParseHex8(std::string_view text, uint32_t& value) {
  const auto is_digit = [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); };
  return text.size() == 8 && std::all_of(text.begin(), text.end(), is_digit) &&
         std::from_chars(text.data(), text.data() + text.size(), value, 16).ec == std::errc();
}

bool ParseWord(std::string_view text, std::string& word) {
  word = text;
  return !text.empty() && text.size() <= kMaxGuestLineWord &&
         std::all_of(text.begin(), text.end(), IsGuestLineWordChar);
}

bool ParseState(std::string_view text, uint32_t& state) {
  state = kLineOk;
  if (text == "ok") return true;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (word.empty()) return false;
    uint32_t bit = kLineOther;
    for (const auto& known : kGuestLineStateWords) {
      if (word == known.word) bit = known.bit;
    }
    state |= bit;
    begin = end + 1;
  }
  return true;
}

bool IsKey(std::string_view key) {
  return !key.empty() && IsLower(key[0]) &&
         std::all_of(key.begin(), key.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '_'; });
}

// False when `value` is not what `key` must hold.
bool TakeField(std::string_view key, std::string_view value, GuestLine& line) {
  if (key == "seq") return ParseInteger(value, line.seq);
  if (key == "unix_s") return ParseFixed(value, 3, line.unix_ms);
  if (key == "dt_s") return ParseFixed(value, 6, line.dt_us);
  if (key == "power_w") return ParseFixed(value, 3, line.power_mw);
  if (key == "active_power_w") return ParseFixed(value, 3, line.active_power_mw);
  if (key == "energy_uj") return ParseInteger(value, line.energy_uj);
  if (key == "active_uj") return ParseInteger(value, line.active_uj);
  if (key == "err_uj") return ParseInteger(value, line.err_uj);
  if (key == "quantum_uj") return ParseInteger(value, line.quantum_uj);
  if (key == "run_time_ns") return ParseInteger(value, line.run_time_ns);
  if (key == "vcpus") return ParseInteger(value, line.vcpus);
  if (key == "model") return ParseWord(value, line.model);
  if (key == "source") return ParseWord(value, line.source);
  if (key == "run_time_method") return ParseWord(value, line.run_time_method);
  if (key == "epoch") return ParseHex8(value, line.epoch);
  if (key == "st") return ParseState(value, line.state);
  return true;
}

DecodedGuestLine Faulty(GuestLineFault fault, std::string why) {
  return {.fault = fault, .why = std::move(why), .line = {}};
}

std::string Printable(std::string_view text) {
  std::string shown(text.substr(0, 16));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return shown;
}

// No line that a reader must take has room for more fields: "a=" and a space each.
constexpr size_t kMostFields = kMaxGuestLine / 3;

// What stands before the CRC, when the CRC is right: from here on the line is as it was written.
DecodedGuestLine DecodeBody(std::string_view body) {
  const size_t magic_end = std::min(body.find(' '), body.size());
  if (body.substr(0, magic_end) != kGuestLineMagic) {
    return Faulty(GuestLineFault::kForeign, "the line begins with " + Printable(body.substr(0, magic_end)) + ", not " +
                                                std::string(kGuestLineMagic));
  }
  DecodedGuestLine decoded;
  std::array<std::string_view, kMostFields> keys;
  size_t fields = 0;
  const auto seen = [&](std::string_view key) {
    return std::find(keys.begin(), keys.begin() + fields, key) != keys.begin() + fields;
  };
  for (size_t begin = magic_end + 1; begin <= body.size();) {
    const size_t end = std::min(body.find(' ', begin), body.size());
    const std::string_view token = body.substr(begin, end - begin);
    const size_t equals = std::min(token.find('='), token.size());
    const std::string_view key = token.substr(0, equals);
    if (equals == token.size() || !IsKey(key) || fields == keys.size()) {
      return Faulty(GuestLineFault::kForeign, "the line has a field that is not key=value");
    }
    const std::string_view value = token.substr(equals + 1);
    const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!printable || !TakeField(key, value, decoded.line)) {
      return Faulty(GuestLineFault::kForeign, "the line's " + Printable(key) + " has no valid value");
    }
    if (seen(key)) return Faulty(GuestLineFault::kForeign, "the line has " + Printable(key) + " twice");
    keys[fields++] = key;
    begin = end + 1;
  }
  for (const std::string_view required : {"seq", "unix_s", "dt_s", "epoch", "st"}) {
    if (!seen(required)) return Faulty(GuestLineFault::kForeign, "the line has no " + std::string(required));
  }
  return decoded;
}

}  // namespace

DecodedGuestLine DecodeGuestLine(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  constexpr size_t kCrcPart = 10;  // " *" and eight digits
  uint32_t crc = 0;
  if (text.size() >= kMaxGuestLine || text.size() < kCrcPart || text.substr(text.size() - kCrcPart, 2) != " *" ||
      !ParseHex8(text.substr(text.size() - 8), crc)) {
    return Faulty(GuestLineFault::kDamaged, "the line does not end in a CRC");
  }
  const std::string_view body = text.substr(0, text.size() - kCrcPart);
  if (Crc32(body) != crc) return Faulty(GuestLineFault::kDamaged, "the line's CRC is wrong");
  return DecodeBody(body);
}

}  // namespace vrapl
