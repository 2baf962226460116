// FuseMsr: msr devices for a HostBuilder's host. An ordinary file cannot stand in for one: its offsets are bytes, so
// that register 0x611 would overlap 0x610, and it has no EIO for a register that is not there.
//
//   HostBuilder host(CpuVendor::kAmd, 0x19, 0x01);
//   FuseMsr msr(host, {0, 1});
//   msr.Set(/*cpu=*/0, kAmdPkgEnergyStatus, 0xFFFF'FFF0);
//
// Needs /dev/fuse: begin the test with VRAPL_NEEDS("fuse").
#pragma once

#include <memory>
#include <vector>

#include "emulator/host_fs.h"
#include "emulator/register_file.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {

class FuseMsr {
 public:
  FuseMsr(HostBuilder& host, const std::vector<int>& cpus);

  // What the registers hold, and which errors they give.
  SettableRegisters& registers() { return registers_; }
  void Set(int cpu, MsrAddress address, uint64_t value) { registers_.Set(cpu, address, value); }

 private:
  SettableRegisters registers_;
  std::unique_ptr<HostFs> host_fs_;
};

}  // namespace vrapl
