// What a sample tells by physical core, as a record of its own before the sample's: on which core each of its threads
// ran, and what each core's CPUs did. Only where per-core energy is recorded; docs/recording-format.md has the bytes.
//
// Pure. Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/run_time_types.h"
#include "base/sample.h"
#include "recording/varint.h"

namespace vrapl {

// Appends the record, for `sample` as the next one of that package. Nothing where it tells nothing by core.
void PutCoreRecord(std::string& out, int package, const Sample& sample);

// The record as it was read; it is understood with the sample that follows.
class CoreRecord {
 public:
  // After the record's tag and its package. False: it is none.
  bool Read(RecordCursor& in);

  // With the sample: sets ThreadRun::core of its threads and fills `cores`. False where they do not belong together.
  bool Apply(const SampleHeader& header, absl::Span<ThreadRun> threads, std::vector<CpuTime>& cores) const;

 private:
  struct Core {
    bool told = false;  // run and idle time are; else they follow from `cpus`
    uint64_t cpus = 0;
    CpuTime time;
  };
  std::vector<int32_t> core_of_thread_;
  std::vector<Core> cores_;
};

}  // namespace vrapl
