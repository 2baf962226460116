#include "recording/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr std::chrono::seconds kTryAgainAfter{1};
// What the machine may lose when it goes down; the program itself going down loses nothing that was written.
constexpr int64_t kSyncEveryNs = 5 * kNanosPerSecond;

std::string FilePrefix() {
  std::string prefix(kRecordingMagic);
  prefix.push_back(static_cast<char>(kRecordingVersion));
  prefix.append(7, '\0');
  return prefix;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordingWriter>> RecordingWriter::Create(const std::string& path,
                                                                         const std::string& run_json, int64_t start_ns,
                                                                         bool force) {
  std::error_code error_code;
  if (force && std::filesystem::is_symlink(path, error_code) && std::filesystem::exists(path, error_code)) {
    // The new file is made beside the old one and not beside the link: that may lie on another disk.
    return Create(std::filesystem::canonical(path, error_code).string(), run_json, start_ns, force);
  }
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  std::string made = fd.ok() ? path : "";
  if (!fd.ok() && errno == EEXIST && force) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file; a recording needs one"));
    }
    if (status.st_size == 0) {
      fd = UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    } else {
      made = absl::StrCat(path, ".part-XXXXXX");
      fd = UniqueFd(::mkostemp(made.data(), O_CLOEXEC));
      if (fd.ok()) ::fchmod(fd.get(), status.st_mode & 0777);
    }
  }
  if (!fd.ok()) {
    const int error = errno;
    if (error == EEXIST) {
      return absl::AlreadyExistsError(absl::StrCat(
          path, " exists; --force overwrites it, or choose another name: a recording cannot be made again"));
    }
    return PosixError(error, absl::StrCat("create ", path));
  }
  auto writer = std::unique_ptr<RecordingWriter>(new RecordingWriter(path, std::move(fd)));
  const std::string prefix = FilePrefix();
  absl::Status written = writer->Put(prefix, 0);
  writer->end_ = prefix.size();
  const auto frame = EncodeFrame(BlockKind::kRun, writer->sequence_++, start_ns, run_json);
  if (written.ok()) written = writer->PutBlock({.frame = {frame.data(), frame.size()}, .content = run_json});
  if (!written.ok()) {
    if (!made.empty()) ::unlink(made.c_str());
    return written;
  }
  if (!made.empty() && made != path) writer->beside_ = made;
  writer->thread_ = std::thread([writer = writer.get()] { writer->WriteOn(); });
  return writer;
}

RecordingWriter::~RecordingWriter() { Close().IgnoreError(); }

void RecordingWriter::Write(BlockKind kind, int64_t first_ns, std::string content) {
  const auto frame = EncodeFrame(kind, sequence_++, first_ns, content);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (waiting_bytes_ + content.size() > kMaxWaitingBytes) {
    ++state_.lost_blocks;
    if (lost_.ok()) {
      lost_ = absl::ResourceExhaustedError(
          absl::StrCat(state_.error.empty() ? absl::StrCat("write ", path_, ": the disk is too slow") : state_.error,
                       "; record to another one"));
    }
    return;
  }
  waiting_bytes_ += content.size();
  waiting_.push_back({.frame = {frame.data(), frame.size()}, .content = std::move(content)});
  changed_.notify_one();
}

absl::Status RecordingWriter::Put(absl::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t size = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (size < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      return PosixError(error, absl::StrCat("write ", path_));
    }
    bytes.remove_prefix(static_cast<size_t>(size));
    at += static_cast<uint64_t>(size);
  }
  return absl::OkStatus();
}

// A block that found no room is written again from its beginning: the file never holds half of one with more behind it.
absl::Status RecordingWriter::PutBlock(const Waiting& block) {
  if (absl::Status status = Put(block.frame, end_); !status.ok()) return status;
  if (absl::Status status = Put(block.content, end_ + block.frame.size()); !status.ok()) return status;
  end_ += block.frame.size() + block.content.size();
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.bytes = end_;
  ++state_.blocks;
  return absl::OkStatus();
}

// What is there is given up for a recording that holds something, not for a full disk or a program killed at its start.
absl::Status RecordingWriter::TakePlace() {
  // A link to a file stays one.
  std::error_code failed;
  const std::filesystem::path place = std::filesystem::canonical(path_, failed);
  if (::rename(beside_.c_str(), failed ? path_.c_str() : place.c_str()) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("replace ", path_));
  }
  beside_.clear();
  return SyncDirectoryOf(failed ? path_ : place.string());
}

// The end of a recording that has not replaced what was there.
void RecordingWriter::EndBeside() {
  const bool holds_data = state_.blocks > 1;
  const absl::Status placed = holds_data ? TakePlace() : absl::UnavailableError("nothing was recorded");
  if (lost_.ok()) lost_ = placed;
  if (beside_.empty()) return;
  lost_ = absl::Status(lost_.code(),
                       absl::StrCat(lost_.message(), "; ", path_, " is as it was",
                                    holds_data ? absl::StrCat(", and what could be stored is in ", beside_) : ""));
  if (!holds_data) ::unlink(beside_.c_str());
}

absl::Status RecordingWriter::SyncError(int error) const {
  return PosixError(error, absl::StrCat("store ", path_, " on its disk"));
}

void RecordingWriter::WriteOn() {
  int64_t synced_ns = MonotonicNs();
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Waiting block = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const uint64_t before = end_;
    absl::Status status = PutBlock(block);
    if (status.ok() && (!beside_.empty() || MonotonicNs() - synced_ns > kSyncEveryNs)) {
      if (::fdatasync(fd_.get()) != 0) status = SyncError(errno);
      synced_ns = MonotonicNs();
    }
    // Where this fails, nothing is lost: it is tried again with the next block.
    const absl::Status placed = status.ok() && !beside_.empty() ? TakePlace() : absl::OkStatus();
    lock.lock();
    state_.error = std::string(status.ok() ? placed.message() : status.message());
    const bool written = end_ > before;
    if (!status.ok() && written && lost_.ok()) lost_ = status;  // what the kernel took and could not store is gone
    if (written) {
      waiting_bytes_ -= block.content.size();
      continue;
    }
    waiting_.push_front(std::move(block));
    if (closing_) {
      lost_ = status;
      state_.lost_blocks += waiting_.size();
      return;
    }
    changed_.wait_for(lock, kTryAgainAfter, [this] { return closing_; });
  }
}

absl::Status RecordingWriter::Close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  if (!fd_.ok()) return lost_;
  // What a failed write left behind the last whole block is no part of the file.
  if (::ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0 && lost_.ok()) {
    lost_ = PosixError(errno, absl::StrCat("cut ", path_));
  }
  if (::fdatasync(fd_.get()) != 0 && lost_.ok()) lost_ = SyncError(errno);
  if (!beside_.empty()) EndBeside();
  fd_.Reset();
  return lost_;
}

RecordingWriter::State RecordingWriter::state() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_;
}

}  // namespace vrapl
