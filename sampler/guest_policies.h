// Which policy each VM is told its energy by: the operator's file, else the VM's own libvirt metadata, else the one for
// all.
#pragma once

#include <string>

#include "delivery/guest_policy.h"
#include "delivery/policy_directory.h"
#include "vm/vm.h"

namespace vrapl {

class GuestPolicies {
 public:
  struct Options {
    GuestPolicy otherwise;                     // of VMs that have none of their own, and what these begin with
    std::string directory = kPolicyDirectory;  // ReadPolicyFile()
    bool may_be_shorter = false;               // ParseGuestPolicy()
  };

  struct Choice {
    GuestPolicy policy;
    std::string from;     // "/etc/vrapl/guests/web.conf", "its libvirt metadata"; "": the one for all
    std::string problem;  // one line, else ""

    // "VM web: told nothing, as its libvirt metadata says"; "" where it is told as all are.
    std::string Describe(const std::string& vm_name) const;
  };

  explicit GuestPolicies(Options options) : options_(std::move(options)) {}

  // Reads files. Where what is written cannot be understood nothing is told: it may have been meant to be less than
  // what the others are told.
  Choice Of(const Vm& vm) const;

 private:
  const Options options_;
};

}  // namespace vrapl
