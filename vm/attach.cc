#include "vm/attach.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace vrapl {
namespace {

using Part = AttachResult::Part;

struct CloseConnection {
  void operator()(virConnectPtr connection) const { virConnectClose(connection); }
};
struct FreeDomain {
  void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using Connection = std::unique_ptr<virConnect, CloseConnection>;
using Domain = std::unique_ptr<virDomain, FreeDomain>;

absl::Status Failed(absl::string_view what) {
  const virError* error = virGetLastError();
  const std::string message =
      absl::StrCat(what, ": ",
                   error != nullptr && error->message != nullptr ? absl::StrReplaceAll(error->message, {{"\n", " "}})
                                                                 : "unknown error");
  const int code = error != nullptr ? error->code : VIR_ERR_OK;
  if (code == VIR_ERR_NO_DOMAIN)
    return absl::NotFoundError(absl::StrCat(message, "; `virsh list --all` has their names"));
  const bool denied = code == VIR_ERR_AUTH_FAILED || code == VIR_ERR_AUTH_CANCELLED ||
                      code == VIR_ERR_AUTH_UNAVAILABLE || code == VIR_ERR_ACCESS_DENIED ||
                      code == VIR_ERR_OPERATION_DENIED || absl::StrContains(message, "Permission denied");
  if (denied)
    return absl::PermissionDeniedError(absl::StrCat(message, "; run as root or as a member of the group libvirt"));
  return absl::UnavailableError(message);
}

class Machine {
 public:
  static absl::StatusOr<Machine> Open(const AttachRequest& request) {
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});  // else libvirt prints on stderr by itself
    Connection connection(virConnectOpen(request.uri.c_str()));
    if (connection == nullptr) {
      const absl::Status status = Failed(absl::StrCat("connect to libvirt at ", request.uri));
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), absl::IsUnavailable(status)
                                                             ? "; start it (systemctl start libvirtd, or virtqemud "
                                                               "where there is that), or give another --connect=URI"
                                                             : ""));
    }
    Domain domain(virDomainLookupByName(connection.get(), request.vm.c_str()));
    if (domain == nullptr) domain.reset(virDomainLookupByUUIDString(connection.get(), request.vm.c_str()));
    if (domain == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("no VM '", request.vm, "', running or defined; `virsh list --all` has their names"));
    }
    Machine machine(std::move(connection), std::move(domain));
    machine.port_ = request.port;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainGetUUIDString(machine.domain_.get(), uuid);
    if (machine.port_.isa_port && machine.port_.socket.empty()) {
      machine.port_.socket = SerialSocketPath(uuid, *machine.port_.isa_port);
    }
    machine.result_.vm_name = virDomainGetName(machine.domain_.get());
    return machine;
  }

  absl::StatusOr<AttachResult> Attach() {
    if (absl::Status status = ChangeDefinition(&WithPowerPort, "add it to"); !status.ok()) return status;
    if (!active()) return result_;
    const absl::StatusOr<std::string> xml = Xml(0);
    if (!xml.ok()) return xml.status();
    const absl::StatusOr<bool> there = HasPowerPort(*xml, port_);
    if (!there.ok()) return there.status();
    if (*there) {
      result_.running = Part::kAsItWas;
    } else if (port_.isa_port) {
      NotNow("an ISA serial port cannot be added to a running VM");
    } else if (!HasVirtioSerialController(*xml)) {
      NotNow("the running VM has no virtio-serial controller, and that cannot be added while it runs");
    } else if (virDomainAttachDeviceFlags(domain_.get(), PowerPortXml(port_).c_str(), VIR_DOMAIN_AFFECT_LIVE) == 0) {
      result_.running = Part::kChanged;
    } else {
      NotNow(std::string(Failed("libvirt does not add it to the running VM").message()));
    }
    return Done();
  }

  absl::StatusOr<AttachResult> Detach() {
    if (absl::Status status = ChangeDefinition(&WithoutPowerPort, "take it out of"); !status.ok()) return status;
    if (!active()) return result_;
    const absl::StatusOr<std::string> xml = Xml(0);
    if (!xml.ok()) return xml.status();
    const absl::StatusOr<std::string> device = PowerPortIn(*xml, port_);
    if (!device.ok()) return device.status();
    if (device->empty()) {
      result_.running = Part::kAsItWas;
    } else if (port_.isa_port) {
      NotNow("an ISA serial port cannot be taken from a running VM");
    } else if (virDomainDetachDeviceFlags(domain_.get(), device->c_str(), VIR_DOMAIN_AFFECT_LIVE) == 0) {
      result_.running = Part::kChanged;
    } else {
      NotNow(std::string(Failed("libvirt does not take it from the running VM").message()));
    }
    return Done();
  }

 private:
  Machine(Connection connection, Domain domain) : connection_(std::move(connection)), domain_(std::move(domain)) {}

  bool active() const { return virDomainIsActive(domain_.get()) == 1; }

  absl::StatusOr<std::string> Xml(unsigned flags) const {
    char* text = virDomainGetXMLDesc(domain_.get(), flags);
    if (text == nullptr) return Failed(absl::StrCat("read the XML of VM ", result_.vm_name));
    std::string xml = text;
    std::free(text);
    return xml;
  }

  using Change = absl::StatusOr<std::string> (*)(absl::string_view xml, const PowerPort& port);
  absl::Status ChangeDefinition(Change change, absl::string_view what) {
    if (virDomainIsPersistent(domain_.get()) != 1) return absl::OkStatus();
    // With its passwords, or defining it anew would lose them.
    const absl::StatusOr<std::string> xml = Xml(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (!xml.ok()) return xml.status();
    const absl::StatusOr<std::string> changed = change(*xml, port_);
    if (absl::IsAlreadyExists(changed.status()) || absl::IsNotFound(changed.status())) {
      result_.definition = Part::kAsItWas;
      return absl::OkStatus();
    }
    if (!changed.ok()) {
      return absl::Status(changed.status().code(),
                          absl::StrCat("VM ", result_.vm_name, ": ", changed.status().message()));
    }
    const Domain defined(virDomainDefineXML(connection_.get(), changed->c_str()));
    if (defined == nullptr) return Failed(absl::StrCat(what, " the definition of VM ", result_.vm_name));
    result_.definition = Part::kChanged;
    return absl::OkStatus();
  }

  void NotNow(std::string why) {
    result_.running = Part::kAtNextRun;
    result_.why_not_now = std::move(why);
  }

  absl::StatusOr<AttachResult> Done() const {
    if (result_.running == Part::kAtNextRun && result_.definition == Part::kAbsent) {
      return absl::FailedPreconditionError(absl::StrCat("VM ", result_.vm_name, " has no definition, and ",
                                                        result_.why_not_now, "; define it first (virsh define)"));
    }
    return result_;
  }

  Connection connection_;
  Domain domain_;
  PowerPort port_;
  AttachResult result_;
};

}  // namespace

std::string SerialSocketPath(const std::string& uuid, int isa_port) {
  return absl::StrCat("/var/lib/libvirt/qemu/vrapl-", uuid, "-ttyS", isa_port, ".sock");
}

absl::StatusOr<AttachResult> AttachPowerPort(const AttachRequest& request) {
  absl::StatusOr<Machine> machine = Machine::Open(request);
  if (!machine.ok()) return machine.status();
  return machine->Attach();
}

absl::StatusOr<AttachResult> DetachPowerPort(const AttachRequest& request) {
  absl::StatusOr<Machine> machine = Machine::Open(request);
  if (!machine.ok()) return machine.status();
  return machine->Detach();
}

}  // namespace vrapl
