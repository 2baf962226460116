// vrapl attach, vrapl detach: a VM gets the port that its energy is told over, or loses it.
#include "vm/attach.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/arguments.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"

namespace vrapl {
namespace {

using Part = AttachResult::Part;

constexpr char kAttachFooter[] =
    R"(Adds the virtio channel org.vrapl.power.0 to the VM's definition, and to the running VM where it has a virtio-serial
controller (a VM with a guest agent or SPICE does). In the guest: /dev/virtio-ports/org.vrapl.power.0. What is there
already is left as it is. `vrapl serve` finds the channel by itself; a serial port it is told of by --serial-port=N.

Examples:
  vrapl attach web
  vrapl attach web --serial=1     /dev/ttyS1 instead, for a guest without virtio drivers)";

constexpr char kDetachFooter[] =
    R"(Takes out what `vrapl attach` with the same options put in. What is not there is no error.

Example:
  vrapl detach web)";

std::string Name(const PowerPort& port) {
  return port.isa_port ? absl::StrCat("serial port ", *port.isa_port) : absl::StrCat("channel ", port.channel);
}

void Print(const AttachResult& result, const PowerPort& port, bool attach) {
  const std::string done = attach ? "added to" : "taken out of";
  const std::string was = attach ? "is there already" : "is not there";
  std::string text = absl::StrCat(result.vm_name, ": ", Name(port));
  switch (result.definition) {
    case Part::kChanged:
      absl::StrAppend(&text, " ", done, " the definition");
      break;
    case Part::kAsItWas:
      absl::StrAppend(&text, " ", was, " in the definition");
      break;
    default:
      absl::StrAppend(&text, ": the VM has no definition, it ends with this run");
  }
  text += "\n";
  switch (result.running) {
    case Part::kChanged:
      absl::StrAppend(&text, "  ", done,
                      " the running VM: ", attach ? "it takes effect now" : "the guest's device is gone now", "\n");
      break;
    case Part::kAsItWas:
      absl::StrAppend(&text, "  ", was, " in the running VM\n");
      break;
    case Part::kAtNextRun:
      absl::StrAppend(&text,
                      "  takes effect when the VM has been shut down and started again; a reboot within the guest ",
                      "is not enough\n  (", result.why_not_now, ")\n");
      break;
    case Part::kAbsent:
      text += "  the VM does not run: it takes effect when it starts\n";
  }
  std::fputs(text.c_str(), stdout);
}

int AttachOrDetach(int argc, char** argv, bool attach) {
  AttachRequest request;
  int isa_port = -1;
  VerbApp verb(attach ? "vrapl attach" : "vrapl detach",
               attach ? "Gives a VM the port over which `vrapl serve` tells it its energy."
                      : "Takes the port of `vrapl attach` away from a VM.",
               attach ? kAttachFooter : kDetachFooter);
  verb.app().add_option("VM", request.vm, "a VM, running or defined, by name or UUID")->required();
  verb.app().add_option("--connect", request.uri, "libvirt's URI (qemu:///system)")->type_name("URI");
  verb.app()
      .add_option("--serial", isa_port, "the ISA serial port N, /dev/ttySN in the guest, and not the channel")
      ->type_name("N")
      ->check(CLI::Range(1, 3).description(""));
  verb.app()
      .add_option("--socket", request.port.socket, "the host's end of --serial (one under /var/lib/libvirt/qemu)")
      ->type_name("PATH");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  if (isa_port >= 0) request.port.isa_port = isa_port;
  if (!request.port.socket.empty() && (isa_port < 0 || request.port.socket.front() != '/')) {
    return Fail(kExitUsage, "--socket: an absolute path, with --serial=N; libvirt names a channel's socket itself");
  }
  const absl::StatusOr<AttachResult> result = attach ? AttachPowerPort(request) : DetachPowerPort(request);
  if (!result.ok()) return Fail(result.status());
  Print(*result, request.port, attach);
  return kExitDone;
}

}  // namespace

int AttachVerb(int argc, char** argv) { return AttachOrDetach(argc, argv, true); }
int DetachVerb(int argc, char** argv) { return AttachOrDetach(argc, argv, false); }

}  // namespace vrapl
