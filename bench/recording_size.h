// How long a recording is for what it holds.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace vrapl {

struct RecordingSize {
  uint64_t bytes = 0;  // of the file
  int64_t samples = 0;
  int64_t rows = 0;  // threads that ran, of all samples
  // Least squares over the blocks, each with its frame and with what comes once a second: it tells the two apart where
  // blocks differ in how many threads ran.
  double bytes_per_sample = 0;
  double bytes_per_row = 0;
};

// Errors: those of the reader; DATA_LOSS where something is missing.
absl::StatusOr<RecordingSize> SizeOfRecording(const std::string& path);

}  // namespace vrapl
