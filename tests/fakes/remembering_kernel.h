// The kernel's perf events, with the descriptor of the last group's leader remembered: to read the same group bare, or
// to end it.
#pragma once

#include "perf/perf_event.h"

namespace vrapl {

class RememberingKernel final : public PerfEvents {
 public:
  int Open(const perf_event_attr& attr, int cpu, int group) override {
    const int fd = KernelPerfEvents().Open(attr, cpu, group);
    if (group < 0) leader = fd;
    return fd;
  }
  int Start(int leader_fd) override { return KernelPerfEvents().Start(leader_fd); }

  int leader = -1;
};

}  // namespace vrapl
