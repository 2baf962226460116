#include "vm/domain_xml.h"

#include <algorithm>
#include <cstring>
#include <pugixml.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

struct Source {
  GuestPort::Transport transport = GuestPort::Transport::kOther;
  std::string path;
};

Source SourceOf(const pugi::xml_node& device) {
  const absl::string_view type = device.attribute("type").as_string();
  const pugi::xml_node source = device.child("source");
  const std::string path = source.attribute("path").as_string();
  if (type == "pty" && !path.empty()) return {GuestPort::Transport::kPty, path};
  // mode='connect': QEMU is the client, and somebody else listens.
  if (type == "unix" && !path.empty() && absl::string_view(source.attribute("mode").as_string("bind")) == "bind") {
    return {GuestPort::Transport::kUnix, path};
  }
  if (type == "tcp" || type == "udp") {
    const std::string address =
        absl::StrCat(source.attribute("host").as_string(), ":", source.attribute("service").as_string());
    const bool listens = absl::string_view(source.attribute("mode").as_string()) == "bind";
    return {type == "tcp" && listens ? GuestPort::Transport::kTcp : GuestPort::Transport::kOther, address};
  }
  return {GuestPort::Transport::kOther, path};
}

// ISA is what a <serial> of an x86 machine is unless it says otherwise.
bool IsIsaSerial(const pugi::xml_node& target) {
  const absl::string_view type = target.attribute("type").as_string();
  return type.empty() || type == "isa-serial";
}

GuestPort IsaPort(const pugi::xml_node& device) {
  Source source = SourceOf(device);
  GuestPort port;
  port.kind = GuestPort::Kind::kIsaSerial;
  port.transport = source.transport;
  port.path = std::move(source.path);
  port.isa_port = device.child("target").attribute("port").as_int(0);
  port.alias = device.child("alias").attribute("name").as_string();
  return port;
}

// Where the host starts the guest's kernel itself, its words are known: "console=ttyS1,115200".
bool IsKernelConsole(const pugi::xml_node& domain, int isa_port) {
  const std::string console = absl::StrCat("console=ttyS", isa_port);
  for (absl::string_view word :
       absl::StrSplit(absl::string_view(domain.child("os").child("cmdline").child_value()), ' ')) {
    if (absl::ConsumePrefix(&word, console) && (word.empty() || word.front() == ',')) return true;
  }
  return false;
}

GuestPort VirtioPort(const pugi::xml_node& device) {
  Source source = SourceOf(device);
  const pugi::xml_node target = device.child("target");
  GuestPort port;
  port.kind = GuestPort::Kind::kVirtioChannel;
  port.transport = source.transport;
  port.path = std::move(source.path);
  port.name = target.attribute("name").as_string();
  port.alias = device.child("alias").attribute("name").as_string();
  const absl::string_view state = target.attribute("state").as_string();
  if (state == "connected") port.guest_open = true;
  if (state == "disconnected") port.guest_open = false;
  return port;
}

absl::string_view LocalName(const pugi::xml_node& element) {
  const absl::string_view name = element.name();
  const size_t colon = name.find(':');
  return colon == absl::string_view::npos ? name : name.substr(colon + 1);
}

// Of the prefix of its name, declared on the element or on one around it.
absl::string_view NamespaceOf(const pugi::xml_node& element) {
  const absl::string_view name = element.name();
  const size_t colon = name.find(':');
  const std::string declared =
      colon == absl::string_view::npos ? "xmlns" : absl::StrCat("xmlns:", name.substr(0, colon));
  for (pugi::xml_node node = element; node; node = node.parent()) {
    if (const pugi::xml_attribute attribute = node.attribute(declared.c_str())) return attribute.value();
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<GuestPort>> ParseGuestPorts(absl::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the VM's XML cannot be parsed: ", parsed.description(), " at byte ", parsed.offset));
  }
  const pugi::xml_node domain = document.child("domain");
  if (!domain) return absl::InvalidArgumentError("the VM's XML has no <domain>");

  std::vector<GuestPort> ports;
  const pugi::xml_node devices = domain.child("devices");
  for (const pugi::xml_node& device : devices.children()) {
    const pugi::xml_node target = device.child("target");
    if (std::strcmp(device.name(), "serial") == 0 && IsIsaSerial(target)) {
      ports.push_back(IsaPort(device));
    } else if (std::strcmp(device.name(), "channel") == 0 &&
               absl::string_view(target.attribute("type").as_string()) == "virtio") {
      ports.push_back(VirtioPort(device));
    }
  }
  // A <console> of type serial is the first <serial> once more, unless there is
  // no <serial> at all.
  const bool has_serial = static_cast<bool>(devices.child("serial"));
  for (const pugi::xml_node& device : devices.children("console")) {
    const absl::string_view type = device.child("target").attribute("type").as_string("serial");
    if (!has_serial && type == "serial") ports.push_back(IsaPort(device));
  }
  for (GuestPort& port : ports) {
    port.login = port.kind == GuestPort::Kind::kIsaSerial && IsKernelConsole(domain, port.isa_port);
  }
  return ports;
}

std::string ResourcesOfVm(absl::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return "";
  std::ostringstream text;
  for (const pugi::xml_node& node : document.child("domain").children()) {
    for (const char* wanted : {"memory", "currentMemory", "memoryBacking", "vcpu", "vcpus", "iothreads", "cputune",
                               "numatune", "cpu", "os"}) {
      // Of the last one only the architecture and machine: its kernel's command line is nobody's business.
      if (std::strcmp(node.name(), wanted) != 0) continue;
      const bool is_os = std::strcmp(wanted, "os") == 0;
      (is_os ? node.child("type") : node).print(text, "", pugi::format_raw);
    }
  }
  return text.str();
}

std::vector<std::pair<std::string, std::string>> GuestPolicyOfVm(absl::string_view xml) {
  pugi::xml_document document;
  std::vector<std::pair<std::string, std::string>> settings;
  if (!document.load_buffer(xml.data(), xml.size())) return settings;
  for (const pugi::xml_node& element : document.child("domain").child("metadata").children()) {
    if (NamespaceOf(element) != kPowerNamespace) continue;
    if (LocalName(element) != "power") settings.emplace_back(element.name(), "");
    for (const pugi::xml_node& child : element.children()) {
      if (child.type() == pugi::node_element) settings.emplace_back(child.name(), "");
    }
    for (const pugi::xml_attribute& attribute : element.attributes()) {
      const absl::string_view name = attribute.name();
      if (name == "xmlns" || absl::StartsWith(name, "xmlns:")) continue;
      const auto place = name == "preset" ? settings.begin() : settings.end();
      settings.emplace(place, std::string(name), attribute.value());
    }
  }
  return settings;
}

}  // namespace vrapl
