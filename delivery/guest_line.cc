#include "delivery/guest_line.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

constexpr size_t kMaxWord = 32;

constexpr struct {
  uint32_t bit;
  absl::string_view word;
} kStateWords[] = {{kLineWarm, "warm"},
                   {kLineGap, "gap"},
                   {kLineNoEnergy, "noenergy"},
                   {kLineCoarse, "coarse"},
                   {kLineOther, "other"}};

bool IsWordChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("._+-", c); }

std::string Word(absl::string_view text) {
  std::string word(text.substr(0, kMaxWord));
  std::replace_if(
      word.begin(), word.end(), [](char c) { return !IsWordChar(c); }, '_');
  return word;
}

std::string StateWords(uint32_t state) {
  std::vector<absl::string_view> words;
  for (const auto& [bit, word] : kStateWords) {
    if (state & bit) words.push_back(word);
  }
  return words.empty() ? "ok" : absl::StrJoin(words, ",");
}

std::string Hex8(uint32_t value) { return absl::StrCat(absl::Hex(value, absl::kZeroPad8)); }

// An integer count of 10^-places as a decimal: (12431, 3) -> "12.431".
std::string Fixed(int64_t value, int places) {
  int64_t one = 1;
  for (int i = 0; i < places; ++i) one *= 10;
  const std::string digits = absl::StrCat(one + value % one);  // the leading 1 keeps the zeros
  return absl::StrCat(value / one, ".", absl::string_view(digits).substr(1));
}

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool ParseInteger(absl::string_view text, int64_t& value) { return AllDigits(text) && absl::SimpleAtoi(text, &value); }
bool ParseInteger(absl::string_view text, uint64_t& value) { return AllDigits(text) && absl::SimpleAtoi(text, &value); }

template <typename T>
bool ParseInteger(absl::string_view text, std::optional<T>& value) {
  return ParseInteger(text, value.emplace());
}

// The reverse of Fixed. Places beyond `digits` are cut off: a later writer may
// print more of them.
bool ParseFixed(absl::string_view text, int digits, int64_t& value) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 1));
  if (absl::StrContains(text, '.') && !AllDigits(parts.second)) return false;
  std::string scaled = absl::StrCat(parts.first, parts.second.substr(0, static_cast<size_t>(digits)));
  if (parts.second.size() < static_cast<size_t>(digits))
    scaled.append(static_cast<size_t>(digits) - parts.second.size(), '0');
  return AllDigits(parts.first) && ParseInteger(scaled, value);
}

bool ParseFixed(absl::string_view text, int digits, std::optional<int64_t>& value) {
  return ParseFixed(text, digits, value.emplace());
}

// Eight lower-case digits exactly: a line has one spelling.
bool ParseHex8(absl::string_view text, uint32_t& value) {
  const bool right = text.size() == 8 && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                     });
  return right && absl::SimpleHexAtoi(text, &value);
}

bool ParseWord(absl::string_view text, std::string& word) {
  word = std::string(text);
  return !text.empty() && text.size() <= kMaxWord && std::all_of(text.begin(), text.end(), IsWordChar);
}

bool ParseState(absl::string_view text, uint32_t& state) {
  state = kLineOk;
  if (text == "ok") return true;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    if (word.empty()) return false;
    uint32_t bit = kLineOther;
    for (const auto& known : kStateWords) {
      if (word == known.word) bit = known.bit;
    }
    state |= bit;
  }
  return true;
}

bool IsKey(absl::string_view key) {
  return !key.empty() && absl::ascii_islower(static_cast<unsigned char>(key[0])) &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_';
         });
}

// False when `value` is not what `key` must hold.
bool TakeField(absl::string_view key, absl::string_view value, GuestLine& line) {
  if (key == "seq") return ParseInteger(value, line.seq);
  if (key == "unix_s") return ParseFixed(value, 3, line.unix_ms);
  if (key == "dt_s") return ParseFixed(value, 6, line.dt_us);
  if (key == "power_w") return ParseFixed(value, 3, line.power_mw);
  if (key == "active_power_w") return ParseFixed(value, 3, line.active_power_mw);
  if (key == "energy_uj") return ParseInteger(value, line.energy_uj);
  if (key == "active_uj") return ParseInteger(value, line.active_uj);
  if (key == "err_uj") return ParseInteger(value, line.err_uj);
  if (key == "run_time_ns") return ParseInteger(value, line.run_time_ns);
  if (key == "vcpus") return ParseInteger(value, line.vcpus);
  if (key == "model") return ParseWord(value, line.model);
  if (key == "source") return ParseWord(value, line.source);
  if (key == "run_time_method") return ParseWord(value, line.run_time_method);
  if (key == "epoch") return ParseHex8(value, line.epoch);
  if (key == "st") return ParseState(value, line.state);
  return true;
}

}  // namespace

