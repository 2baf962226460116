// A recording made of arithmetic: what a replay of it would give, for exports to be made of.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "export/export_sink.h"
#include "tests/sampler/made_host.h"
#include "tests/status_matchers.h"

namespace vrapl {

struct MadeRecording {
  RecordedRun run;
  std::vector<FlushReport> reports;
};

// Two packages with DRAM, two VMs of which "db, replica" goes after 3 s, marks at 1 s and 2.5 s, for about 4 s.
inline MadeRecording MakeRecording(int64_t window_ns = 100 * kMs, const std::vector<Model>& models = AllModels()) {
  MadeHost host({.packages = {{.package_id = 0, .cpus = {0, 1}}, {.package_id = 1, .cpus = {2, 3}, .seed = 2}},
                 .flush = {.flush_ns = window_ns, .models = models, .source = "emulated", .backend = "msr"}});
  const std::vector<Vm> both = {MadeVm("web", 1000), MadeVm("db, \"replica\"", 2000, 1)};
  host.SetVms(both);
  for (int i = 0; i < 8; ++i) {
    host.package(0).SetPower(0, 30 + 11 * (i % 3));
    host.package(1).SetPower(0, 60 - 7 * (i % 4));
    if (i == 6) host.SetVms({both[0]});
    host.RunFor(500 * kMs);
  }
  host.Finish();
  MadeRecording made;
  made.reports = host.reports();
  made.run.path = "/somewhere/made.vrapl";
  made.run.header =
      R"({"packages": [{"start_ns": 5000000000}],)"
      R"( "start": {"monotonic_ns": 4999999000, "boottime_ns": 7999999000, "unix_ns": 1700000000000000000}})";
  made.run.source = "emulated";
  made.run.start_unix_ns = 1'700'000'000'000'001'000;
  made.run.duration_ns = made.reports.back().t_ns;
  made.run.period_ns = kMs;
  made.run.flush_ns = window_ns;
  made.run.models = models;
  made.run.marks = {{1 * kSecond, "load"}, {2'500 * kMs, "cool, down"}};
  made.run.events = {{1 * kSecond, "mark", R"({"label": "load"})"},
                     {1'500 * kMs, "clock",
                      R"({"monotonic_ns": 6500000000, "boottime_ns": 9500000000, "unix_ns": 1700000001500000000})"},
                     {2'500 * kMs, "mark", R"({"label": "cool, down"})"},
                     {3 * kSecond, "vm-stop", R"({"vm_name": "db, \"replica\""})"}};
  made.run.ended = true;
  return made;
}

// A directory that is empty again at the end.
class TempDir {
 public:
  TempDir() : path_(testing::TempDir() + "/vrapl-export-XXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~TempDir() { (void)std::system(absl::StrCat("rm -rf '", path_, "'").c_str()); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

using MakeWriter = std::unique_ptr<RowWriter> (*)(OutputFile&);

inline absl::Status Feed(const MadeRecording& made, ExportSink& sink) {
  if (absl::Status status = sink.Begin(made.run); !status.ok()) return status;
  for (const FlushReport& report : made.reports) {
    if (absl::Status status = sink.Add(report); !status.ok()) return status;
  }
  return sink.Finish();
}

inline absl::Status ExportTable(const MadeRecording& made, MakeWriter make, const std::string& path,
                                const ExportQuery& query = {}) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(path, /*force=*/false);
  if (!file.ok()) return file.status();
  if (absl::Status status = Feed(made, *MakeRowSink(query, make(*file))); !status.ok()) return status;
  return file->Commit();
}

inline absl::Status ExportTrace(const MadeRecording& made, const std::string& path, const ExportQuery& query = {}) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(path, /*force=*/false);
  if (!file.ok()) return file.status();
  if (absl::Status status = Feed(made, *MakePerfettoSink(query, *file)); !status.ok()) return status;
  return file->Commit();
}

}  // namespace vrapl
