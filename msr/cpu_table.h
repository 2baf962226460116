// The CPU table of one run: the built-in rows, and those of a file that an operator gives (--cpu-table=FILE), for a CPU
// that is newer than this program. docs/cpu-table.md describes the file.
//
// Threads: any, once made.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/cpu_model.h"
#include "msr/rapl_model.h"

namespace vrapl {

class CpuTable {
 public:
  CpuTable() = default;  // the built-in rows alone

  // The built-in rows and those of the file `path`.
  //
  // Errors: INVALID_ARGUMENT names file, line, row and field, what stands there and what may; so do rows for a CPU that
  // has a built-in row, unless they say "override": true. NOT_FOUND, PERMISSION_DENIED: the file cannot be read.
  static absl::StatusOr<CpuTable> WithFile(const std::string& path);
  // The same from the file's text; `name` stands for it in messages and in Label().
  static absl::StatusOr<CpuTable> WithRows(absl::string_view text, absl::string_view name);

  // The row for a CPU, or null where none may be used: an AMD family after the table's needs CPUID's word for RAPL.
  // Rows live as long as a copy of this table.
  const RaplModel* Find(const CpuModel& cpu) const;

  // "FILE row 06_FF" where a row of the file stands for `cpu`, else "": every output of a run that rests on such a row
  // carries it.
  std::string Label(const CpuModel& cpu) const;

  // How many rows the file adds.
  size_t added() const { return added_ == nullptr ? 0 : added_->size(); }

 private:
  struct AddedRow;
  std::string file_;
  std::shared_ptr<const std::vector<std::unique_ptr<AddedRow>>> added_;
};

// "06_FF": display family and model in hex, as manuals write them.
std::string CpuId(int family, int model);

}  // namespace vrapl
