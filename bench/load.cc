#include "bench/load.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

constexpr uint64_t kLeave = 1ULL << 62;

// A benchmark has no use for half a load: what cannot fail, failing, ends it.
void Put(const UniqueFd& door, uint64_t value) {
  if (::write(door.get(), &value, sizeof value) != sizeof value) std::abort();
}

uint64_t Take(const UniqueFd& door) {
  uint64_t value = 0;
  if (::read(door.get(), &value, sizeof value) != sizeof value) std::abort();
  return value;
}

UniqueFd MakeDoor() {
  UniqueFd door(::eventfd(0, EFD_CLOEXEC));
  if (!door.ok()) std::abort();
  return door;
}

}  // namespace

std::vector<int> OnlineCpus() {
  const absl::StatusOr<std::string> list = ReadSmallFile("/sys/devices/system/cpu/online");
  return list.ok() ? ParseCpuList(*list).value_or(std::vector<int>{0}) : std::vector<int>{0};
}

void PinTo(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(cpu), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

Echo::Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  read_end = UniqueFd(ends[0]);
  write_end = UniqueFd(ends[1]);
}

Echo::Echo()
    : thread_([this] {
        char byte = 0;
        while (::read(there_.read_end.get(), &byte, 1) == 1 && ::write(back_.write_end.get(), &byte, 1) == 1) {
        }
      }) {}

Echo::~Echo() {
  there_.write_end.Reset();
  thread_.join();
}

void Echo::RoundTrip() const {
  char byte = 0;
  if (::write(there_.write_end.get(), &byte, 1) != 1 || ::read(back_.read_end.get(), &byte, 1) != 1) std::abort();
}

SwitchLoad::SwitchLoad()
    : thread_([this] {
        const Echo echo;
        while (!stop_) echo.RoundTrip();
      }) {}

SwitchLoad::~SwitchLoad() {
  stop_ = true;
  thread_.join();
}

Worker::Worker(int cpu, std::function<void()> again)
    : thread_([this, cpu, again = std::move(again)] {
        PinTo(cpu);
        while (!stop_) again();
      }) {}

Worker::~Worker() {
  stop_ = true;
  thread_.join();
}

Ring::Ring(int threads) : home_(MakeDoor()), tids_(static_cast<size_t>(threads)) {
  // A door for each, and who watches the threads may want a file or two more.
  rlimit files;
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 0; i < threads; ++i) doors_.push_back(MakeDoor());
  for (size_t place = 0; place < tids_.size(); ++place) {
    threads_.emplace_back([this, place] { Live(place); });
    Take(home_);
  }
}

Ring::~Ring() {
  for (const UniqueFd& door : doors_) Put(door, kLeave);
  for (std::thread& thread : threads_) thread.join();
}

void Ring::Live(size_t place) {
  tids_[place] = ::gettid();
  Put(home_, 1);
  for (uint64_t hops = 0; (hops = Take(doors_[place])) < kLeave;) {
    if (hops == 1) {
      Put(home_, 1);
    } else {
      Put(doors_[(place + 1) % over_.load(std::memory_order_relaxed)], hops - 1);
    }
  }
}

void Ring::Pass(int hops, int over) {
  if (hops == 0) return;
  over_.store(static_cast<size_t>(over), std::memory_order_relaxed);
  Put(doors_.front(), static_cast<uint64_t>(hops));
  Take(home_);
}

}  // namespace vrapl
