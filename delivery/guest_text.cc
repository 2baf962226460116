#include "delivery/guest_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "guest_line/crc32.h"

namespace vrapl {
namespace {

// Keys whose values are words; all others are numbers. No word needs to be escaped (FormatGuestLine()).
constexpr std::array<absl::string_view, 4> kWords = {"model", "source", "run_time_method", "epoch"};

std::string Quoted(absl::string_view word) { return absl::StrCat("\"", word, "\""); }

// Made of the line's own text, so that both say the same to the last digit.
std::string AsJson(const GuestLine& line) {
  const std::string text = FormatGuestLine(line);
  std::string json = "{\"version\":1";
  for (const absl::string_view field : absl::StrSplit(text, ' ')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(field, absl::MaxSplits('=', 1));
    const auto& [key, value] = parts;
    if (!absl::StrContains(field, '=')) continue;  // the magic and the CRC
    absl::StrAppend(&json, ",", Quoted(key), ":");
    if (key == "st") {
      const std::vector<absl::string_view> words = absl::StrSplit(value, ',');
      absl::StrAppend(
          &json, "[",
          absl::StrJoin(words, ",",
                        [](std::string* out, absl::string_view word) { absl::StrAppend(out, Quoted(word)); }),
          "]");
    } else if (std::find(kWords.begin(), kWords.end(), key) != kWords.end()) {
      absl::StrAppend(&json, Quoted(value));
    } else {
      absl::StrAppend(&json, value);
    }
  }
  return absl::StrCat(json, absl::StrFormat(",\"crc\":\"%08x\"}\n", Crc32(json)));
}

}  // namespace

std::string FormatGuestText(const GuestLine& line, GuestFormat format) {
  switch (format) {
    case GuestFormat::kLine:
      return FormatGuestLine(line);
    case GuestFormat::kJson:
      return AsJson(line);
    case GuestFormat::kWatts:
      return absl::StrCat(line.power_mw ? FixedPoint(*line.power_mw, 3) : "nan",
                          line.source == "emulated" ? " emulated\n" : "\n");
  }
  return "";
}

}  // namespace vrapl
