#include "recording/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr uint64_t kFilePrefixBytes = 16;
constexpr size_t kSearchBytes = 1 << 20;
// How far into a file whose beginning is damaged a block is looked for, before it is called no recording.
constexpr uint64_t kBeginningBytes = 1 << 20;

}  // namespace

absl::StatusOr<RecordingReader> RecordingReader::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return PosixError(errno, absl::StrCat("open ", path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return PosixError(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no regular file; a recording is made by `vrapl sample -o`"));
  }
  RecordingReader reader(path, std::move(fd), static_cast<uint64_t>(status.st_size));
  const std::string prefix = reader.Load(0, kFilePrefixBytes);
  const bool begins_well = absl::StartsWith(prefix, kRecordingMagic) && prefix.size() == kFilePrefixBytes;
  if (absl::Status found = reader.FindRun(begins_well); !found.ok()) return found;
  if (!begins_well) {
    reader.beginning_ = "the first bytes are not those of a recording";
  } else if (prefix[kRecordingMagic.size()] != static_cast<char>(kRecordingVersion)) {
    reader.beginning_ = "its first bytes name another version of the format than its blocks";
  }
  reader.Rewind();
  return reader;
}

absl::Status RecordingReader::FindRun(bool begins_well) {
  if (!begins_well) {
    const std::optional<uint64_t> frame = FindFrame(0);
    if (!frame || *frame > kBeginningBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path_, " is no recording of vrapl"));
    }
  }
  at_ = kFilePrefixBytes;
  bool any_later = false;
  while (const std::optional<Block> block = NextOfAnyKind()) {
    if (block->frame.version > kRecordingVersion) {
      any_later = true;
      continue;
    }
    if (block->frame.kind != BlockKind::kRun) continue;
    run_json_ = block->content;
    return absl::OkStatus();
  }
  if (any_later) {
    return absl::UnimplementedError(absl::StrCat(path_, " was written by a later version of vrapl than this one (",
                                                 VRAPL_VERSION, "); read it with that"));
  }
  return absl::DataLossError(
      absl::StrCat(path_, " holds no block that says what was recorded: it is damaged, or its disk was full at once"));
}

void RecordingReader::Rewind() {
  at_ = kFilePrefixBytes;
  last_sequence_.reset();
  gap_ = false;
  damage_.clear();
  if (!beginning_.empty()) damage_.push_back(beginning_);
  more_damage_ = 0;
}

void RecordingReader::AddDamage(std::string what) {
  if (damage_.size() < kMaxDamageTold) {
    damage_.push_back(std::move(what));
  } else {
    ++more_damage_;
  }
}

std::vector<std::string> RecordingReader::damage() const {
  std::vector<std::string> damage = damage_;
  if (more_damage_ > 0) damage.push_back(absl::StrCat("and ", more_damage_, " more places"));
  return damage;
}

std::string RecordingReader::Load(uint64_t at, size_t bytes) {
  std::string loaded(at < file_bytes_ ? std::min<uint64_t>(bytes, file_bytes_ - at) : 0, '\0');
  size_t have = 0;
  while (have < loaded.size()) {
    const ssize_t size = ::pread(fd_.get(), loaded.data() + have, loaded.size() - have, static_cast<off_t>(at + have));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    have += static_cast<size_t>(size);
  }
  loaded.resize(have);
  return loaded;
}

// The first whole frame at or after `from`.
std::optional<uint64_t> RecordingReader::FindFrame(uint64_t from) {
  char magic[sizeof kBlockMagic];
  std::memcpy(magic, &kBlockMagic, sizeof magic);
  const absl::string_view wanted(magic, sizeof magic);
  for (uint64_t at = from; at + kBlockFrameBytes <= file_bytes_;) {
    const std::string loaded = Load(at, kSearchBytes);
    if (loaded.size() < kBlockFrameBytes) return std::nullopt;
    const absl::string_view bytes(loaded);
    for (size_t i = bytes.find(wanted); i != absl::string_view::npos; i = bytes.find(wanted, i + 1)) {
      if (i + kBlockFrameBytes > bytes.size()) break;
      if (DecodeFrame(bytes.substr(i, kBlockFrameBytes))) return at + i;
    }
    at += loaded.size() - kBlockFrameBytes + 1;
  }
  return std::nullopt;
}

std::optional<RecordingReader::Block> RecordingReader::NextOfAnyKind() {
  while (at_ < file_bytes_) {
    const std::optional<BlockFrame> frame = DecodeFrame(Load(at_, kBlockFrameBytes));
    if (!frame) {
      const std::optional<uint64_t> next = FindFrame(at_ + 1);
      const uint64_t end = next.value_or(file_bytes_);
      AddDamage(next ? absl::StrCat("bytes ", at_, " to ", end, " are damaged")
                     : absl::StrCat("it breaks off: the last ", end - at_, " bytes are no whole block"));
      gap_ = true;
      at_ = end;
      continue;
    }
    Block block{.frame = *frame, .content = Load(at_ + kBlockFrameBytes, frame->bytes)};
    if (block.content.size() < frame->bytes) {
      // Cut off, or a length of another block's place: whole blocks may still follow.
      const std::optional<uint64_t> next = FindFrame(at_ + 1);
      const uint64_t end = next.value_or(file_bytes_);
      AddDamage(next ? absl::StrCat("bytes ", at_, " to ", end, " are damaged")
                     : absl::StrCat("it breaks off within block ", frame->sequence));
      gap_ = true;
      at_ = end;
      continue;
    }
    if (Crc32(block.content) != frame->content_crc) {
      AddDamage(absl::StrCat("block ", frame->sequence, " (bytes ", at_, " to ", at_ + kBlockFrameBytes + frame->bytes,
                             ") is damaged"));
      gap_ = true;
      // Its length can be believed, the frame's CRC is right; but bytes may have been cut out of it.
      at_ = FindFrame(at_ + 1).value_or(file_bytes_);
      continue;
    }
    at_ += kBlockFrameBytes + frame->bytes;
    if (last_sequence_ && frame->sequence <= *last_sequence_) {
      AddDamage(absl::StrCat("block ", frame->sequence, " stands behind block ", *last_sequence_, " and is left out"));
      continue;
    }
    const uint64_t expected = last_sequence_ ? *last_sequence_ + 1 : 0;
    const uint64_t missing = frame->sequence - expected;
    // One that was damaged has been told.
    if (missing > 1 || (missing == 1 && !gap_)) {
      AddDamage(missing == 1 ? absl::StrCat("block ", expected, " is missing")
                             : absl::StrCat("blocks ", expected, " to ", frame->sequence - 1, " are missing"));
      gap_ = true;
    }
    last_sequence_ = frame->sequence;
    block.after_gap = gap_;
    return block;
  }
  return std::nullopt;
}

std::optional<RecordingReader::Block> RecordingReader::Next() {
  while (std::optional<Block> block = NextOfAnyKind()) {
    if (block->frame.version > kRecordingVersion) {
      AddDamage(absl::StrCat("block ", block->frame.sequence, " is of a later version of the program"));
      gap_ = true;
      continue;
    }
    if (block->frame.kind != BlockKind::kData) continue;
    gap_ = false;
    return block;
  }
  return std::nullopt;
}

}  // namespace vrapl
