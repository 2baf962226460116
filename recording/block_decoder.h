// Reads the content of one block. Every number is checked: bytes that no encoder wrote give an error and not more
// memory than a small multiple of their size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/sample.h"
#include "recording/records.h"

namespace vrapl {

// A thread as a block introduced it.
struct RecordedThread {
  ThreadRun key;  // numbers, start and flags; its times are 0
  std::string comm;
  RecordedRow row;  // as of now
};

class BlockVisitor {
 public:
  virtual ~BlockVisitor() = default;
  // `restated`: the list at the beginning of a block, which says what was true before.
  virtual void OnVms(const std::vector<RecordedVm>& vms, bool restated) = 0;
  // What the package's next sample counts from: where the block before was lost, this is all that is known of it.
  virtual void OnPackage(int package, int64_t t_ns, uint32_t cpus, const std::vector<uint64_t>& ticks) = 0;
  // A thread is introduced, under the next number (0, 1, ... in each block), or is booked elsewhere from here on.
  virtual void OnThread(uint32_t number, const RecordedThread& thread) = 0;
  // ThreadRun::number of sample.threads is that of OnThread(). Spans are valid during the call.
  virtual void OnSample(int package, const Sample& sample) = 0;
  virtual void OnEvent(int64_t t_ns, absl::string_view type, absl::string_view json) = 0;
};

// `domains`: of each package. Errors: DATA_LOSS. What came before the error has been visited.
absl::Status DecodeBlock(absl::string_view content, int64_t period_ns, const std::vector<size_t>& domains,
                         BlockVisitor& visitor);

}  // namespace vrapl
