#include "base/cpu_model.h"

#include "tests/fakes/host_builder.h"
#include "tests/fakes/hwmon_tree.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

// Two CPUs of a virtual machine, shortened.
constexpr char kVirtualMachine[] =
    "processor\t: 0\n"
    "vendor_id\t: AuthenticAMD\n"
    "cpu family\t: 26\n"
    "model\t\t: 2\n"
    "model name\t: AMD EPYC\n"
    "stepping\t: 1\n"
    "microcode\t: 0x1000065\n"
    "flags\t\t: fpu hypervisor lahf_lm\n"
    "bugs\t\t:\n"
    "\n"
    "processor\t: 1\n"
    "vendor_id\t: AuthenticAMD\n"
    "cpu family\t: 99\n";

TEST(CpuModelTest, ReadsTheFirstEntry) {
  const absl::StatusOr<CpuModel> cpu = ParseCpuModel(kVirtualMachine);
  ASSERT_THAT(cpu, IsOk());
  EXPECT_EQ(cpu->vendor, CpuVendor::kAmd);
  EXPECT_EQ(cpu->family, 26);
  EXPECT_EQ(cpu->model, 2);
  EXPECT_EQ(cpu->stepping, 1);
  EXPECT_EQ(cpu->microcode, "0x1000065");
  EXPECT_EQ(cpu->name, "AMD EPYC");
  EXPECT_TRUE(cpu->hypervisor);
  EXPECT_FALSE(cpu->rapl);
  EXPECT_EQ(DescribeCpu(*cpu), "AuthenticAMD family 26 model 0x2 stepping 1 (AMD EPYC)");
}

TEST(CpuModelTest, KnowsTheVendors) {
  for (const CpuVendor vendor : {CpuVendor::kIntel, CpuVendor::kAmd, CpuVendor::kHygon, CpuVendor::kOther}) {
    const HostBuilder host(vendor, 6, 0x55, "fpu rapl");
    const absl::StatusOr<CpuModel> cpu = ReadCpuModel(host.root());
    ASSERT_THAT(cpu, IsOk());
    EXPECT_EQ(cpu->vendor, vendor);
    EXPECT_EQ(cpu->model, 0x55);
    EXPECT_TRUE(cpu->rapl);
    EXPECT_FALSE(cpu->hypervisor);
  }
}

// ARM's kernels name no vendor, family and model. What stands for them must match no row of x86.
TEST(CpuModelTest, AnArmHostIsOfNoX86Vendor) {
  const absl::StatusOr<CpuModel> cpu = ParseCpuModel(kXGeneCpuinfo);
  ASSERT_THAT(cpu, IsOk());
  EXPECT_EQ(cpu->vendor, CpuVendor::kOther);
  EXPECT_EQ(cpu->family, 8);
  EXPECT_EQ(cpu->model, 0);
  EXPECT_EQ(cpu->stepping, 1);
  EXPECT_FALSE(cpu->hypervisor);
  EXPECT_EQ(DescribeCpu(*cpu), "ARM implementer 0x50 family 8 model 0x0 stepping 1");
  EXPECT_THAT(ParseCpuModel("processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0c\n")->model,
              0xd0c);
  EXPECT_THAT(ParseCpuModel("CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: d0c\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CpuModelTest, RefusesWhatIsNeitherX86NorArm) {
  EXPECT_THAT(ParseCpuModel("processor\t: 0\nBogoMIPS\t: 50.00\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("neither an x86 nor an ARM host")));
  EXPECT_THAT(ParseCpuModel("vendor_id\t: GenuineIntel\ncpu family\t: six\nmodel\t: 1\n"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadCpuModel(HostRoot("/nonexistent")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("cpuinfo")));
}

}  // namespace
}  // namespace vrapl
