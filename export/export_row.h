// One row of an export: what one window charged to whom, with everything that a table needs to stand alone.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace vrapl {

// Texts point into the report and the run that the row was made of. Absent numbers and empty texts: there is no such
// thing for this row (no VM, no package where packages were summed, no base power known).
struct ExportRow {
  int64_t t_ns = 0;   // end of the window, from the start of the recording
  int64_t dt_ns = 0;  // length of the window in the row's package
  absl::string_view phase;
  absl::string_view kind;
  absl::string_view vm_id;
  absl::string_view vm_name;
  std::optional<int64_t> vm_pid;
  absl::string_view part;
  std::optional<int64_t> tid;
  std::optional<int64_t> tgid;
  absl::string_view comm;
  std::optional<int64_t> package;
  std::optional<int64_t> die;
  absl::string_view domain;
  int64_t energy_ticks = 0;
  int64_t energy_uj = 0;
  std::optional<int64_t> err_uj;
  std::optional<int64_t> active_uj;
  std::optional<int64_t> idle_uj;
  int64_t run_time_ns = 0;
  std::optional<int64_t> solo_time_ns;
  std::optional<int64_t> shared_time_ns;
  int64_t read_errors = 0;
  absl::string_view model_asked;  // the model of this series
  absl::string_view model;        // the one that charged: another one as long as base-share does not know the base
  absl::string_view run_time_method;
  absl::string_view source;
  absl::string_view cpu_table;

  // Mean of the window. 0 for a window without length.
  double power_w() const { return dt_ns > 0 ? static_cast<double>(energy_uj) * 1e3 / static_cast<double>(dt_ns) : 0; }
};

}  // namespace vrapl
