#include "bench/switch_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/posix.h"
#include "bench/load.h"
#include "bpf/switch_log_format.h"
#include "clock_read.skel.h"
#include "empty.skel.h"
#include "kepler_shape.skel.h"
#include "ring_buffer.skel.h"
#include "sum_copy.skel.h"
#include "switch_log.skel.h"
#include "task_storage.skel.h"
#include "task_sums.skel.h"
#include "two_hashes.skel.h"

namespace vrapl {
namespace {

using ElfBytes = const void* (*)(size_t*);

absl::StatusOr<bpf_object*> Open(ElfBytes elf_bytes) {
  libbpf_set_print(nullptr);
  size_t size = 0;
  const void* bytes = elf_bytes(&size);
  bpf_object* object = bpf_object__open_mem(bytes, size, nullptr);
  if (object == nullptr) return PosixError(errno, "open a BPF object");
  if (bpf_map* slots = bpf_object__find_map_by_name(object, "slots"); slots != nullptr) {
    bpf_map__set_max_entries(slots, static_cast<uint32_t>(libbpf_num_possible_cpus()));
  }
  return object;
}

// A program of bench/programs.
class Loaded : public SwitchProgram {
 public:
  Loaded(std::string name, bpf_object* object)
      : name_(std::move(name)), object_(object), program_(bpf_object__next_program(object, nullptr)) {}
  ~Loaded() override {
    bpf_link__destroy(link_);
    bpf_object__close(object_);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  const std::string& name() const override { return name_; }
  absl::Status Attach() override {
    link_ = bpf_program__attach(program_);
    return link_ != nullptr ? absl::OkStatus() : PosixError(errno, absl::StrCat("attach ", name_));
  }
  void Detach() override {
    bpf_link__destroy(link_);
    link_ = nullptr;
  }
  Count Cost() const override {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program_), &info, &size) != 0) return {};
    return {.ns = static_cast<int64_t>(info.run_time_ns), .times = static_cast<int64_t>(info.run_cnt)};
  }
  bpf_object* object() const { return object_; }

 private:
  const std::string name_;
  bpf_object* const object_;
  bpf_program* const program_;
  bpf_link* link_ = nullptr;
};

SwitchProgramOr Load(std::string name, ElfBytes elf_bytes) {
  absl::StatusOr<bpf_object*> object = Open(elf_bytes);
  if (!object.ok()) return object.status();
  auto program = std::make_unique<Loaded>(std::move(name), *object);
  if (const int error = -bpf_object__load(*object); error != 0) {
    return PosixError(error, absl::StrCat("load ", program->name()));
  }
  return program;
}

class RingBuffer final : public Loaded {
 public:
  RingBuffer(std::string name, bpf_object* object, Consumer consumer)
      : Loaded(std::move(name), object), consumer_(consumer) {}
  ~RingBuffer() override {
    worker_.reset();
    ring_buffer__free(records_);
  }
  // After loading.
  absl::Status Map() {
    size_t size = 0;
    bpf_map* variables = bpf_object__find_map_by_name(object(), ".bss");
    dropped_ = static_cast<const uint64_t*>(bpf_map__initial_value(variables, &size));
    const auto take = [](void* sum, void* record, size_t) {
      *static_cast<uint64_t*>(sum) += *static_cast<const uint64_t*>(record);
      return 0;
    };
    records_ = ring_buffer__new(bpf_object__find_map_fd_by_name(object(), "records"), take, &sum_, nullptr);
    return records_ != nullptr ? absl::OkStatus() : PosixError(errno, "map the ring buffer");
  }

  absl::Status Attach() override {
    worker_ = std::make_unique<Worker>(OnlineCpus().front(), [this] {
      if (consumer_ == Consumer::kWoken) {
        (void)ring_buffer__poll(records_, /*timeout_ms=*/10);
      } else {
        RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
        (void)ring_buffer__consume(records_);
      }
    });
    return Loaded::Attach();
  }
  void Detach() override {
    Loaded::Detach();
    worker_.reset();
    (void)ring_buffer__consume(records_);
  }
  uint64_t Dropped() const override { return *dropped_; }

 private:
  const Consumer consumer_;
  const uint64_t* dropped_ = nullptr;
  ring_buffer* records_ = nullptr;
  uint64_t sum_ = 0;  // what the consumer makes of the records: it reads them all
  std::unique_ptr<Worker> worker_;
};

// Copies the records out as they come, from its own mapping of the logs.
class LogReader {
 public:
  static absl::StatusOr<std::unique_ptr<LogReader>> Map(int logs_fd) {
    const auto cpus = static_cast<size_t>(libbpf_num_possible_cpus());
    void* logs = ::mmap(nullptr, cpus * sizeof(switch_log), PROT_READ, MAP_SHARED, logs_fd, 0);
    if (logs == MAP_FAILED) return PosixError(errno, "map the switch logs");
    return std::unique_ptr<LogReader>(new LogReader({static_cast<const switch_log*>(logs), cpus}));
  }
  ~LogReader() { ::munmap(const_cast<switch_log*>(logs_.data()), logs_.size() * sizeof(switch_log)); }
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  void SkipToHead() {
    for (size_t cpu = 0; cpu < logs_.size(); ++cpu) tails_[cpu] = HeadOf(cpu);
  }
  void Read() {
    for (size_t cpu = 0; cpu < logs_.size(); ++cpu) {
      const uint64_t head = HeadOf(cpu);
      if (head - tails_[cpu] > VRAPL_LOG_RECORDS) {
        lost_ += head - tails_[cpu] - VRAPL_LOG_RECORDS;
        tails_[cpu] = head - VRAPL_LOG_RECORDS;
      }
      for (; tails_[cpu] != head; ++tails_[cpu]) {
        const switch_record record = logs_[cpu].records[tails_[cpu] % VRAPL_LOG_RECORDS];
        sum_ += record.clock + record.tid;
      }
    }
  }
  uint64_t lost() const { return lost_; }

