#include "probe/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {
namespace {

constexpr size_t kBlock = 512;

// The header block of one file, field by field as the format has them.
struct UstarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(UstarHeader) == kBlock);

// Splits a long path at a slash, so that both parts fit.
bool SetPath(const std::string& path, UstarHeader& header) {
  if (path.empty() || path.front() == '/') return false;
  if (path.size() <= sizeof header.name) {
    std::memcpy(header.name, path.data(), path.size());
    return true;
  }
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const size_t rest = path.size() - slash - 1;
    if (slash > sizeof header.prefix || rest > sizeof header.name || rest == 0) continue;
    std::memcpy(header.prefix, path.data(), slash);
    std::memcpy(header.name, path.data() + slash + 1, rest);
    return true;
  }
  return false;
}

absl::Status AppendFile(const std::string& path, const std::string& text, std::string& tar) {
  UstarHeader header{};
  if (!SetPath(path, header)) return absl::InvalidArgumentError(absl::StrCat("tar cannot hold the path ", path));
  std::snprintf(header.mode, sizeof header.mode, "%07o", 0644U);
  std::snprintf(header.uid, sizeof header.uid, "%07o", 0U);
  std::snprintf(header.gid, sizeof header.gid, "%07o", 0U);
  std::snprintf(header.size, sizeof header.size, "%011zo", text.size());
  std::snprintf(header.mtime, sizeof header.mtime, "%011o", 0U);
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::memset(header.checksum, ' ', sizeof header.checksum);  // counted as spaces
  std::array<unsigned char, kBlock> bytes;
  std::memcpy(bytes.data(), &header, kBlock);
  unsigned sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  std::snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
  tar.append(reinterpret_cast<const char*>(&header), kBlock);
  tar += text;
  tar.append((kBlock - text.size() % kBlock) % kBlock, '\0');
  return absl::OkStatus();
}

absl::StatusOr<std::string> Gzip(const std::string& data) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;  // zlib: 16 more asks for gzip's header and trailer
  constexpr int kMemory = 8;
  if (::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return absl::InternalError("zlib does not start");
  }
  std::string packed(::deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::InternalError("zlib does not finish");
  return packed;
}

absl::Status WriteAll(int fd, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t size = ::write(fd, content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const int error = errno;
      return PosixError(error, absl::StrCat("write ", path));
    }
    content.remove_prefix(static_cast<size_t>(size));
  }
  if (::fsync(fd) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("write ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> MakeTarGz(const FileTree& files) {
  std::string tar;
  for (const auto& [path, text] : files) {
    if (absl::Status status = AppendFile(path, text, tar); !status.ok()) return status;
  }
  tar.append(2 * kBlock, '\0');
  return Gzip(tar);
}

absl::Status WriteWholeFile(const std::string& path, absl::string_view content, bool force) {
  const auto exists = [&path] {
    return absl::AlreadyExistsError(absl::StrCat(path, " exists already; --force replaces it"));
  };
  struct stat there;
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(path, " is no ordinary file; it is left as it is"));
    }
    if (!force) return exists();
  }
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.ok()) {
    const int error = errno;
    return PosixError(error, absl::StrCat("write ", path));
  }
  ::fchmod(fd.get(), 0644);
  absl::Status status = WriteAll(fd.get(), content, temporary);
  if (status.ok() &&
      ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), force ? 0 : RENAME_NOREPLACE) != 0) {
    const int error = errno;
    status = error == EEXIST ? exists() : PosixError(error, absl::StrCat("write ", path));
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

}  // namespace vrapl
