// Appends blocks to a recording, in a thread of its own: whoever hands over a block waits for no disk. What has been
// written survives the program; a disk that is full is waited for as long as memory for the blocks lasts.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/posix.h"
#include "recording/block.h"

namespace vrapl {

class RecordingWriter {
 public:
  // So much may wait for the disk; what comes then is lost, and counted.
  static constexpr size_t kMaxWaitingBytes = 64 << 20;

  // Begins the file with the block that identifies the run. With `force` a file that is there is replaced once the
  // first block of data is on the disk; until then the recording is `path`.part-XXXXXX, from then on it grows under
  // `path`. Errors: ALREADY_EXISTS without `force`; those of open and write: whoever cannot store the first block is
  // told at the start.
  static absl::StatusOr<std::unique_ptr<RecordingWriter>> Create(const std::string& path, const std::string& run_json,
                                                                 int64_t start_ns, bool force);
  ~RecordingWriter();

  // Threads: one at a time (the flush thread). Does not wait for the disk.
  void Write(BlockKind kind, int64_t first_ns, std::string content);

  // Writes what waits and closes the file. The error of the disk, when blocks had to be given up. A recording without a
  // block of data replaces nothing and is taken away again.
  absl::Status Close();

  struct State {
    uint64_t bytes = 0;        // in the file
    uint64_t blocks = 0;       // likewise
    uint64_t lost_blocks = 0;  // given up
    std::string error;         // what keeps the disk from taking the next block now; "": nothing does
  };
  State state() const;  // Threads: any

 private:
  struct Waiting {
    std::string frame;
    std::string content;
  };
  RecordingWriter(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status Put(absl::string_view bytes, uint64_t at);
  absl::Status PutBlock(const Waiting& block);
  absl::Status TakePlace();
  void EndBeside();
  absl::Status SyncError(int error) const;
  void WriteOn();

  const std::string path_;
  std::string beside_;  // where it grows as long as it has not replaced the file that was there; ""
  UniqueFd fd_;
  uint64_t sequence_ = 0;
  uint64_t end_ = 0;  // of the last whole block in the file; the writing thread's

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  bool closing_ = false;
  State state_;
  absl::Status lost_ = absl::OkStatus();
  std::thread thread_;
};

}  // namespace vrapl
