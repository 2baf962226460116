#include "export/export_sink.h"
#include "export/vm_filter.h"
#include "sampler/run_phases.h"

namespace vrapl {
namespace {

class RowSink final : public ExportSink {
 public:
  RowSink(ExportQuery query, std::unique_ptr<RowWriter> writer)
      : query_(std::move(query)), writer_(std::move(writer)), vms_(query_.vms) {}

  absl::Status Begin(const RecordedRun& run) override {
    phases_ = PhasesOf(run);
    return writer_->Begin(run, query_);
  }

  absl::Status Add(const FlushReport& report) override {
    // The middle: a window that ends with a phase ends at the first sample after the mark, not at the mark.
    const absl::string_view phase = PhaseAt(phases_, report.t_ns - report.dt_ns / 2);
    Aggregate aggregate = AggregateRows(report, query_.by);
    for (ExportRow& row : aggregate.rows) {
      if (!vms_.Wants(row.vm_id, row.vm_name)) continue;
      row.phase = phase;
      if (absl::Status status = writer_->Write(row); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (absl::Status status = vms_.AllFound(); !status.ok()) return status;
    return writer_->Finish();
  }

 private:
  const ExportQuery query_;
  const std::unique_ptr<RowWriter> writer_;
  VmFilter vms_;
  std::vector<RecordedRun::Mark> phases_;
};

}  // namespace

std::unique_ptr<ExportSink> MakeRowSink(ExportQuery query, std::unique_ptr<RowWriter> writer) {
  return std::make_unique<RowSink>(std::move(query), std::move(writer));
}

}  // namespace vrapl
