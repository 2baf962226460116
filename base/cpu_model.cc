#include "base/cpu_model.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vrapl {
namespace {

CpuVendor VendorOf(absl::string_view vendor_id) {
  if (vendor_id == "GenuineIntel") return CpuVendor::kIntel;
  if (vendor_id == "AuthenticAMD") return CpuVendor::kAmd;
  if (vendor_id == "HygonGenuine") return CpuVendor::kHygon;
  return CpuVendor::kOther;
}

std::optional<int> Number(absl::string_view text) {
  int value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 0) return std::nullopt;
  return value;
}

// "0x55".
std::optional<int> HexNumber(absl::string_view text) {
  int value = 0;
  if (!absl::ConsumePrefix(&text, "0x") || !absl::SimpleHexAtoi(text, &value)) return std::nullopt;
  return value;
}

}  // namespace

absl::StatusOr<CpuModel> ParseCpuModel(absl::string_view cpuinfo) {
  CpuModel cpu;
  std::optional<int> family;
  std::optional<int> model;
  for (absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    if (absl::StripAsciiWhitespace(line).empty()) {
      if (!cpu.vendor_id.empty()) break;  // the first CPU's entry ends here
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(parts.first);
    const absl::string_view value = absl::StripAsciiWhitespace(parts.second);
    if (key == "vendor_id") {
      cpu.vendor_id = std::string(value);
    } else if (key == "cpu family") {
      family = Number(value);
    } else if (key == "model") {
      model = Number(value);
    } else if (key == "model name") {
      cpu.name = std::string(value);
    } else if (key == "stepping") {
      cpu.stepping = Number(value).value_or(0);
    } else if (key == "CPU implementer") {
      cpu.vendor_id = absl::StrCat("ARM implementer ", value);
    } else if (key == "CPU architecture") {
      family = Number(value);
    } else if (key == "CPU part") {
      model = HexNumber(value);
    } else if (key == "CPU revision") {
      cpu.stepping = Number(value).value_or(0);
    } else if (key == "microcode") {
      cpu.microcode = std::string(value);
    } else if (key == "flags") {
      for (absl::string_view flag : absl::StrSplit(value, ' ')) {
        cpu.hypervisor |= flag == "hypervisor";
        cpu.rapl |= flag == "rapl";
        cpu.sgx |= flag == "sgx";
        cpu.arch_capabilities |= flag == "arch_capabilities";
      }
    }
  }
  if (cpu.vendor_id.empty() || !family || !model) {
    return absl::InvalidArgumentError(
        "no vendor_id, cpu family and model in /proc/cpuinfo (neither an x86 nor an ARM host?)");
  }
  cpu.vendor = VendorOf(cpu.vendor_id);
  cpu.family = *family;
  cpu.model = *model;
  return cpu;
}

absl::StatusOr<CpuModel> ReadCpuModel(const HostRoot& host_root) {
  absl::StatusOr<std::string> text = ReadSmallFile(host_root.Path("/proc/cpuinfo"));
  if (!text.ok()) return text.status();
  return ParseCpuModel(*text);
}

std::string DescribeCpu(const CpuModel& cpu) {
  std::string text = absl::StrCat(cpu.vendor_id, " family ", cpu.family, " model 0x", absl::Hex(cpu.model),
                                  " stepping ", cpu.stepping);
  if (!cpu.name.empty()) absl::StrAppend(&text, " (", cpu.name, ")");
  return text;
}

}  // namespace vrapl
