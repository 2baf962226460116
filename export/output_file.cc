#include "export/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr size_t kBuffer = 1 << 16;

absl::Status Exists(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(path, " exists; --force replaces it, or choose another name with -o"));
}

// What an operator can do about it.
absl::Status CannotWrite(int error, absl::string_view what, const std::string& path) {
  const std::string tried = absl::StrCat(what, " ", path);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(absl::StrCat(tried, ": the disk is full (-o puts it elsewhere)"));
    case EROFS:
      return absl::FailedPreconditionError(
          absl::StrCat(tried, ": the file system is read-only (-o puts it elsewhere)"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat(tried, ": the directory may not be written to (-o puts it elsewhere)"));
    default:
      return PosixError(error, tried);
  }
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& name, bool force) {
  if (name == "-") return OutputFile(name, "", UniqueFd(), force);
  std::error_code error;
  const bool is_link = std::filesystem::is_symlink(name, error) && std::filesystem::exists(name, error);
  const std::string path = is_link ? std::filesystem::canonical(name, error).string() : name;
  struct stat there = {};
  if (::stat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is there and is no ordinary file; choose another name"));
    }
    if (!force) return Exists(path);
  }
  std::string temporary = absl::StrCat(path, ".part-XXXXXX");
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.ok()) return CannotWrite(errno, "create", path);
  // As a program creates a file that is no secret.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  // What is replaced keeps its mode.
  ::fchmod(fd.get(), there.st_mode != 0 ? there.st_mode & 0777 : 0666 & ~mask);
  return OutputFile(path, std::move(temporary), std::move(fd), force);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      fd_(std::move(other.fd_)),
      force_(other.force_),
      buffer_(std::move(other.buffer_)),
      flushed_(other.flushed_) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

absl::Status OutputFile::WriteAll(absl::string_view bytes) {
  const int fd = fd_.ok() ? fd_.get() : STDOUT_FILENO;
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      if (error == EPIPE) return absl::CancelledError("the reader of the output is gone");
      return WriteFailed(error);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status OutputFile::WriteFailed(int error) const {
  return CannotWrite(error, "write", path_ == "-" ? "the output" : path_);
}

absl::Status OutputFile::Write(absl::string_view bytes) {
  absl::StrAppend(&buffer_, bytes);
  return buffer_.size() < kBuffer ? absl::OkStatus() : Flush();
}

absl::Status OutputFile::Flush() {
  const absl::Status status = WriteAll(buffer_);
  if (status.ok()) {
    flushed_ += static_cast<int64_t>(buffer_.size());
  } else if (fd_.ok() && ::ftruncate(fd_.get(), flushed_) != 0) {
    return absl::Status(status.code(), absl::StrCat(status.message(), "; its last line is cut"));
  }
  buffer_.clear();
  return status;
}

std::string OutputFile::Keep() { return std::exchange(temporary_, ""); }

absl::Status OutputFile::Commit() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (temporary_.empty()) return absl::OkStatus();
  // Some file systems tell of a full disk only here.
  if (::fsync(fd_.get()) != 0) return WriteFailed(errno);
  if (force_) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return CannotWrite(errno, "put into place", path_);
  } else {
    if (::link(temporary_.c_str(), path_.c_str()) != 0) {
      const int error = errno;
      if (error == EEXIST) return Exists(path_);
      // A file system without hard links: what came there since the start is replaced.
      if (::rename(temporary_.c_str(), path_.c_str()) != 0) return CannotWrite(errno, "put into place", path_);
      temporary_.clear();
      return SyncDirectoryOf(path_);
    }
    ::unlink(temporary_.c_str());
  }
  temporary_.clear();
  return SyncDirectoryOf(path_);
}

}  // namespace vrapl
