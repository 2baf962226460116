#include "vm/power_port_xml.h"

#include <cstring>
#include <pugixml.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

// `document` must outlive what is returned.
absl::StatusOr<pugi::xml_node> Devices(absl::string_view xml, pugi::xml_document& document) {
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_full | pugi::parse_ws_pcdata);
  if (!parsed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the VM's XML cannot be parsed: ", parsed.description(), " at byte ", parsed.offset));
  }
  pugi::xml_node domain = document.child("domain");
  if (!domain) return absl::InvalidArgumentError("the VM's XML has no <domain>");
  if (!domain.child("devices")) domain.append_child("devices");
  return domain.child("devices");
}

bool IsOurs(const pugi::xml_node& device, const PowerPort& port) {
  const pugi::xml_node target = device.child("target");
  const absl::string_view type = target.attribute("type").as_string();
  if (!port.isa_port.has_value()) {
    return std::strcmp(device.name(), "channel") == 0 && type == "virtio" &&
           target.attribute("name").as_string() == port.channel;
  }
  return std::strcmp(device.name(), "serial") == 0 && (type.empty() || type == "isa-serial") &&
         target.attribute("port").as_int(0) == *port.isa_port;
}

pugi::xml_node Find(const pugi::xml_node& devices, const PowerPort& port) {
  return devices.find_child([&](const pugi::xml_node& device) { return IsOurs(device, port); });
}

std::string Text(const pugi::xml_node& node) {
  std::ostringstream text;
  node.print(text, "", pugi::format_raw);
  return text.str();
}

std::string WholeText(const pugi::xml_document& document) {
  std::ostringstream text;
  document.save(text, "", pugi::format_raw | pugi::format_no_declaration);
  return text.str();
}

}  // namespace

std::string PowerPortXml(const PowerPort& port) {
  pugi::xml_document document;
  pugi::xml_node device = document.append_child(port.isa_port ? "serial" : "channel");
  device.append_attribute("type") = "unix";
  if (port.isa_port.has_value()) {
    pugi::xml_node source = device.append_child("source");
    source.append_attribute("mode") = "bind";
    source.append_attribute("path") = port.socket.c_str();
    device.append_child("target").append_attribute("port") = *port.isa_port;
  } else {
    // Without a <source>: libvirt names the socket of a channel itself, anew at each start.
    pugi::xml_node target = device.append_child("target");
    target.append_attribute("type") = "virtio";
    target.append_attribute("name") = port.channel.c_str();
  }
  return Text(device);
}

absl::StatusOr<std::string> PowerPortIn(absl::string_view xml, const PowerPort& port) {
  pugi::xml_document document;
  const absl::StatusOr<pugi::xml_node> devices = Devices(xml, document);
  if (!devices.ok()) return devices.status();
  const pugi::xml_node found = Find(*devices, port);
  return found ? Text(found) : "";
}

absl::StatusOr<bool> HasPowerPort(absl::string_view xml, const PowerPort& port) {
  const absl::StatusOr<std::string> found = PowerPortIn(xml, port);
  if (!found.ok()) return found.status();
  return !found->empty();
}

absl::StatusOr<std::string> WithPowerPort(absl::string_view xml, const PowerPort& port) {
  pugi::xml_document document;
  absl::StatusOr<pugi::xml_node> devices = Devices(xml, document);
  if (!devices.ok()) return devices.status();
  if (const pugi::xml_node found = Find(*devices, port)) {
    const bool other = port.isa_port && found.child("source").attribute("path").as_string() != port.socket;
    if (!other) return absl::AlreadyExistsError("it is there already");
    return absl::FailedPreconditionError(
        absl::StrCat("serial port ", *port.isa_port, " is there already, for something else; take another number"));
  }
  const std::string device = PowerPortXml(port);
  devices->append_buffer(device.data(), device.size());
  return WholeText(document);
}

absl::StatusOr<std::string> WithoutPowerPort(absl::string_view xml, const PowerPort& port) {
  pugi::xml_document document;
  absl::StatusOr<pugi::xml_node> devices = Devices(xml, document);
  if (!devices.ok()) return devices.status();
  const pugi::xml_node found = Find(*devices, port);
  if (!found) return absl::NotFoundError("it is not there");
  if (port.isa_port && found.child("source").attribute("path").as_string() != port.socket) {
    return absl::FailedPreconditionError(
        absl::StrCat("serial port ", *port.isa_port,
                     " was not put there by vrapl attach; it stays (virsh edit takes it "
                     "out)"));
  }
  devices->remove_child(found);
  // libvirt shows the first serial port once more, as <console>; left in, it would make the port again.
  if (port.isa_port) {
    const pugi::xml_node console = devices->find_child([&](const pugi::xml_node& device) {
      return std::strcmp(device.name(), "console") == 0 &&
             device.child("source").attribute("path").as_string() == port.socket;
    });
    if (console) devices->remove_child(console);
  }
  return WholeText(document);
}

bool HasVirtioSerialController(absl::string_view xml) {
  pugi::xml_document document;
  const absl::StatusOr<pugi::xml_node> devices = Devices(xml, document);
  return devices.ok() && devices->find_child_by_attribute("controller", "type", "virtio-serial");
}

}  // namespace vrapl
