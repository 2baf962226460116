// Text as a cell of CSV: quoted where RFC 4180 asks for it. Names of VMs may hold anything.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace vrapl {

inline void AppendCsvText(std::string& line, absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == absl::string_view::npos) {
    absl::StrAppend(&line, text);
  } else {
    absl::StrAppend(&line, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
  }
}

inline std::string CsvText(absl::string_view text) {
  std::string cell;
  AppendCsvText(cell, text);
  return cell;
}

}  // namespace vrapl
