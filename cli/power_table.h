// Flushes as a table with one line each: power of every counter and row, columns named by a header that comes again
// when the columns change.
#pragma once

#include <string>
#include <vector>

#include "sampler/flush_report.h"

namespace vrapl {

class PowerTable {
 public:
  // `only_vms`: names of the VMs to show; empty: all.
  explicit PowerTable(std::vector<std::string> only_vms) : only_vms_(std::move(only_vms)) {}

  // The text of one flush, header included where it is due.
  std::string Format(const FlushReport& report);

 private:
  void AddNote(const std::string& column, const CounterReport& counter, std::vector<std::string>& notes) const;

  const std::vector<std::string> only_vms_;
  std::vector<std::string> late_;  // columns without a figure in the last line: their energy may come now
  std::vector<std::string> columns_;
  int lines_since_header_ = 0;
};

}  // namespace vrapl
