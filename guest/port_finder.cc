#include "guest/port_finder.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "guest/posix_text.h"

namespace vrapl {
namespace {

std::vector<std::string> EntriesOf(const std::string& directory) {
  std::vector<std::string> names;
  DIR* const dir = ::opendir(directory.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

// Whether the kernel writes its messages there: the first word of a line of /proc/consoles.
bool IsConsole(const std::string& consoles, const std::string& name) {
  for (size_t at = consoles.find(name); at != std::string::npos; at = consoles.find(name, at + 1)) {
    const bool begins = at == 0 || consoles[at - 1] == '\n';
    if (begins && (at + name.size() == consoles.size() || consoles[at + name.size()] == ' ')) return true;
  }
  return false;
}

}  // namespace

FoundPort FindPort(const std::string& root) {
  const std::string link = std::string("/dev/virtio-ports/") + kVirtioPortName;
  if (::access((root + link).c_str(), F_OK) == 0) return {root + link, "the virtio channel"};
  const std::string ports = root + "/sys/class/virtio-ports/";
  for (const std::string& port : EntriesOf(ports)) {
    if (FirstLineOf(ports + port + "/name") == kVirtioPortName) return {root + "/dev/" + port, "the virtio channel"};
  }

  const std::string ttys = root + "/sys/class/tty/";
  const std::string consoles = ReadSmallFile(root + "/proc/consoles");
  std::string best;
  int best_number = 0;
  std::string passed_over;
  for (const std::string& name : EntriesOf(ttys)) {
    if (!name.starts_with("ttyS") || FirstLineOf(ttys + name + "/type") == "0") continue;
    const int number = std::atoi(name.c_str() + 4);
    const bool console = IsConsole(consoles, name);
    if (number == 0 || console) {
      passed_over +=
          " /dev/" + name + (console ? " is a console." : " may be a login; name it by --port if it is not.");
    } else if (best.empty() || number < best_number) {
      best = root + "/dev/" + name;
      best_number = number;
    }
  }
  if (!best.empty()) return {best, "the first serial port that is no console"};
  return {"", std::string("this VM has no port for lines: no virtio channel ") + kVirtioPortName +
                  " and no serial port to take." + passed_over +
                  " The VM's definition on the host needs <channel type='unix'><target type='virtio' name='" +
                  kVirtioPortName + "'/></channel>, or a <serial type='unix'> with <target port='1'/>"};
}

}  // namespace vrapl
