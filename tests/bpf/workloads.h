// Loads that exercise a scheduler in different ways, for checks of run time. Each starts threads or processes of its
// own and leaves none behind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vrapl {

class Workload {
 public:
  virtual ~Workload() = default;
  // A word, as on a command line.
  virtual absl::string_view name() const = 0;
  // Returns when the load is on its way. An error says why it cannot run here; nothing is left running then.
  virtual absl::Status Start() = 0;
  // Returns when all that Start() began has ended.
  virtual void Stop() = 0;
};

// In the order of the table.
std::vector<std::unique_ptr<Workload>> AllWorkloads();
// Null when there is none of this name.
std::unique_ptr<Workload> MakeWorkload(absl::string_view name);

}  // namespace vrapl
