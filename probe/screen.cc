#include "probe/screen.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vrapl {
namespace {

// Source: ECMA-48, SGR.
const char* Escape(Ink ink) {
  switch (ink) {
    case Ink::kPlain:
      return "";
    case Ink::kBold:
      return "\033[1m";
    case Ink::kGreen:
      return "\033[32m";
    case Ink::kYellow:
      return "\033[33m";
    case Ink::kRed:
      return "\033[31m";
  }
  return "";
}

std::string Padded(absl::string_view text, size_t width) {
  return absl::StrCat(text, std::string(width > text.size() ? width - text.size() : 0, ' '));
}

// Lines of at most `first`, then `width`; a word that is longer stands alone.
std::vector<std::string> Broken(absl::string_view text, size_t first, size_t width) {
  std::vector<std::string> lines;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > (lines.size() == 1 ? first : width)) {
      lines.emplace_back(word);
    } else {
      absl::StrAppend(&lines.back(), " ", word);
    }
  }
  return lines;
}

}  // namespace

std::string Screen::Inked(absl::string_view text, Ink ink) const {
  if (!colour_ || ink == Ink::kPlain) return std::string(text);
  return absl::StrCat(Escape(ink), text, "\033[0m");
}

void Screen::Heading(absl::string_view text) {
  absl::StrAppend(&text_, text_.empty() ? "" : "\n", Inked(text, Ink::kBold), "\n");
}

void Screen::Paragraph(size_t indent, absl::string_view text, size_t hang, Ink ink) {
  size_t at = indent;
  for (const std::string& line : Broken(text, kWidth - indent, kWidth - hang)) {
    absl::StrAppend(&text_, std::string(at, ' '), Inked(line, ink), "\n");
    at = hang;
  }
}

void Screen::Row(size_t indent, absl::string_view label, size_t label_width, absl::string_view word, size_t word_width,
                 Ink ink, absl::string_view text) {
  const size_t hang = indent + label_width + word_width;
  std::string head = absl::StrCat(std::string(indent, ' '), Padded(label, label_width), Inked(word, ink),
                                  std::string(word_width > word.size() ? word_width - word.size() : 0, ' '));
  for (const std::string& line : Broken(text, kWidth - hang, kWidth - hang)) {
    absl::StrAppend(&text_, head, line, "\n");
    head = std::string(hang, ' ');
  }
}

void Screen::Table(size_t indent, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const std::vector<std::string>& row : rows) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) absl::StrAppend(&line, i == 0 ? "" : "   ", Padded(row[i], widths[i]));
    absl::StrAppend(&text_, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
}

}  // namespace vrapl
