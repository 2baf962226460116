// The VM's energy of an interval, divided among the processes of the guest by CPU time. Pure. Threads: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "guest/cpu_time.h"

namespace vrapl {

struct ProcessEnergy {
  pid_t pid = 0;  // 0: the rest
  std::string name;
  int64_t cpu_ns = 0;
  int64_t energy_uj = 0;
};

// Rows by energy, most first; the rest, which no living process used, comes last. They sum to `energy_uj` exactly, and
// their CPU time to the greater of `busy_ns` and what the processes used.
std::vector<ProcessEnergy> DivideEnergy(const std::map<pid_t, ProcessTime>& before,
                                        const std::map<pid_t, ProcessTime>& after, int64_t busy_ns, int64_t energy_uj);

// At most `most` rows of processes; those that use less are one row more, "others (N)". The rest stays the last row,
// and the sums stay what they were.
std::vector<ProcessEnergy> TopRows(std::vector<ProcessEnergy> rows, size_t most);

}  // namespace vrapl
