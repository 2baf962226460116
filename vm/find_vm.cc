#include "vm/find_vm.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vrapl {
namespace {

// Changes of one letter, and swaps of two neighbours, between two words
// (optimal string alignment).
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string Quoted(absl::string_view name) { return absl::StrCat("'", name, "'"); }

}  // namespace

absl::StatusOr<Vm> FindVm(const std::vector<Vm>& vms, absl::string_view wanted,
                          const std::vector<std::string>& not_running) {
  std::vector<const Vm*> found;
  for (const Vm& vm : vms) {
    if (vm.name == wanted || (!vm.uuid.empty() && absl::EqualsIgnoreCase(vm.uuid, wanted))) found.push_back(&vm);
  }
  if (found.size() == 1) return *found.front();
  if (found.size() > 1) {
    const std::string which = absl::StrJoin(found, ", ", [](std::string* out, const Vm* vm) {
      absl::StrAppend(out, vm->uuid.empty() ? "no uuid" : vm->uuid, " (process ", vm->pid, ")");
    });
    return absl::InvalidArgumentError(
        absl::StrCat(found.size(), " running VMs are named ", Quoted(wanted), "; say which by its uuid: ", which));
  }
  if (std::find(not_running.begin(), not_running.end(), wanted) != not_running.end()) {
    return absl::NotFoundError(
        absl::StrCat("VM ", Quoted(wanted), " is defined but not running; start it: virsh start ", wanted));
  }
  if (vms.empty())
    return absl::NotFoundError(absl::StrCat("no running VM named ", Quoted(wanted), "; no VM is running"));

  const auto name_of = [](std::string* out, const Vm& vm) { absl::StrAppend(out, vm.name); };
  std::string message =
      absl::StrCat("no running VM named ", Quoted(wanted), "; running: ", absl::StrJoin(vms, ", ", name_of));
  const Vm* nearest = nullptr;
  size_t nearest_distance = 3;  // more than two slips is another word
  for (const Vm& vm : vms) {
    const size_t distance = EditDistance(vm.name, wanted);
    if (distance < nearest_distance && distance < vm.name.size()) {
      nearest = &vm;
      nearest_distance = distance;
    }
  }
  if (nearest != nullptr) absl::StrAppend(&message, ". Did you mean ", Quoted(nearest->name), "?");
  return absl::NotFoundError(message);
}

}  // namespace vrapl
