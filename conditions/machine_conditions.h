// What a machine's power depends on besides the work, once a second: temperatures, frequencies, idle states.
//
// Threads: one at a time; not the millisecond thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/host_root.h"
#include "base/posix.h"

namespace vrapl {

class MachineConditions {
 public:
  // Opens what there is below `hardware`; files stay open.
  // Source: Linux Documentation/hwmon/sysfs-interface.rst (temp*_input in 0.001 degrees Celsius),
  // admin-guide/pm/cpufreq.rst (scaling_cur_freq, kHz) and admin-guide/pm/cpuidle.rst (state*/time, us).
  explicit MachineConditions(const HostRoot& hardware);

  // The machine tells any of them.
  bool any() const { return !files_.empty(); }

  // An object of JSON text: temperature_c by sensor, frequency_khz by CPU, idle_ns by CPU and state, cumulative.
  // What cannot be read now is left out.
  std::string Read();

 private:
  enum class Kind { kTemperature, kFrequency, kIdle };
  struct File {
    Kind kind;
    std::string name;   // of the sensor, or the CPU's number
    std::string state;  // of kIdle
    UniqueFd fd;
  };
  void Open(Kind kind, std::string name, std::string state, const std::string& path);

  std::vector<File> files_;
};

}  // namespace vrapl
