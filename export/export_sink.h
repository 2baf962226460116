// RowWriter: puts rows into one kind of file. ExportSink: takes the reports of a recording, in order, whatever it makes
// of them. One file of this room per format.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "export/aggregate.h"
#include "export/export_row.h"
#include "export/output_file.h"
#include "sampler/replay.h"

namespace vrapl {

// What was asked for, for those who look at the file later.
struct ExportQuery {
  By by = By::kPart;
  std::vector<std::string> vms;  // names or UUIDs; none: every row
  int64_t window_ns = 0;         // 0: the flushes of the run
  bool phases = false;
  ReplayOptions charged;  // how the recording was charged for it: told in what describes the export
};

class ExportSink {
 public:
  virtual ~ExportSink() = default;
  virtual absl::Status Begin(const RecordedRun& run) = 0;  // `run` outlives the sink
  virtual absl::Status Add(const FlushReport& report) = 0;
  virtual absl::Status Finish() = 0;  // everything is in the file, which is not yet in its place
};

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual absl::Status Begin(const RecordedRun& run, const ExportQuery& query) = 0;
  virtual absl::Status Write(const ExportRow& row) = 0;
  virtual absl::Status Finish() = 0;
};

// These write to `file`, which outlives them.
std::unique_ptr<RowWriter> MakeCsvWriter(OutputFile& file);
std::unique_ptr<RowWriter> MakeJsonlWriter(OutputFile& file);
std::unique_ptr<RowWriter> MakeNpzWriter(OutputFile& file);
std::unique_ptr<RowWriter> MakeSqliteWriter(OutputFile& file);

// Reports as rows, in the phases of the run's marks, to one writer.
// Finish: NOT_FOUND when query.vms names a VM that no row was of.
std::unique_ptr<ExportSink> MakeRowSink(ExportQuery query, std::unique_ptr<RowWriter> writer);

// The first model of each report as a trace for ui.perfetto.dev: docs/export.md. Of the query, `vms` counts.
std::unique_ptr<ExportSink> MakePerfettoSink(ExportQuery query, OutputFile& file);

}  // namespace vrapl
