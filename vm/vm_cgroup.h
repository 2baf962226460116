// The cgroup of a VM: which processes beside QEMU work for it. libvirt, and Proxmox, put QEMU into a cgroup that it
// shares with the VM's helpers alone: virtiofsd, swtpm, passt, slirp-helper, dbus-daemon, qemu-pr-helper, vhost-user
// devices; and the kernel puts its threads for the VM there too. Pure.
//
// Sources: libvirt, "Control Groups Resource Management"; src/util/virsystemd.c, virSystemdMakeScopeName();
// src/util/vircgroup.c, virCgroupNewMachineManual(). Proxmox VE, qemu-server: PVE/QemuServer.pm, `systemd-run`'s scope.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

// The path of the VM's cgroup that a process is in, or anywhere below it; "" when it is in none. Two processes are of
// the same VM when they have the same one.
//
//   proc_cgroup  the text of /proc/PID/cgroup: cgroup v1, v2 or both (then v2 decides, after it systemd's hierarchy)
//
// A VM's cgroup is, with any path before it and anything below it,
//   machine-qemu\x2d1\x2dweb.scope  libvirt under systemd; the name is escaped as systemd does
//   qemu-1-web.libvirt-qemu         libvirt without systemd; web.libvirt-qemu before libvirt 1.3
//   qemu.slice/100.scope            Proxmox VE
// Paths are compared as they are, escapes and all: nothing needs the VM's name. Any other cgroup, a user's session or a
// service, is shared with processes that are no VM's and counts as none. Of cgroups within one another the innermost
// counts: a container may hold a libvirt with VMs.
std::string MachineCgroup(absl::string_view proc_cgroup);

}  // namespace vrapl
