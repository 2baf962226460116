// Where the lines come from in this guest. Threads: any.
#pragma once

#include <string>

namespace vrapl {

inline constexpr char kVirtioPortName[] = "org.vrapl.power.0";

struct FoundPort {
  std::string path;  // "": none
  std::string why;   // how it was found; or why there is none, and what to do
};

// The virtio channel of that name, by the link that udev makes or by sysfs; else the first serial port but ttyS0 which
// has hardware behind it and is no console. `root` stands before every path: "" but in tests.
//
// Sources: drivers/char/virtio_console.c, show_port_name(); drivers/tty/serial/serial_core.c, the attribute "type" (0
// is PORT_UNKNOWN: no hardware); fs/proc/consoles.c.
FoundPort FindPort(const std::string& root = "");

}  // namespace vrapl
