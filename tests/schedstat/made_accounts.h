// A /proc with the accounts that the schedstat room reads, in a temporary directory: threads run and CPUs idle as a
// test says.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/posix.h"
#include "schedstat/proc_text.h"
#include "tests/vm/fake_proc.h"

namespace vrapl {

inline constexpr int64_t kTickNs = 10'000'000;

// In place and in one piece, as a reader beside us sees files of /proc: never empty, never half.
inline void Rewrite(const std::string& path, std::string text) {
  constexpr size_t kAlwaysAsLong = 1024;
  text.resize(kAlwaysAsLong, ' ');
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.ok()) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    file = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  ASSERT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}

class MadeAccounts {
 public:
  const std::string& root() const { return dir_.path(); }

  // `start_ticks`: since boot.
  void AddThread(pid_t pid, pid_t tid, uint64_t start_ticks, uint64_t run_ns = 0, int cpu = 0) {
    Thread& thread = threads_[{pid, tid}];
    thread = {.start_ticks = start_ticks, .run_ns = run_ns, .cpu = cpu};
    Write(pid, tid, thread);
  }
  void Run(pid_t pid, pid_t tid, uint64_t ns) {
    Thread& thread = threads_.at({pid, tid});
    thread.run_ns += ns;
    Write(pid, tid, thread);
  }
  void Move(pid_t pid, pid_t tid, int cpu) {
    Thread& thread = threads_.at({pid, tid});
    thread.cpu = cpu;
    Write(pid, tid, thread);
  }
  // As the kernel does it: the name goes, and files that are still open have nothing more to say.
  void End(pid_t pid, pid_t tid) {
    WriteFile(Directory(pid, tid) + "/schedstat", "");
    WriteFile(Directory(pid, tid) + "/stat", "");
    std::filesystem::remove_all(Directory(pid, tid));
    threads_.erase({pid, tid});
  }
  // The name goes, the files do not: a directory that was read while it changed.
  void Hide(pid_t pid, pid_t tid) { std::filesystem::rename(Directory(pid, tid), dir_.path() + "/hidden"); }
  void Show(pid_t pid, pid_t tid) { std::filesystem::rename(dir_.path() + "/hidden", Directory(pid, tid)); }

  // Cumulative, in ticks. A CPU without is offline.
  void SetCpu(const CpuStat& cpu) {
    cpus_[cpu.cpu] = cpu;
    WriteCpus();
  }
  void RemoveCpu(int cpu) {
    cpus_.erase(cpu);
    WriteCpus();
  }

 private:
  struct Thread {
    uint64_t start_ticks = 0;
    uint64_t run_ns = 0;
    int cpu = 0;
  };
  std::string Directory(pid_t pid, pid_t tid) const { return absl::StrCat(root(), "/", pid, "/task/", tid); }
  void Write(pid_t pid, pid_t tid, const Thread& thread) {
    Rewrite(Directory(pid, tid) + "/schedstat", absl::StrCat(thread.run_ns, " 4711 12\n"));
    Rewrite(Directory(pid, tid) + "/stat",
            absl::StrCat(tid, " (CPU 0/KVM) extra)) S 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 8 0 ",
                         thread.start_ticks, " 999999 888 18446744073709551615 1 1 0 0 0 0 0 4096 17663 0 0 0 17 ",
                         thread.cpu, " 0 0 0 0 0 0 0 0 0 0 0 0 0\n"));
  }
  void WriteCpus() {
    std::string text = "cpu  1 2 3 4 5 6 7 8 9 10\n";
    for (const auto& [number, cpu] : cpus_) {
      absl::StrAppend(&text, "cpu", number, " 11 12 13 ", cpu.idle_ticks, " 0 ", cpu.irq_ticks, " 0 ", cpu.stolen_ticks,
                      " 0 0\n");
    }
    Rewrite(root() + "/stat", text + "intr 27808487 0 0\nctxt 12\n");
  }

  TempDir dir_;
  std::map<std::pair<pid_t, pid_t>, Thread> threads_;
  std::map<int, CpuStat> cpus_;
};

}  // namespace vrapl
