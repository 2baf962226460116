#include "bench/recording_size.h"

#include <vector>

#include "recording/block_decoder.h"
#include "recording/reader.h"
#include "recording/run_header.h"

namespace vrapl {
namespace {

struct Counting final : BlockVisitor {
  void OnVms(const std::vector<RecordedVm>&, bool) override {}
  void OnPackage(int, int64_t, uint32_t, const std::vector<uint64_t>&) override {}
  void OnThread(uint32_t, const RecordedThread&) override {}
  void OnSample(int, const Sample& sample) override {
    ++samples;
    rows += static_cast<int64_t>(sample.threads.size());
  }
  void OnEvent(int64_t, absl::string_view, absl::string_view) override {}
  int64_t samples = 0;
  int64_t rows = 0;
};

}  // namespace

absl::StatusOr<RecordingSize> SizeOfRecording(const std::string& path) {
  absl::StatusOr<RecordingReader> reader = RecordingReader::Open(path);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<RunHeader> header = RunHeaderFromJson(reader->run_json());
  if (!header.ok()) return header.status();
  std::vector<size_t> domains;
  for (const RecordedPackage& package : header->packages) domains.push_back(package.info.domains.size());
  RecordingSize size{.bytes = reader->file_bytes()};
  double samples2 = 0, rows2 = 0, samples_rows = 0, samples_bytes = 0, rows_bytes = 0;
  while (const auto block = reader->Next()) {
    Counting block_holds;
    if (absl::Status status = DecodeBlock(block->content, header->period_ns, domains, block_holds); !status.ok()) {
      return status;
    }
    size.samples += block_holds.samples;
    size.rows += block_holds.rows;
    const auto samples = static_cast<double>(block_holds.samples);
    const auto rows = static_cast<double>(block_holds.rows);
    const auto bytes = static_cast<double>(kBlockFrameBytes + block->content.size());
    samples2 += samples * samples;
    rows2 += rows * rows;
    samples_rows += samples * rows;
    samples_bytes += samples * bytes;
    rows_bytes += rows * bytes;
  }
  if (!reader->damage().empty()) return absl::DataLossError(reader->damage().front());
  if (const double determinant = samples2 * rows2 - samples_rows * samples_rows; determinant > 0) {
    size.bytes_per_sample = (samples_bytes * rows2 - rows_bytes * samples_rows) / determinant;
    size.bytes_per_row = (rows_bytes * samples2 - samples_bytes * samples_rows) / determinant;
  }
  return size;
}

}  // namespace vrapl
