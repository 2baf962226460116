// Packets of a Perfetto trace: clocks, tracks, counter values, instants and slices, all of one sequence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "export/output_file.h"

namespace perfetto::protos {
class TracePacket;
}

namespace vrapl {

// One instant on the clocks that a viewer joins traces by.
struct TraceClocks {
  int64_t monotonic_ns = 0;
  int64_t boottime_ns = 0;
  int64_t realtime_ns = 0;
};

// Times are CLOCK_MONOTONIC; the first packet must be Clocks(), or no viewer can place the others.
class PerfettoWriter {
 public:
  using Annotations = std::vector<std::pair<std::string, std::string>>;
  struct Track {
    std::string name;
    uint64_t parent = 0;         // 0: none
    std::optional<int32_t> pid;  // the track is the process of this number, and `name` its name
    std::string counter_unit;    // not "": a counter track
    bool keep_order = false;     // of its children: as they were added
  };

  explicit PerfettoWriter(OutputFile& file) : file_(file) {}

  absl::Status Clocks(const TraceClocks& clocks);
  absl::Status AddTrack(const Track& track, uint64_t& uuid);  // gives it a number
  absl::Status Counter(uint64_t uuid, int64_t at_ns, double value);
  absl::Status Instant(uint64_t uuid, int64_t at_ns, const std::string& name, const Annotations& annotations = {});
  absl::Status Slice(uint64_t uuid, int64_t from_ns, int64_t to_ns, const std::string& name);

 private:
  OutputFile& file_;
  bool begun_ = false;
  uint64_t last_uuid_ = 0;

  absl::Status Write(perfetto::protos::TracePacket& packet);
};

}  // namespace vrapl
