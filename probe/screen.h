// Words on a screen: columns, lines that are broken at spaces, colours. Knows nothing of energy.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vrapl {

enum class Ink { kPlain, kBold, kGreen, kYellow, kRed };

class Screen {
 public:
  static constexpr size_t kWidth = 110;

  explicit Screen(bool colour) : colour_(colour) {}

  // An empty line before it, unless it is the first.
  void Heading(absl::string_view text);

  // `text` after `indent` spaces, broken where it would be wider than kWidth; further lines are indented by `hang`.
  void Paragraph(size_t indent, absl::string_view text, size_t hang, Ink ink = Ink::kPlain);
  void Paragraph(size_t indent, absl::string_view text) { Paragraph(indent, text, indent); }

  // "  label   WORD   text", where label and word have the widths given and only the text is broken.
  void Row(size_t indent, absl::string_view label, size_t label_width, absl::string_view word, size_t word_width,
           Ink ink, absl::string_view text);

  // Cells in columns as wide as their widest, never broken. The first row is the head.
  void Table(size_t indent, const std::vector<std::vector<std::string>>& rows);

  const std::string& text() const { return text_; }

 private:
  std::string Inked(absl::string_view text, Ink ink) const;

  bool colour_;
  std::string text_;
};

}  // namespace vrapl
