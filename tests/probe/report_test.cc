#include "probe/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "probe/look.h"
#include "tests/fakes/fuse_msr.h"
#include "tests/probe/findings_examples.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

using Json = nlohmann::json;

// Everything that could tell who or where a host is.
constexpr const char* kSecrets[] = {"secret-host", "secret-vm", "6c1d4b8e", "52:54:00", "SERIAL123", "/home/somebody"};

TEST(ReportTest, TellsOfTheHardwareAndOfNobody) {
  VRAPL_NEEDS("fuse");
  HostBuilder host(CpuVendor::kIntel, 6, 0x55, "fpu msr arch_capabilities");
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .core = 1});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"}).AddZone({.id = "intel-rapl:0:0", .name = "dram"});
  host.Write("/sys/class/dmi/id/product_serial", "SERIAL123\n").Write("/sys/class/dmi/id/product_name", "Server\n");
  host.Write("/sys/class/net/eth0/address", "52:54:00:aa:bb:cc\n").Write("/etc/hostname", "secret-host\n");
  host.Write("/sys/class/hwmon/hwmon0/name", "coretemp\n").Write("/sys/class/hwmon/hwmon0/serial", "SERIAL123\n");
  host.Write("/sys/bus/event_source/devices/power/events/energy-pkg", "event=0x02\n");
  host.Write("/sys/bus/event_source/devices/power/cpumask", "0\n");
  FuseMsr msr(host, {0, 1});
  msr.Set(0, kMsrRaplPowerUnit, 0xA0E03);
  msr.Set(0, kMsrPkgEnergyStatus, 77);
  msr.registers().SetError(0, kMsrPp0EnergyStatus, EIO);

  SystemState system = BoundSystem();
  system.program = "/home/somebody/bin/vrapl";
  const LookOptions quick{.updates = {.poll = absl::Milliseconds(5), .patience = absl::Milliseconds(5)},
                          .on_step = nullptr};
  ProbeFindings found = Look(host.root(), system, quick);
  found.vms_by = "libvirt";
  found.vms_status = absl::UnavailableError("connect to libvirt at qemu+ssh://secret-host/system");
  found.vms = TwoVms();
  found.vms[0].name = "secret-vm";

  found.cpu_table = "/home/somebody/rows.csv row 06_55";
  CrossCheck check;
  check.remarks.push_back({.text = "cpu_table=/home/somebody/rows.csv row 06_55: msr reads by it"});

  const FileTree files = MakeReport(host.root(), found, check, system);
  for (const auto& [path, text] : files) {
    for (const char* secret : kSecrets) {
      EXPECT_THAT(path, Not(HasSubstr(secret)));
      EXPECT_THAT(text, Not(HasSubstr(secret))) << path;
    }
    EXPECT_THAT(text, Not(HasSubstr(host.root().prefix()))) << path;
  }
  EXPECT_THAT(files,
              AllOf(Contains(Key("proc/cpuinfo")), Contains(Key("sys/devices/system/cpu/online")),
                    Contains(Key("sys/devices/system/cpu/cpu1/topology/core_id")),
                    Contains(Key("sys/class/powercap/intel-rapl/intel-rapl:0/energy_uj")),
                    Contains(Key("sys/bus/event_source/devices/power/events/energy-pkg")),
                    Contains(Key("sys/class/hwmon/hwmon0/name")), Contains(Key("sys/class/dmi/id/product_name"))));
  const Json counters = Json::parse(files.at("counters.json"));
  ASSERT_EQ(counters["cpus"].size(), 1u) << "the package's reader";
  const Json& registers = counters["cpus"][0]["registers"];
  const auto find = [&registers](const char* address) {
    for (const Json& one : registers) {
      if (one["address"] == address) return one;
    }
    return Json();
  };
  EXPECT_EQ(find("0x611")["value"], "0x4d");
  EXPECT_TRUE(find("0x611")["error"].is_null());
  EXPECT_TRUE(find("0x639")["value"].is_null()) << "a failed read is never a zero";
  EXPECT_EQ(find("0x639")["error"], "UNIMPLEMENTED");
}

TEST(ReportTest, CpuinfoKeepsItsShapeAndOnlyNamedFields) {
  EXPECT_EQ(AnonymousCpuinfo("processor\t: 0\nSerial\t\t: 00000000abcdef\nmodel name\t: A CPU\n\nprocessor\t: 1\n"),
            "processor\t: 0\nmodel name\t: A CPU\n\nprocessor\t: 1\n\n");
}

TEST(ReportTest, IsNamedByItsCpu) {
  ProbeFindings found{.emulated = true, .cpu = CpuModel{.vendor = CpuVendor::kAmd, .family = 0x19, .model = 0x11}};
  EXPECT_EQ(ReportFileName(found), "vrapl-report-amd-19-11-emulated.tar.gz");
}

}  // namespace
}  // namespace vrapl
