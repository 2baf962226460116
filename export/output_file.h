// A file that is there whole or not at all: written under a temporary name beside its place, put there at the end.
// Only a program that is killed leaves its temporary file, FILE.part-XXXXXX, behind.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/posix.h"

namespace vrapl {

class OutputFile {
 public:
  // Where `name` is a link to a file, that file is meant. "-": standard output, without a place to be put to.
  // ALREADY_EXISTS without `force`; PERMISSION_DENIED, NOT_FOUND and FAILED_PRECONDITION (read-only file system) of the
  // directory.
  static absl::StatusOr<OutputFile> Create(const std::string& name, bool force);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // takes away what was not put into its place

  const std::string& path() const { return path_; }
  // Where it is written now, for libraries that open files themselves; "" for standard output.
  const std::string& temporary_path() const { return temporary_; }

  // Buffered. RESOURCE_EXHAUSTED: the disk is full.
  absl::Status Write(absl::string_view bytes);
  // What was written so far is in the file, for whoever finds it after a kill.
  absl::Status Flush();
  // Nothing will be put into place: what is in the file stays under its temporary name, which is returned.
  std::string Keep();
  // What the status of a failed write is, with what can be done; for libraries that write themselves.
  absl::Status WriteFailed(int error) const;
  // Everything to the disk, then under its name. Without `force` a file that has come there meanwhile stays, and this
  // fails.
  absl::Status Commit();

 private:
  OutputFile(std::string path, std::string temporary, UniqueFd fd, bool force)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)), force_(force) {}
  absl::Status WriteAll(absl::string_view bytes);

  std::string path_;
  std::string temporary_;
  UniqueFd fd_;
  bool force_ = false;
  std::string buffer_;
  int64_t flushed_ = 0;  // bytes that are in the file
};

}  // namespace vrapl
