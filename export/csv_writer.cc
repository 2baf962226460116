// CSV: a header and rows, no comment lines, quoted as RFC 4180 says; what is absent is empty.
#include "absl/strings/str_cat.h"
#include "export/columns.h"
#include "export/csv_text.h"
#include "export/export_sink.h"
#include "export/number_text.h"

namespace vrapl {
namespace {

struct AppendCell {
  std::string& line;
  void operator()(std::monostate) const {}
  void operator()(int64_t value) const { AppendNumber(line, value); }
  void operator()(double value) const { AppendNumber(line, value); }
  void operator()(absl::string_view text) const { AppendCsvText(line, text); }
};

class CsvWriter final : public RowWriter {
 public:
  explicit CsvWriter(OutputFile& file) : file_(file) {}

  absl::Status Begin(const RecordedRun&, const ExportQuery&) override {
    line_.clear();
    for (const Column& column : Columns()) absl::StrAppend(&line_, line_.empty() ? "" : ",", column.name);
    line_ += '\n';
    return file_.Write(line_);
  }

  absl::Status Write(const ExportRow& row) override {
    line_.clear();
    for (const Column& column : Columns()) {
      if (&column != Columns().begin()) line_ += ',';
      std::visit(AppendCell{line_}, column.cell(row));
    }
    line_ += '\n';
    return file_.Write(line_);
  }

  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  OutputFile& file_;
  std::string line_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeCsvWriter(OutputFile& file) { return std::make_unique<CsvWriter>(file); }

}  // namespace vrapl
