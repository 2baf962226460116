#include "cli/recording_output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/posix.h"

namespace vrapl {
namespace {

constexpr int64_t kTellEveryNs = 10 * kNanosPerSecond;

}  // namespace

absl::Status RefuseSameFile(const std::string& recording, const std::string& output) {
  std::error_code error;
  if (output.empty() || !std::filesystem::equivalent(recording, output, error) || error) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(output, " is the recording itself; choose another name for -o"));
}

void AddRecordingOptions(CLI::App& app, RecordingArguments& arguments) {
  app.add_option("-o,--output", arguments.path,
                 "record everything into FILE.vrapl, and print nothing but progress; replay, export and report read it")
      ->type_name("FILE");
  app.add_flag("--force", arguments.force, "overwrite the file of -o");
}

absl::StatusOr<std::optional<DaemonOptions::Recording>> ToRecording(const RecordingArguments& arguments,
                                                                    absl::string_view verb, int argc, char** argv) {
  if (arguments.path.empty()) {
    if (arguments.force) return absl::InvalidArgumentError("--force overwrites the file of -o; there is none");
    return std::optional<DaemonOptions::Recording>();
  }
  const std::string& path = arguments.path;
  for (const char* other : {".csv", ".jsonl", ".json", ".npz", ".sqlite", ".html"}) {
    if (absl::EndsWith(path, other)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": -o takes a recording, FILE.vrapl; `vrapl export` makes ",
                                                     other, " of it, and without -o --format prints to stdout"));
    }
  }
  if (::access(path.c_str(), F_OK) == 0 && !arguments.force) {
    return absl::AlreadyExistsError(absl::StrCat(path, " exists; --force overwrites it, or choose another name"));
  }
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (const std::string directory = parent.empty() ? "." : parent; ::access(directory.c_str(), W_OK) != 0) {
    return PosixError(errno, absl::StrCat("record into ", directory));
  }
  DaemonOptions::Recording recording{.path = path, .force = arguments.force};
  recording.command = absl::StrCat("vrapl ", verb);
  for (int i = 1; i < argc; ++i) absl::StrAppend(&recording.command, " ", argv[i]);
  return std::optional<DaemonOptions::Recording>(std::move(recording));
}

RecordingProgress::RecordingProgress(std::string path)
    : path_(std::move(path)), terminal_(::isatty(STDERR_FILENO) == 1) {}

std::string RecordingProgress::Line(const FlushReport& report, bool finished) const {
  uint64_t samples = 0;
  uint64_t missed = 0;
  for (const SamplerReport& sampler : report.samplers) {
    samples += sampler.lateness.samples;
    missed += sampler.lateness.missed;
  }
  // At the end the file is the truth: its last block is written after the last report.
  std::error_code error;
  const std::uintmax_t in_file = finished ? std::filesystem::file_size(path_, error) : 0;
  const uint64_t bytes = finished && !error ? in_file : report.recording ? report.recording->bytes : 0;
  const uint64_t lost = report.recording ? report.recording->lost_blocks : 0;
  return absl::StrFormat("vrapl: %s: %.0f s, %d samples, %d missed, %s%s", path_,
                         static_cast<double>(report.t_ns) * 1e-9, samples, missed,
                         bytes < 1'000'000 ? absl::StrCat(bytes / 1000, " kB")
                                           : absl::StrFormat("%.1f MB", static_cast<double>(bytes) * 1e-6),
                         lost > 0 ? absl::StrCat(", ", lost, " BLOCKS LOST") : "");
}

void RecordingProgress::Tell(const FlushReport& report) {
  if (report.recording && report.recording->error != told_error_) {
    told_error_ = report.recording->error;
    Notice(told_error_.empty()
               ? absl::StrCat(path_, ": the disk takes data again")
               : absl::StrCat(told_error_, "; sampling goes on, and the recording is kept in memory for a while"));
  }
  if (!terminal_ && report.t_ns - told_ns_ < kTellEveryNs) return;
  told_ns_ = report.t_ns;
  absl::FPrintF(stderr, terminal_ ? "\r\033[K%s" : "%s\n", Line(report, /*finished=*/false));
}

void RecordingProgress::Finish(const FlushReport& report) {
  absl::FPrintF(stderr, terminal_ ? "\r\033[K%s\n" : "%s\n", Line(report, /*finished=*/true));
}

}  // namespace vrapl
