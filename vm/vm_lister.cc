#include "vm/vm_lister.h"

#include <algorithm>
#include <tuple>

namespace vrapl {

void SortVms(std::vector<Vm>& vms) {
  std::sort(vms.begin(), vms.end(),
            [](const Vm& a, const Vm& b) { return std::tie(a.name, a.pid) < std::tie(b.name, b.pid); });
}

}  // namespace vrapl