 private:
  explicit LogReader(absl::Span<const switch_log> logs) : logs_(logs), tails_(logs.size()) {}
  uint64_t HeadOf(size_t cpu) const { return *static_cast<const volatile __u64*>(&logs_[cpu].head); }

  absl::Span<const switch_log> logs_;
  std::vector<uint64_t> tails_;
  uint64_t lost_ = 0;
  uint64_t sum_ = 0;
};

// Ours: the object that the daemon loads, attached and detached like the others.
class Ours final : public Loaded {
 public:
  Ours(std::string name, bpf_object* object) : Loaded(std::move(name), object) {}
  ~Ours() override { worker_.reset(); }
  absl::Status ReadEveryMillisecond() {
    absl::StatusOr<std::unique_ptr<LogReader>> reader = LogReader::Map(MapOf(*this, "switch_logs"));
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
    return absl::OkStatus();
  }

  absl::Status Attach() override {
    if (reader_ != nullptr) {
      reader_->SkipToHead();
      worker_ = std::make_unique<Worker>(OnlineCpus().front(), [this] {
        RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
        reader_->Read();
      });
    }
    return Loaded::Attach();
  }
  void Detach() override {
    Loaded::Detach();
    worker_.reset();
  }
  uint64_t Dropped() const override { return reader_ != nullptr ? reader_->lost() : 0; }

 private:
  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace

SwitchProgramOr LoadEmpty() { return Load("an empty program", empty_program__elf_bytes); }
SwitchProgramOr LoadClockRead() { return Load("one clock read", clock_read_program__elf_bytes); }
SwitchProgramOr LoadSumCopy() { return Load("bare copy of the scheduler's sum", sum_copy_program__elf_bytes); }
SwitchProgramOr LoadTaskStorage() { return Load("task storage", task_storage_program__elf_bytes); }
SwitchProgramOr LoadTwoHashes() { return Load("two hashes (cpudist)", two_hashes_program__elf_bytes); }
SwitchProgramOr LoadKeplerShape() { return Load("two LRU hashes (Kepler 0.7)", kepler_shape_program__elf_bytes); }

SwitchProgramOr LoadRingBuffer(Consumer consumer) {
  const bool woken = consumer == Consumer::kWoken;
  absl::StatusOr<bpf_object*> object = Open(ring_buffer_program__elf_bytes);
  if (!object.ok()) return object.status();
  auto program = std::make_unique<RingBuffer>(
      woken ? "ring buffer, consumer woken" : "ring buffer, consumed every millisecond", *object, consumer);
  const uint64_t submit_flags = woken ? 0 : BPF_RB_NO_WAKEUP;
  bpf_map* constants = bpf_object__find_map_by_name(*object, ".rodata");
  int error = -bpf_map__set_initial_value(constants, &submit_flags, sizeof submit_flags);
  if (error == 0) error = -bpf_object__load(*object);
  if (error != 0) return PosixError(error, absl::StrCat("load ", program->name()));
  if (const absl::Status mapped = program->Map(); !mapped.ok()) return mapped;
  return program;
}

SwitchProgramOr LoadSwitchLog(bool read) {
  absl::StatusOr<bpf_object*> object = Open(switch_log_program__elf_bytes);
  if (!object.ok()) return object.status();
  auto program = std::make_unique<Ours>(read ? "the switch log, read every millisecond" : "the switch log", *object);
  for (const char* other : {"on_sched_switch_raw", "observe_cpus"}) {
    bpf_program__set_autoload(bpf_object__find_program_by_name(*object, other), false);
  }
  for (const char* map : {"switch_logs", "run_queues"}) {
    bpf_map__set_max_entries(bpf_object__find_map_by_name(*object, map),
                             static_cast<uint32_t>(libbpf_num_possible_cpus()));
  }
  if (const int error = -bpf_object__load(*object); error != 0) return PosixError(error, "load the switch log");
  if (const absl::Status mapped = read ? program->ReadEveryMillisecond() : absl::OkStatus(); !mapped.ok())
    return mapped;
  return program;
}

int MapOf(const SwitchProgram& program, const char* name) {
  const auto* loaded = dynamic_cast<const Loaded*>(&program);
  return loaded == nullptr ? -1 : bpf_object__find_map_fd_by_name(loaded->object(), name);
}

absl::StatusOr<std::unique_ptr<TaskSums>> TaskSums::Load() {
  absl::StatusOr<bpf_object*> object = Open(task_sums_program__elf_bytes);
  if (!object.ok()) return object.status();
  std::unique_ptr<TaskSums> sums(new TaskSums());
  sums->object_ = *object;
  if (const int error = -bpf_object__load(*object); error != 0) return PosixError(error, "load the thread iterator");
  bpf_iter_link_info info{};
  info.task.pid = static_cast<uint32_t>(::getpid());
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof info);
  sums->link_ = bpf_program__attach_iter(bpf_object__next_program(*object, nullptr), &options);
  if (sums->link_ == nullptr) return PosixError(errno, "attach the thread iterator");
  return sums;
}

TaskSums::~TaskSums() {
  bpf_link__destroy(link_);
  bpf_object__close(object_);
}

int TaskSums::link_fd() const { return bpf_link__fd(link_); }

}  // namespace vrapl
