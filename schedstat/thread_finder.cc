#include "schedstat/thread_finder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "schedstat/proc_text.h"

namespace vrapl {
namespace {

template <size_t kSize>
absl::string_view ReadAgain(int fd, std::array<char, kSize>& buffer) {
  const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), size > 0 ? static_cast<size_t>(size) : 0};
}

std::optional<ThreadStat> ReadStat(int fd) {
  std::array<char, 1024> buffer;
  return ParseThreadStat(ReadAgain(fd, buffer));
}

}  // namespace

bool ReadRunNs(KnownThread& thread, uint64_t& run_ns) {
  std::array<char, 64> buffer;
  const std::optional<uint64_t> ns = RunNsOfSchedstat(ReadAgain(thread.schedstat.get(), buffer));
  if (!ns) {
    thread.ended.store(true, std::memory_order_relaxed);
    return false;
  }
  run_ns = *ns;
  return true;
}

int ReadCpu(const KnownThread& thread) {
  const std::optional<ThreadStat> stat = ReadStat(thread.stat.get());
  return stat ? stat->cpu : -1;
}

const ThreadList& ThreadReader::Threads() {
  // Said to be in use before it is used, and looked at again: the finder frees none that is in use or the newest.
  const ThreadList* list = finder_.newest_.load();
  for (;;) {
    in_use_.store(list);
    const ThreadList* again = finder_.newest_.load();
    if (again == list) return *list;
    list = again;
  }
}

ThreadFinder::ThreadFinder(Options options) : options_(std::move(options)) { Publish(); }

ThreadReader& ThreadFinder::NewReader() {
  readers_.push_back(std::unique_ptr<ThreadReader>(new ThreadReader(*this)));
  return *readers_.back();
}

void ThreadFinder::SetProcesses(std::vector<pid_t> processes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  processes_ = std::move(processes);
}

// Null when it has ended meanwhile, or cannot be opened.
std::shared_ptr<KnownThread> ThreadFinder::Open(const std::string& directory, const Key& key) {
  auto thread = std::make_shared<KnownThread>();
  thread->tgid = static_cast<uint32_t>(key.first);
  thread->tid = static_cast<uint32_t>(key.second);
  thread->schedstat = UniqueFd(::open((directory + "/schedstat").c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd stat(::open((directory + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!thread->schedstat.ok() || !stat.ok()) {
    if (errno == EMFILE || errno == ENFILE) not_opened_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  const std::optional<ThreadStat> read = ReadStat(stat.get());
  uint64_t run_ns = 0;
  if (!read || !ReadRunNs(*thread, run_ns)) return nullptr;
  const int64_t started_ns = static_cast<int64_t>(read->start_ticks) * options_.tick_ns;
  thread->start_ns = static_cast<uint64_t>(started_ns - options_.boottime_offset_ns);
  // To the tick in which the last look was: a thread as young as that was not there, or is so young that nothing of its
  // account has been counted as anything else's for long.
  const bool born_since = started_ns + options_.tick_ns > last_find_ns_ && last_find_ns_ > 0;
  thread->counted_ns.store(born_since ? 0 : run_ns, std::memory_order_relaxed);
  if (options_.with_cpu) thread->stat = std::move(stat);
  return thread;
}

void ThreadFinder::Find(int64_t boottime_ns) {
  std::vector<pid_t> processes;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    processes = processes_;
  }
  bool changed = false;
  std::set<Key> listed;
  std::set<pid_t> wanted;
  not_opened_.store(0, std::memory_order_relaxed);
  for (const pid_t process : processes) {
    if (!wanted.insert(process).second) continue;
    const std::string tasks = absl::StrCat(options_.proc, "/", process, "/task");
    const absl::StatusOr<std::vector<std::string>> names = ListDirectory(tasks);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      Key key{process, 0};
      if (!absl::SimpleAtoi(name, &key.second)) continue;
      listed.insert(key);
      const auto known = known_.find(key);
      if (known != known_.end() && !known->second->ended) continue;
      std::shared_ptr<KnownThread> thread = Open(absl::StrCat(tasks, "/", name), key);
      if (thread == nullptr) continue;
      known_[key] = std::move(thread);
      changed = true;
    }
  }
  // A directory that threads come to and leave while it is read may not show one that is still there: its file does.
  for (auto known = known_.begin(); known != known_.end();) {
    uint64_t run_ns = 0;
    const bool gone = wanted.count(known->first.first) == 0 || known->second->ended ||
                      (listed.count(known->first) == 0 && !ReadRunNs(*known->second, run_ns));
    known = gone ? known_.erase(known) : std::next(known);
    changed = changed || gone;
  }
  last_find_ns_ = boottime_ns;
  if (changed) Publish();
}

void ThreadFinder::Publish() {
  auto list = std::make_unique<ThreadList>();
  for (const auto& [key, thread] : known_) list->push_back(thread);
  newest_.store(list.get());
  lists_.push_back(std::move(list));
  std::erase_if(lists_, [this](const std::unique_ptr<ThreadList>& old) {
    return old.get() != newest_.load() && std::none_of(readers_.begin(), readers_.end(), [&](const auto& reader) {
             return reader->in_use_.load() == old.get();
           });
  });
}

}  // namespace vrapl
