#include "bench/snapshot_ways.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/posix.h"
#include "bench/load.h"
#include "bench/programs/task_sum.h"
#include "bpf/run_time_reader.h"

namespace vrapl {
namespace {

class Named : public SnapshotWay {
 public:
  explicit Named(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  uint64_t Dropped() const override { return dropped_; }

 protected:
  uint64_t dropped_ = 0;

 private:
  const std::string name_;
};

class Ours final : public Named {
 public:
  explicit Ours(SwitchLog& log) : Named("ours"), log_(log), cpus_(OnlineCpus()) { log_.Prime(cpus_); }
  void Begin() override {
    CountLost();
    reader_.emplace(log_, cpus_, MonotonicNs());
    (void)Take();
  }
  Told Take() override {
    window_.Clear();
    reader_->Read(MonotonicNs(), window_);
    Told told{.threads = window_.threads().size()};
    for (const ThreadRun& run : window_.threads()) told.run_time_ns += run.run_ns;
    return told;
  }
  uint64_t Dropped() const override { return dropped_ + (reader_ ? reader_->lost_records() : 0); }

 private:
  void CountLost() {
    if (reader_) dropped_ += reader_->lost_records();
  }
  SwitchLog& log_;
  const std::vector<int> cpus_;
  RunTimeWindow window_;
  std::optional<RunTimeReader> reader_;
};

constexpr int64_t kNanosPerTick = 10'000'000;  // of /proc: USER_HZ is 100

int64_t NumberAt(absl::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int64_t RunTimeOfSchedstat(absl::string_view text) { return NumberAt(text); }

// utime and stime are the twelfth and thirteenth word after the name, which may itself hold anything.
int64_t RunTimeOfStat(absl::string_view text) {
  size_t at = text.rfind(')');
  for (int word = 0; word < 12 && at != absl::string_view::npos; ++word) at = text.find(' ', at + 1);
  if (at == absl::string_view::npos) return 0;
  const size_t next = text.find(' ', at + 1);
  return (NumberAt(text.substr(at + 1)) + NumberAt(text.substr(next + 1))) * kNanosPerTick;
}

class ProcFiles final : public Named {
 public:
  ProcFiles(const std::string& file, Files files, const std::vector<pid_t>& tids)
      : Named(absl::StrCat("/proc/PID/task/TID/", file,
                           files == Files::kPread ? ", pread of open files" : ", open, read, close")),
        run_time_of_(file == "stat" ? RunTimeOfStat : RunTimeOfSchedstat) {
    for (const pid_t tid : tids) {
      paths_.push_back(absl::StrCat("/proc/self/task/", tid, "/", file));
      if (files == Files::kPread) open_.emplace_back(::open(paths_.back().c_str(), O_RDONLY | O_CLOEXEC));
    }
  }
  Told Take() override {
    Told told;
    for (size_t i = 0; i < paths_.size(); ++i) {
      ssize_t size = 0;
      if (!open_.empty()) {
        size = ::pread(open_[i].get(), text_, sizeof text_, 0);
      } else if (const UniqueFd file(::open(paths_[i].c_str(), O_RDONLY | O_CLOEXEC)); true) {
        size = ::read(file.get(), text_, sizeof text_);
      }
      if (size <= 0) {
        ++dropped_;
        continue;
      }
      ++told.threads;
      told.run_time_ns += run_time_of_(absl::string_view(text_, static_cast<size_t>(size)));
    }
    return told;
  }

 private:
  int64_t (*const run_time_of_)(absl::string_view text);
  std::vector<std::string> paths_;
  std::vector<UniqueFd> open_;
  char text_[1024];
};

class Batch final : public Named {
 public:
  Batch(int totals_fd, size_t threads) : Named("batch look-up in a hash of totals"), fd_(totals_fd), threads_(threads) {
    bpf_map_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd_, &info, &size) == 0) {
      tids_.resize(info.max_entries);
      totals_ns_.resize(info.max_entries);
    }
  }
  Told Take() override {
    uint32_t place = 0;
    auto count = static_cast<uint32_t>(tids_.size());
    // ENOENT: that was all of them.
    const int error = bpf_map_lookup_batch(fd_, nullptr, &place, tids_.data(), totals_ns_.data(), &count, nullptr);
    if (error != 0 && error != -ENOENT) count = 0;
    if (count < threads_) ++dropped_;
    Told told{.threads = count};
    for (const uint64_t total_ns : absl::MakeSpan(totals_ns_).first(count)) {
      told.run_time_ns += static_cast<int64_t>(total_ns);
    }
    return told;
  }

 private:
  const int fd_;
  const size_t threads_;
  std::vector<uint32_t> tids_;
  std::vector<uint64_t> totals_ns_;
};

class Iterator final : public Named {
 public:
  Iterator(int link_fd, size_t threads) : Named("BPF iterator over threads"), link_fd_(link_fd), threads_(threads) {}
  Told Take() override {
    Told told;
    const UniqueFd list(bpf_iter_create(link_fd_));
    for (ssize_t size = 0; (size = ::read(list.get(), sums_.data(), sums_.size() * sizeof sums_[0])) > 0;) {
      // A read ends where the kernel's buffer does, after a whole entry.
      for (const task_sum& sum : absl::MakeSpan(sums_).first(static_cast<size_t>(size) / sizeof(task_sum))) {
        ++told.threads;
        told.run_time_ns += static_cast<int64_t>(sum.run_time);
      }
    }
    if (told.threads < threads_) ++dropped_;
    return told;
  }

 private:
  const int link_fd_;
  const size_t threads_;
  std::vector<task_sum> sums_ = std::vector<task_sum>(8192);
};

}  // namespace

std::unique_ptr<SnapshotWay> OurSnapshots(SwitchLog& log) { return std::make_unique<Ours>(log); }

std::unique_ptr<SnapshotWay> ProcSnapshots(const std::string& file, Files files, const std::vector<pid_t>& tids) {
  return std::make_unique<ProcFiles>(file, files, tids);
}

std::unique_ptr<SnapshotWay> BatchSnapshots(const SwitchProgram& two_hashes, size_t threads) {
  return std::make_unique<Batch>(MapOf(two_hashes, "totals"), threads);
}

std::unique_ptr<SnapshotWay> IteratorSnapshots(const TaskSums& sums, size_t threads) {
  return std::make_unique<Iterator>(sums.link_fd(), threads);
}

}  // namespace vrapl
