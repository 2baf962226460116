// SQLite: run(key, value), rows (the columns of all tables), vms, marks, events; view power. Integers are integers;
// what is absent is NULL.
#include <sqlite3.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "export/columns.h"
#include "export/export_sink.h"
#include "export/run_meta.h"

namespace vrapl {
namespace {

// The file appears under its name only when it is whole, so it needs no journal and no order of writes.
constexpr char kSchema[] = R"(
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
BEGIN;
CREATE TABLE run (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE marks (t_ns INTEGER NOT NULL, label TEXT NOT NULL);
CREATE TABLE events (t_ns INTEGER NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL);
)";

// Package and DRAM together are what a host or a VM used; the other domains are parts of the package or contain it.
constexpr char kEnd[] = R"(
CREATE INDEX rows_by_time ON rows (t_ns);
CREATE INDEX rows_by_vm ON rows (vm_name, t_ns);
CREATE TABLE vms AS
  SELECT vm_id, vm_name, vm_pid, MIN(t_ns - dt_ns) AS from_ns, MAX(t_ns) AS to_ns
  FROM rows WHERE kind = 'vm' GROUP BY vm_id, vm_name, vm_pid;
CREATE VIEW power AS
  SELECT t_ns, MAX(dt_ns) AS dt_ns, phase, model_asked, kind, vm_id, vm_name, vm_pid,
         SUM(energy_uj) AS energy_uj, SUM(power_w) AS power_w
  FROM rows WHERE domain IN ('package', 'dram')
  GROUP BY t_ns, model_asked, kind, vm_id, vm_name, vm_pid;
COMMIT;
)";

class SqliteWriter final : public RowWriter {
 public:
  explicit SqliteWriter(OutputFile& file) : file_(file) {}
  ~SqliteWriter() override {
    ::sqlite3_finalize(insert_);
    ::sqlite3_close(db_);
  }

  absl::Status Begin(const RecordedRun& run, const ExportQuery& query) override {
    if (file_.temporary_path().empty()) {
      return absl::InvalidArgumentError("a database needs a file: give one with -o FILE.sqlite");
    }
    if (::sqlite3_open(file_.temporary_path().c_str(), &db_) != SQLITE_OK) return Failed();
    if (absl::Status status = Execute(kSchema); !status.ok()) return status;
    std::string create;
    std::string places;
    for (const Column& column : Columns()) {
      const char* type = column.type == ColumnType::kText   ? "TEXT"
                         : column.type == ColumnType::kReal ? "REAL"
                                                            : "INTEGER";
      const bool present = column.type != ColumnType::kText && !column.may_be_absent;
      absl::StrAppend(&create, create.empty() ? "" : ", ", column.name, " ", type, present ? " NOT NULL" : "");
      absl::StrAppend(&places, places.empty() ? "?" : ", ?");
    }
    if (absl::Status status = Execute(absl::StrCat("CREATE TABLE rows (", create, ")")); !status.ok()) return status;
    if (absl::Status status = AddRun(run, query); !status.ok()) return status;
    return Prepare(absl::StrCat("INSERT INTO rows VALUES (", places, ")"));
  }

  absl::Status Write(const ExportRow& row) override {
    int place = 0;
    for (const Column& column : Columns()) Bind(++place, column.cell(row));
    return Insert();
  }

  absl::Status Finish() override {
    ::sqlite3_finalize(std::exchange(insert_, nullptr));
    if (absl::Status status = Execute(kEnd); !status.ok()) return status;
    if (::sqlite3_close(db_) != SQLITE_OK) return Failed();
    db_ = nullptr;
    return absl::OkStatus();
  }

 private:
  absl::Status Failed() {
    if (db_ == nullptr) return absl::ResourceExhaustedError("no memory for the database");
    if (::sqlite3_errcode(db_) == SQLITE_FULL) return file_.WriteFailed(ENOSPC);
    if (const int error = ::sqlite3_system_errno(db_); error != 0) return file_.WriteFailed(error);
    return absl::InternalError(absl::StrCat("write ", file_.path(), ": ", ::sqlite3_errmsg(db_)));
  }

  absl::Status Execute(const std::string& sql) {
    return ::sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus() : Failed();
  }

  absl::Status Prepare(const std::string& sql) {
    ::sqlite3_finalize(std::exchange(insert_, nullptr));
    return ::sqlite3_prepare_v2(db_, sql.c_str(), -1, &insert_, nullptr) == SQLITE_OK ? absl::OkStatus() : Failed();
  }

  void Bind(int place, const Cell& cell) {
    if (const auto* integer = std::get_if<int64_t>(&cell)) {
      ::sqlite3_bind_int64(insert_, place, *integer);
    } else if (const auto* real = std::get_if<double>(&cell)) {
      ::sqlite3_bind_double(insert_, place, *real);
    } else if (const auto* text = std::get_if<absl::string_view>(&cell)) {
      // What the cell points to lives until the statement has run.
      ::sqlite3_bind_text(insert_, place, text->data(), static_cast<int>(text->size()), SQLITE_STATIC);
    } else {
      ::sqlite3_bind_null(insert_, place);
    }
  }

  absl::Status Insert() {
    const bool done = ::sqlite3_step(insert_) == SQLITE_DONE;
    if (!done) return Failed();
    ::sqlite3_reset(insert_);
    return absl::OkStatus();
  }

  absl::Status AddRun(const RecordedRun& run, const ExportQuery& query) {
    const std::string meta = RunMetaJson(run, query);
    const std::string by(ByName(query.by));
    const std::vector<std::pair<const char*, Cell>> values = {
        {"start_unix_ns", run.start_unix_ns}, {"duration_ns", run.duration_ns},
        {"period_ns", run.period_ns},         {"flush_ns", run.flush_ns},
        {"ended", int64_t{run.ended}},        {"source", absl::string_view(run.source)},
        {"by", absl::string_view(by)},        {"header", absl::string_view(run.header)},
        {"meta", absl::string_view(meta)}};
    if (absl::Status status = Prepare("INSERT INTO run VALUES (?, ?)"); !status.ok()) return status;
    for (const auto& [key, value] : values) {
      Bind(1, absl::string_view(key));
      Bind(2, value);
      if (absl::Status status = Insert(); !status.ok()) return status;
    }
    if (absl::Status status = Prepare("INSERT INTO marks VALUES (?, ?)"); !status.ok()) return status;
    for (const RecordedRun::Mark& mark : run.marks) {
      Bind(1, mark.t_ns);
      Bind(2, absl::string_view(mark.label));
      if (absl::Status status = Insert(); !status.ok()) return status;
    }
    if (absl::Status status = Prepare("INSERT INTO events VALUES (?, ?, ?)"); !status.ok()) return status;
    for (const RecordedRun::Event& event : run.events) {
      Bind(1, event.t_ns);
      Bind(2, absl::string_view(event.type));
      Bind(3, absl::string_view(event.json));
      if (absl::Status status = Insert(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  OutputFile& file_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace

std::unique_ptr<RowWriter> MakeSqliteWriter(OutputFile& file) { return std::make_unique<SqliteWriter>(file); }

}  // namespace vrapl
