// Reads the blocks of a recording, in order. What is damaged is passed over to the next whole block, and told.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/posix.h"
#include "recording/block.h"

namespace vrapl {

class RecordingReader {
 public:
  // Finds the block that identifies the run. Errors: those of open; INVALID_ARGUMENT when this is no recording;
  // UNIMPLEMENTED when a later version of the program wrote it; DATA_LOSS when nothing is left that identifies the run.
  static absl::StatusOr<RecordingReader> Open(const std::string& path);

  const std::string& run_json() const { return run_json_; }
  uint64_t file_bytes() const { return file_bytes_; }  // as it was opened
  uint64_t position() const { return at_; }

  struct Block {
    BlockFrame frame;
    std::string content;
    bool after_gap = false;  // blocks before it are missing
  };
  // The next block of data. nullopt: there is none.
  std::optional<Block> Next();

  // From the beginning again. What was damaged is told once more.
  void Rewind();

  // What is missing from what has been read, a line each; at most kMaxDamageTold, then how many more there were.
  static constexpr size_t kMaxDamageTold = 100;
  std::vector<std::string> damage() const;
  void AddDamage(std::string what);

 private:
  RecordingReader(std::string path, UniqueFd fd, uint64_t bytes)
      : path_(std::move(path)), fd_(std::move(fd)), file_bytes_(bytes) {}

  std::optional<Block> NextOfAnyKind();
  // Reads up to `bytes` from `at`; less at the end of the file.
  std::string Load(uint64_t at, size_t bytes);
  std::optional<uint64_t> FindFrame(uint64_t from);
  absl::Status FindRun(bool begins_well);

  std::string path_;
  UniqueFd fd_;
  uint64_t file_bytes_;
  std::string run_json_;
  std::string beginning_;  // what is wrong with the first bytes; ""
  uint64_t at_ = 0;
  std::optional<uint64_t> last_sequence_;
  bool gap_ = false;
  std::vector<std::string> damage_;
  uint64_t more_damage_ = 0;
};

}  // namespace vrapl
