// The running VMs from /proc alone: for QEMU without libvirt, or with a libvirt
// that does not answer. Ports stay unknown.
#pragma once

#include <string>
#include <vector>

#include "vm/change_flag.h"
#include "vm/vm_lister.h"

namespace vrapl {

class ProcInventory final : public VmLister {
 public:
  // `proc` is "/proc", or a copy of it in a test.
  explicit ProcInventory(std::string proc = "/proc") : proc_(std::move(proc)) {}

  absl::string_view origin() const override { return "proc"; }
  absl::StatusOr<std::vector<Vm>> List() override;
  const std::vector<std::string>& problems() const override { return problems_; }
  bool WaitForChange(absl::Duration timeout) override { return change_.Wait(timeout); }  // nothing gives notice here
  void Wake() override { change_.Raise(); }

 private:
  std::string proc_;
  std::vector<std::string> problems_;
  ChangeFlag change_;
};

}  // namespace vrapl