uint32_t GuestLineCrc(absl::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string FormatGuestLine(const GuestLine& line) {
  std::string text = absl::StrCat(kGuestLineMagic, " seq=", line.seq, " unix_s=", Fixed(line.unix_ms, 3),
                                  " dt_s=", Fixed(line.dt_us, 6));
  const auto add = [&text](absl::string_view key, const std::string& value) {
    absl::StrAppend(&text, " ", key, "=", value);
  };
  if (line.power_mw.has_value()) add("power_w", Fixed(*line.power_mw, 3));
  if (line.active_power_mw.has_value()) add("active_power_w", Fixed(*line.active_power_mw, 3));
  if (line.energy_uj.has_value()) add("energy_uj", absl::StrCat(*line.energy_uj));
  if (line.active_uj.has_value()) add("active_uj", absl::StrCat(*line.active_uj));
  if (line.err_uj.has_value()) add("err_uj", absl::StrCat(*line.err_uj));
  if (line.run_time_ns.has_value()) add("run_time_ns", absl::StrCat(*line.run_time_ns));
  if (line.vcpus.has_value()) add("vcpus", absl::StrCat(*line.vcpus));
  if (!line.model.empty()) add("model", Word(line.model));
  if (!line.source.empty()) add("source", Word(line.source));
  if (!line.run_time_method.empty()) add("run_time_method", Word(line.run_time_method));
  add("epoch", Hex8(line.epoch));
  add("st", StateWords(line.state));
  absl::StrAppend(&text, " *", Hex8(GuestLineCrc(text)), "\n");
  return text;
}

absl::StatusOr<GuestLine> ParseGuestLine(absl::string_view text) {
  absl::ConsumeSuffix(&text, "\n");
  absl::ConsumeSuffix(&text, "\r");
  constexpr size_t kCrcPart = 10;  // " *" and eight digits
  uint32_t crc = 0;
  if (text.size() >= kMaxGuestLine || text.size() < kCrcPart || text.substr(text.size() - kCrcPart, 2) != " *" ||
      !ParseHex8(text.substr(text.size() - 8), crc)) {
    return absl::DataLossError("the line does not end in a CRC");
  }
  const absl::string_view body = text.substr(0, text.size() - kCrcPart);
  if (GuestLineCrc(body) != crc) return absl::DataLossError("the line's CRC is wrong");

  // From here on the line is as it was written.
  std::vector<absl::string_view> tokens = absl::StrSplit(body, ' ');
  if (tokens[0] != kGuestLineMagic) {
    return absl::InvalidArgumentError(
        absl::StrCat("the line begins with ", absl::CHexEscape(tokens[0].substr(0, 16)), ", not ", kGuestLineMagic));
  }
  GuestLine line;
  std::vector<absl::string_view> seen;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const size_t equals = tokens[i].find('=');
    const absl::string_view key = tokens[i].substr(0, equals);
    if (equals == absl::string_view::npos || !IsKey(key)) {
      return absl::InvalidArgumentError("the line has a field that is not key=value");
    }
    const absl::string_view value = tokens[i].substr(equals + 1);
    const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!printable || !TakeField(key, value, line)) {
      return absl::InvalidArgumentError(absl::StrCat("the line's ", key, " has no valid value"));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the line has ", key, " twice"));
    }
    seen.push_back(key);
  }
  for (const absl::string_view required : {"seq", "unix_s", "dt_s", "epoch", "st"}) {
    if (std::find(seen.begin(), seen.end(), required) == seen.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the line has no ", required));
    }
  }
  return line;
}

absl::string_view GuestLineComment() {
  return "# VRAPL1: energy of this VM, measured on its host. power_w: mean "
         "watts over the last dt_s seconds; energy_uj: microjoules "
         "since the epoch began; active: without the idle floor; run_time_ns: "
         "CPU time since then; st: ok, or what to mind; *: CRC-32 "
         "(zlib) of all before it\n";
}

void GuestLineReader::Feed(absl::string_view bytes, std::vector<GuestLine>& out) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const absl::string_view part = bytes.substr(0, newline);
    // Of what is too long to be a line the end is kept: one may be there.
    constexpr size_t kMost = kMaxGuestLine - 1;
    cut_ = cut_ || pending_.size() + part.size() > kMost;
    if (cut_) {
      const size_t room = kMost - std::min(kMost, part.size());
      pending_.erase(0, pending_.size() - std::min(pending_.size(), room));
    }
    absl::StrAppend(&pending_, part.substr(part.size() - std::min(part.size(), kMost)));
    if (newline == absl::string_view::npos) return;
    EndLine(out);
    bytes.remove_prefix(newline + 1);
  }
}

void GuestLineReader::EndLine(std::vector<GuestLine>& out) {
  absl::string_view text = pending_;
  absl::ConsumeSuffix(&text, "\r");
  // A line that broke off runs into the next one: only what follows the last
  // magic can be whole.
  const size_t start = text.rfind(kGuestLineMagic);
  absl::StatusOr<GuestLine> line =
      start == absl::string_view::npos ? absl::DataLossError("") : ParseGuestLine(text.substr(start));
  if (line.ok()) {
    out.push_back(*std::move(line));
    ++accepted_;
  } else if (cut_ || (!text.empty() && text[0] != '#')) {
    ++rejected_;
  }
  pending_.clear();
  cut_ = false;
}

}  // namespace vrapl
