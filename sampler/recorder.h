// Writes down all that the books are made from while they are kept: `vrapl sample -o FILE.vrapl`. Runs in the flush
// thread and hands whole blocks to the recording's own thread; neither a slow nor a full disk holds up anything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "conditions/machine_conditions.h"
#include "recording/block_encoder.h"
#include "recording/run_header.h"
#include "recording/writer.h"
#include "sampler/package_feed.h"
#include "sampler/sample_observer.h"

namespace vrapl {

// What a recording says of the packages; feeds that are loops have been started. `updates`: as FlushLoop's, or none.
std::vector<RecordedPackage> ToRecordedPackages(const std::vector<PackageFeed*>& feeds,
                                                const std::vector<std::vector<UpdateSummary>>& updates);

class Recorder final : public SampleObserver {
 public:
  // A block is handed on when it spans this much time, or has grown so long: what a killed program loses.
  static constexpr int64_t kBlockNs = kNanosPerSecond;
  static constexpr size_t kBlockBytes = 256 << 10;

  // `rows` must outlive this. Errors: as RecordingWriter::Create().
  static absl::StatusOr<std::unique_ptr<Recorder>> Create(const std::string& path, bool force, const RunHeader& header,
                                                          const RowTable& rows, ThreadFacts facts);

  void OnVms(const std::vector<Vm>& vms) override;
  void OnSample(int package, const Sample& sample, absl::Span<const int> rows) override;
  void OnFlushEnd(int64_t t_ns) override { AddEvent(t_ns, "flush-end", "{}"); }
  void OnReport(FlushReport& report, const std::vector<VmRun>& retired) override;

  // Anything else worth knowing at t_ns (CLOCK_MONOTONIC): an object of JSON text.
  void AddEvent(int64_t t_ns, absl::string_view type, absl::string_view json);

  // What a person was told while it ran. Now.
  void AddNotice(absl::string_view text);

  // How the sampling of each feed went; stored with each flush.
  void FollowCounts(std::vector<PackageFeed*> feeds) { feeds_ = std::move(feeds); }

  // Temperatures, frequencies and idle times of this machine are stored once a second.
  void FollowConditions(std::unique_ptr<MachineConditions> conditions) { conditions_ = std::move(conditions); }

  // The end of the run: everything to the disk. An error says what of it could not be stored.
  absl::Status Finish();

 private:
  Recorder(std::unique_ptr<RecordingWriter> writer, const RunHeader& header, const RowTable& rows, ThreadFacts facts);

  void HandOn();
  void TellChanges(int64_t t_ns, const Vm& vm);
  void TellFlush(const FlushReport& report, const std::vector<VmRun>& retired);
  void AddAnchor(absl::string_view type);
  RecordedRow NameOfRow(int row) const;
  std::string CommOf(const ThreadRun& thread);

  const std::unique_ptr<RecordingWriter> writer_;
  const std::string run_json_;
  const int64_t start_ns_;
  const RowTable& rows_;
  const ThreadFacts facts_;
  BlockEncoder encoder_;
  std::vector<PackageFeed*> feeds_;
  std::unique_ptr<MachineConditions> conditions_;
  std::vector<RecordedVm> vms_;  // as told to the encoder last
  std::vector<Vm> listed_;       // as told by the books last
  uint64_t blocks_ = 0;
  int64_t told_flush_ns_ = INT64_MIN / 2;
  int64_t last_anchor_ns_ = 0;
  int comms_left_ = 0;  // that may still be looked at in this block
  bool finished_ = false;
};

}  // namespace vrapl
