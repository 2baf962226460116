#include "vm/vm_cgroup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

struct Case {
  const char* what;
  std::string text;
  std::string machine;
};

// As /proc/PID/cgroup of real hosts has them; ids and names changed.
TEST(MachineCgroupTest, IsFoundInThePathsOfRealHosts) {
  const std::vector<Case> cases = {
      {"libvirt 9, systemd, v2: QEMU's emulator",
       "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"its virtiofsd", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"libvirt before 7.1: no level between", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/vcpu0\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"the scope itself", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"a name with a hyphen and a dot: systemd escapes the one",
       "0::/machine.slice/machine-qemu\\x2d12\\x2dinstance\\x2d0000001a.scope/libvirt/emulator\n",
       "/machine.slice/machine-qemu\\x2d12\\x2dinstance\\x2d0000001a.scope"},
      {"a partition of the operator's",
       "0::/production.slice/production-gold.slice/machine-qemu\\x2d3\\x2ddb.scope/libvirt/vcpu1\n",
       "/production.slice/production-gold.slice/machine-qemu\\x2d3\\x2ddb.scope"},
      {"v1 and systemd",
       "12:cpuset:/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/emulator\n"
       "4:cpu,cpuacct:/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/emulator\n"
       "3:memory:/machine.slice/machine-qemu\\x2d1\\x2dweb.scope\n"
       "1:name=systemd:/machine.slice/machine-qemu\\x2d1\\x2dweb.scope\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"v1 without systemd",
       "4:memory:/machine/qemu-1-web.libvirt-qemu\n3:cpuset:/machine/qemu-1-web.libvirt-qemu/emulator\n"
       "1:cpu,cpuacct:/machine/qemu-1-web.libvirt-qemu/emulator\n",
       "/machine/qemu-1-web.libvirt-qemu"},
      {"hybrid: some controllers elsewhere",
       "9:name=systemd:/\n8:pids:/\n4:memory:/container/1\n3:cpuset:/machine/qemu-2-ada.libvirt-qemu/emulator\n"
       "2:cpuacct:/\n1:cpu:/machine/qemu-2-ada.libvirt-qemu/emulator\n"
       "0::/machine/qemu-2-ada.libvirt-qemu/libvirt\n",
       "/machine/qemu-2-ada.libvirt-qemu"},
      {"libvirt before 1.3", "3:cpuset:/machine/web.libvirt-qemu/vcpu0\n", "/machine/web.libvirt-qemu"},
      {"a partition without systemd", "2:cpu:/machine/gold.partition/qemu-1-web.libvirt-qemu/vcpu0\n",
       "/machine/gold.partition/qemu-1-web.libvirt-qemu"},
      {"Proxmox", "0::/qemu.slice/100.scope\n", "/qemu.slice/100.scope"},
      {"Proxmox, v1", "5:devices:/qemu.slice/100.scope\n1:name=systemd:/qemu.slice/100.scope\n",
       "/qemu.slice/100.scope"},
      {"seen from a cgroup namespace", "0::/../../machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n",
       "/../../machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"removed under its process", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope (deleted)\n",
       "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"},
      {"libvirt in a container: the innermost counts",
       "0::/machine.slice/machine-qemu\\x2d1\\x2douter.scope/payload/machine/qemu-1-inner.libvirt-qemu/vcpu0\n",
       "/machine.slice/machine-qemu\\x2d1\\x2douter.scope/payload/machine/qemu-1-inner.libvirt-qemu"},
  };
  for (const Case& one : cases) EXPECT_EQ(MachineCgroup(one.text), one.machine) << one.what;
}

TEST(MachineCgroupTest, WhatIsSharedWithOthersIsNoVms) {
  const std::vector<Case> cases = {
      {"QEMU started by hand", "0::/user.slice/user-1000.slice/session-3.scope\n", ""},
      {"a session's libvirt", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/libvirtd.service\n", ""},
      {"libvirtd", "0::/system.slice/libvirtd.service\n", ""},
      {"the slice of all VMs", "0::/machine.slice\n", ""},
      {"the directory of all VMs", "3:cpuset:/machine\n", ""},
      {"a container", "0::/machine.slice/machine-lxc\\x2d1\\x2dbox.scope/libvirt\n", ""},
      {"a container of systemd's", "0::/machine.slice/machine-web.scope\n", ""},
      {"a pod", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope\n", ""},
      {"all of Proxmox's VMs", "0::/qemu.slice\n", ""},
      {"a container of Proxmox's", "0::/lxc/100\n", ""},
      {"a number elsewhere", "0::/system.slice/100.scope\n", ""},
      {"no number", "0::/qemu.slice/qmeventd.scope\n", ""},
      {"no name", "0::/machine.slice/machine-qemu\\x2d.scope\n", ""},
      {"no name", "3:cpuset:/machine/.libvirt-qemu\n", ""},
      {"a name that only begins so", "0::/a/machine-qemu\\x2d1\\x2dweb.service\n", ""},
      {"the root", "0::/\n", ""},
      {"no cgroups", "", ""},
      {"not what it should be", "0:\n:::\nmachine-qemu\\x2d1\\x2dweb.scope\n", ""},
  };
  for (const Case& one : cases) EXPECT_EQ(MachineCgroup(one.text), "") << one.what;
}

TEST(MachineCgroupTest, VmsWhoseNamesBeginAlikeAreTwo) {
  for (const auto& [shorter, longer] : std::vector<std::pair<std::string, std::string>>{
           {"/machine.slice/machine-qemu\\x2d1\\x2dweb.scope", "/machine.slice/machine-qemu\\x2d1\\x2dweb2.scope"},
           {"/machine.slice/machine-qemu\\x2d1\\x2dweb.scope", "/machine.slice/machine-qemu\\x2d11\\x2dweb.scope"},
           {"/machine/qemu-1-web.libvirt-qemu", "/machine/qemu-1-web.libvirt-qemu.libvirt-qemu"},
           {"/machine/qemu-1-web.libvirt-qemu", "/machine/qemu-1-web-db.libvirt-qemu"},
           {"/qemu.slice/10.scope", "/qemu.slice/100.scope"}}) {
    EXPECT_EQ(MachineCgroup(absl::StrCat("0::", shorter, "/emulator\n")), shorter);
    EXPECT_EQ(MachineCgroup(absl::StrCat("0::", longer, "/emulator\n")), longer);
  }
}

TEST(MachineCgroupTest, TheUnifiedHierarchyDecidesThenSystemds) {
  const std::string cpu = "1:cpu:/machine/qemu-1-a.libvirt-qemu\n";
  const std::string systemd = "2:name=systemd:/machine/qemu-2-b.libvirt-qemu\n";
  const std::string unified = "0::/machine/qemu-3-c.libvirt-qemu\n";
  EXPECT_EQ(MachineCgroup(cpu + systemd + unified), "/machine/qemu-3-c.libvirt-qemu");
  EXPECT_EQ(MachineCgroup(unified + cpu), "/machine/qemu-3-c.libvirt-qemu");
  EXPECT_EQ(MachineCgroup(cpu + systemd), "/machine/qemu-2-b.libvirt-qemu");
  EXPECT_EQ(MachineCgroup(cpu + "0::/daemon\n"), "/machine/qemu-1-a.libvirt-qemu") << "libvirt made none there";
}

}  // namespace
}  // namespace vrapl
