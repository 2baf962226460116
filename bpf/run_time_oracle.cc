#include "bpf/run_time_oracle.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "run_time_oracle.skel.h"

namespace vrapl {
namespace {

static_assert(sizeof(switch_out) == 64);

absl::Status LoadError(int error) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(
        "load the run-time oracle: CAP_BPF and CAP_PERFMON are needed (run as root, or setcap cap_bpf,cap_perfmon+ep)");
  }
  return absl::UnimplementedError(absl::StrCat("load the run-time oracle: ", std::strerror(error),
                                               " (it needs Linux 5.8 or later with CONFIG_DEBUG_INFO_BTF=y)"));
}

}  // namespace

struct RunTimeOracle::Skeleton {
  run_time_oracle_program* object = nullptr;
  ring_buffer* ring = nullptr;
  absl::FunctionRef<void(const switch_out&)>* visit = nullptr;
  ~Skeleton() {
    ring_buffer__free(ring);
    run_time_oracle_program__destroy(object);
  }
};

RunTimeOracle::RunTimeOracle(std::unique_ptr<Skeleton> skeleton) : skeleton_(std::move(skeleton)) {}
RunTimeOracle::~RunTimeOracle() = default;

absl::StatusOr<std::unique_ptr<RunTimeOracle>> RunTimeOracle::Attach() {
  auto skeleton = std::make_unique<Skeleton>();
  skeleton->object = run_time_oracle_program__open_and_load();
  if (skeleton->object == nullptr) return LoadError(errno);
  const auto visit = [](void* context, void* data, size_t) {
    (*static_cast<Skeleton*>(context)->visit)(*static_cast<const switch_out*>(data));
    return 0;
  };
  skeleton->ring =
      ring_buffer__new(bpf_map__fd(skeleton->object->maps.switch_outs), visit, skeleton.get(), /*opts=*/nullptr);
  if (skeleton->ring == nullptr) return LoadError(errno);
  if (const int error = -run_time_oracle_program__attach(skeleton->object); error != 0) return LoadError(error);
  return std::unique_ptr<RunTimeOracle>(new RunTimeOracle(std::move(skeleton)));
}

void RunTimeOracle::Drain(absl::FunctionRef<void(const switch_out&)> visit) {
  skeleton_->visit = &visit;
  ring_buffer__consume(skeleton_->ring);
  skeleton_->visit = nullptr;
}

uint64_t RunTimeOracle::Drops() const {
  std::vector<oracle_counts> counts(static_cast<size_t>(libbpf_num_possible_cpus()));
  const uint32_t key = 0;
  // A count that cannot be read must not pass for a count of nothing.
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->object->maps.counts), &key, counts.data()) != 0) return UINT64_MAX;
  uint64_t drops = 0;
  for (const oracle_counts& count : counts) drops += count.drops;
  return drops;
}

uint64_t RunTimeOracle::RecursionMisses() const {
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(bpf_program__fd(skeleton_->object->progs.on_switch_out), &info, &size) != 0) {
    return UINT64_MAX;
  }
  return info.recursion_misses;
}

}  // namespace vrapl
