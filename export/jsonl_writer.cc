// JSON lines: an object per row, every key in every line; what is absent is null.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "export/columns.h"
#include "export/export_sink.h"
#include "export/number_text.h"

namespace vrapl {
namespace {

struct AppendCell {
  std::string& line;
  void operator()(std::monostate) const { line += "null"; }
  void operator()(int64_t value) const { AppendNumber(line, value); }
  void operator()(double value) const { AppendNumber(line, value); }
  void operator()(absl::string_view text) const {
    line += nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
};

class JsonlWriter final : public RowWriter {
 public:
  explicit JsonlWriter(OutputFile& file) : file_(file) {}

  absl::Status Begin(const RecordedRun&, const ExportQuery&) override { return absl::OkStatus(); }

  absl::Status Write(const ExportRow& row) override {
    line_.clear();
    for (const Column& column : Columns()) {
      absl::StrAppend(&line_, line_.empty() ? "{\"" : ",\"", column.name, "\":");
      std::visit(AppendCell{line_}, column.cell(row));
    }
    line_ += "}\n";
    return file_.Write(line_);
  }

  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  OutputFile& file_;
  std::string line_;
};

}  // namespace

std::unique_ptr<RowWriter> MakeJsonlWriter(OutputFile& file) { return std::make_unique<JsonlWriter>(file); }

}  // namespace vrapl
