// A recording looked over once: what was recorded, and everything in it that is no sample.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "recording/reader.h"
#include "recording/run_header.h"
#include "sampler/package_feed.h"
#include "sampler/replay.h"

namespace vrapl {

// What a recording tells of one flush of the run.
struct RecordedFlush {
  int64_t t_ns = 0;  // its end, from the start of the run
  uint64_t recursion_misses = 0;
  std::map<std::string, uint32_t> digests;  // by model
  std::vector<VmRun> retired;
  std::vector<SamplerCounts> counts;  // per package
  std::vector<std::string> problems;
};

struct ScannedRecording {
  RunHeader header;
  RecordedRun run;
  std::vector<RecordedFlush> flushes;  // ascending
};

// Reads the whole file once. Errors: as ReadRecordedRun().
absl::StatusOr<ScannedRecording> ScanRecording(RecordingReader& reader, const std::string& path);

}  // namespace vrapl
