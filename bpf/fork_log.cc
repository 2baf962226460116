#include "bpf/fork_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "fork_log.skel.h"

namespace vrapl {
namespace {

static_assert(sizeof(fork_event) == 32);

absl::Status LoadError(int error) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        "load the sched_process_fork program: CAP_BPF and CAP_PERFMON are needed (run as root, or setcap "
        "cap_bpf,cap_perfmon+ep)");
  }
  return absl::UnimplementedError(absl::StrCat("load the sched_process_fork program: ", std::strerror(error),
                                               " (it needs Linux 5.8 or later with BTF)"));
}

}  // namespace

struct ForkLog::Skeleton {
  fork_log_program* object = nullptr;
  ring_buffer* ring = nullptr;
  absl::FunctionRef<void(const fork_event&)>* visit = nullptr;
  ~Skeleton() {
    ring_buffer__free(ring);
    fork_log_program__destroy(object);
  }
};

ForkLog::ForkLog(std::unique_ptr<Skeleton> skeleton) : skeleton_(std::move(skeleton)) {}
ForkLog::~ForkLog() = default;

absl::StatusOr<std::unique_ptr<ForkLog>> ForkLog::Attach(RunTimeMethod method, const std::string& btf,
                                                         uint32_t ring_bytes) {
  if (method == RunTimeMethod::kSchedstat) {
    return absl::UnimplementedError("run time by schedstat does without BPF");
  }
  auto skeleton = std::make_unique<Skeleton>();
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf.empty() ? nullptr : btf.c_str());
  skeleton->object = fork_log_program__open_opts(&options);
  if (skeleton->object == nullptr) return LoadError(errno);
  const bool raw = method == RunTimeMethod::kRawTp || method == RunTimeMethod::kRawTpKtime;
  bpf_program__set_autoload(skeleton->object->progs.on_fork, !raw);
  bpf_program__set_autoload(skeleton->object->progs.on_fork_raw, raw);
  bpf_map__set_max_entries(skeleton->object->maps.forks, ring_bytes);
  if (const int error = -fork_log_program__load(skeleton->object); error != 0) return LoadError(error);
  const auto visit = [](void* context, void* data, size_t) {
    (*static_cast<Skeleton*>(context)->visit)(*static_cast<const fork_event*>(data));
    return 0;
  };
  skeleton->ring = ring_buffer__new(bpf_map__fd(skeleton->object->maps.forks), visit, skeleton.get(), /*opts=*/nullptr);
  if (skeleton->ring == nullptr) return LoadError(errno);
  if (const int error = -fork_log_program__attach(skeleton->object); error != 0) return LoadError(error);
  return std::unique_ptr<ForkLog>(new ForkLog(std::move(skeleton)));
}

void ForkLog::Drain(absl::FunctionRef<void(const fork_event&)> visit) {
  skeleton_->visit = &visit;
  ring_buffer__consume(skeleton_->ring);
  skeleton_->visit = nullptr;
}

uint64_t ForkLog::Dropped() const {
  const uint32_t key = 0;
  uint64_t dropped = 0;
  // A count that cannot be read must not pass for a count of nothing.
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->object->maps.dropped), &key, &dropped) != 0) return UINT64_MAX;
  return dropped;
}

}  // namespace vrapl
