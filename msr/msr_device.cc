#include "msr/msr_device.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

static_assert(sizeof(off_t) == 8, "0xC0010299 as a 32-bit offset would be negative");

struct OpenResult {
  UniqueFd fd;
  int error = 0;
};

// Into a buffer of its own rather than HostRoot::Path(), because Reopen() must not allocate.
OpenResult OpenDevice(const HostRoot& host_root, int cpu) {
  char path[PATH_MAX];
  const int size = std::snprintf(path, sizeof path, "%s/dev/cpu/%d/msr", host_root.prefix().c_str(), cpu);
  if (size < 0 || static_cast<size_t>(size) >= sizeof path) return {.fd = UniqueFd(), .error = ENAMETOOLONG};
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  const int error = fd.ok() ? 0 : errno;
  return {.fd = std::move(fd), .error = error};
}

const char* Remedy(int error) {
  switch (error) {
    case ENOENT:
      return " (is the msr module loaded? `modprobe msr`)";
    case ENXIO:
      return " (the CPU is offline)";
    case EPERM:
      return " (needs CAP_SYS_RAWIO in the initial user namespace: run as root, outside a container)";
    case EACCES:
      return " (needs root; the file's mode alone is not enough, CAP_SYS_RAWIO is needed too)";
    case EIO:
      return " (the CPU has no MSRs)";
    default:
      return "";
  }
}

}  // namespace

MsrDevice::MsrDevice(const HostRoot& host_root, int cpu, UniqueFd fd)
    : host_root_(host_root), cpu_(cpu), fd_(std::move(fd)) {}

absl::StatusOr<MsrDevice> MsrDevice::Open(const HostRoot& host_root, int cpu) {
  OpenResult opened = OpenDevice(host_root, cpu);
  if (opened.error != 0) {
    const std::string what =
        absl::StrCat("open ", host_root.Path(absl::StrCat("/dev/cpu/", cpu, "/msr")), Remedy(opened.error));
    absl::Status status = PosixError(opened.error, what);
    if (opened.error == EIO) return absl::UnimplementedError(status.message());
    return status;
  }
  return MsrDevice(host_root, cpu, std::move(opened.fd));
}

int MsrDevice::TryRead(MsrAddress address, uint64_t& value) const {
  uint64_t raw = 0;
  ssize_t size = 0;
  do {
    size = ::pread(fd_.get(), &raw, sizeof raw, static_cast<off_t>(address));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno;
  if (size != sizeof raw) return EIO;  // no msr driver does this; an ordinary file in its place would
  value = raw;
  return 0;
}

absl::StatusOr<uint64_t> MsrDevice::Read(MsrAddress address) const {
  uint64_t value = 0;
  const int error = TryRead(address, value);
  if (error == 0) return value;
  const absl::Status status = PosixError(error, absl::StrCat("read MSR 0x", absl::Hex(address), " of CPU ", cpu_));
  if (error == EIO) return absl::UnimplementedError(absl::StrCat(status.message(), " (the CPU has no such register)"));
  return status;
}

int MsrDevice::Reopen(int cpu) {
  OpenResult opened = OpenDevice(host_root_, cpu);
  if (opened.error != 0) return opened.error;
  fd_ = std::move(opened.fd);
  cpu_ = cpu;
  return 0;
}

}  // namespace vrapl
