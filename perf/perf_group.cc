#include "perf/perf_group.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace vrapl {
namespace {

// What a read of a group gives, with the two times asked for in GroupAttr().
struct GroupRecord {
  uint64_t members;
  uint64_t enabled_ns;
  uint64_t running_ns;
  std::array<uint64_t, PerfGroup::kMaxEvents> values;
};

}  // namespace

int PerfGroup::Add(const PerfEvent& event) {
  if (size_ == kMaxEvents) return E2BIG;
  const bool leader = size_ == 0;
  const int fd = kernel_->Open(GroupAttr(event, leader), cpu_, leader ? -1 : fds_[0].get());
  if (fd < 0) return -fd;
  fds_[size_] = UniqueFd(fd);
  events_[size_] = event;
  ++size_;
  return 0;
}

int PerfGroup::Start() { return size_ == 0 ? EBADF : kernel_->Start(fds_[0].get()); }

int PerfGroup::Read(int64_t now_ns, absl::Span<uint64_t> values) {
  GroupRecord record;
  ssize_t size = 0;
  do {
    size = ::read(fds_[0].get(), &record, sizeof record);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno;
  // 0 bytes: a pinned group that could not be kept. Fewer members than we opened: when a CPU goes offline and no other
  // takes its events over, the kernel takes groups apart, and the leader stands alone with its last count.
  const auto expected = static_cast<ssize_t>(offsetof(GroupRecord, values) + size_ * sizeof record.values[0]);
  if (size != expected || record.members != size_) return ENODEV;
  if (moved_ns_ == 0 || record.running_ns != running_ns_) {
    running_ns_ = record.running_ns;
    moved_ns_ = now_ns;
  } else if (now_ns - moved_ns_ > kStandstillNs) {
    return ENODEV;
  }
  std::copy_n(record.values.begin(), size_, values.begin());
  return 0;
}

int PerfGroup::Reopen(int cpu) {
  std::array<UniqueFd, kMaxEvents> fds;
  for (size_t i = 0; i < size_; ++i) {
    const int fd = kernel_->Open(GroupAttr(events_[i], i == 0), cpu, i == 0 ? -1 : fds[0].get());
    if (fd < 0) return -fd;
    fds[i] = UniqueFd(fd);
  }
  if (const int error = kernel_->Start(fds[0].get()); error != 0) return error;
  // Members first: a leader that goes before them would leave each of them a group of its own for a moment.
  for (size_t i = size_; i-- > 0;) fds_[i] = std::move(fds[i]);
  cpu_ = cpu;
  running_ns_ = 0;
  moved_ns_ = 0;
  return 0;
}

}  // namespace vrapl
