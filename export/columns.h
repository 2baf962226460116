// The columns of every table that vrapl exports, in order: one vocabulary for CSV, JSON lines, NumPy and SQLite.
#pragma once

#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "export/export_row.h"

namespace vrapl {

enum class ColumnType { kInteger, kReal, kText };

// monostate: absent. An empty text is absent too.
using Cell = std::variant<std::monostate, int64_t, double, absl::string_view>;

struct Column {
  const char* name;  // with its unit
  ColumnType type;
  bool may_be_absent;  // of numbers; any text may be
  const char* meaning;
  Cell (*cell)(const ExportRow& row);
};

absl::Span<const Column> Columns();

}  // namespace vrapl
