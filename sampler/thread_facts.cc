#include "sampler/thread_facts.h"

#include <time.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "vm/qemu_process.h"

namespace vrapl {

int64_t ParseBoottimeOffset(absl::string_view timens_offsets) {
  for (const absl::string_view line : absl::StrSplit(timens_offsets, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    if (fields.size() == 3 && fields[0] == "boottime" && absl::SimpleAtoi(fields[1], &seconds) &&
        absl::SimpleAtoi(fields[2], &nanoseconds)) {
      return seconds * kNanosPerSecond + nanoseconds;
    }
  }
  return 0;
}

ThreadFacts ThreadFactsFromProc(const std::string& proc) {
  const int64_t offset_ns = ParseBoottimeOffset(ReadSmallFile(absl::StrCat(proc, "/self/timens_offsets")).value_or(""));
  return {.name =
              [proc](uint32_t tgid, uint32_t tid) {
                return ReadSmallFile(absl::StrCat(proc, "/", tgid, "/task/", tid, "/comm")).value_or("");
              },
          .process_start = [proc](pid_t pid) -> std::optional<uint64_t> {
            const absl::StatusOr<uint64_t> start = ReadStartTime(proc, pid);
            return start.ok() ? std::optional<uint64_t>(*start) : std::nullopt;
          },
          .cgroup = [proc](pid_t pid) { return ReadSmallFile(absl::StrCat(proc, "/", pid, "/cgroup")).value_or(""); },
          .boottime_ns =
              [offset_ns] {
                timespec now{};
                ::clock_gettime(CLOCK_BOOTTIME, &now);
                return int64_t{now.tv_sec} * kNanosPerSecond + now.tv_nsec - offset_ns;
              },
          .boottime_offset_ns = offset_ns};
}

}  // namespace vrapl
