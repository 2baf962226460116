#include "schedstat/kernel_config.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "tests/vm/fake_proc.h"

namespace vrapl {
namespace {

constexpr char kText[] =
    "CONFIG_HZ=250\nCONFIG_IRQ_TIME_ACCOUNTING=y\n# CONFIG_SCHED_INFO is not set\nCONFIG_LONGER_NAME=y\n"
    "CONFIG_A_MODULE=m\n";

TEST(KernelConfigTest, BuiltInOrNot) {
  const TempDir dir;
  const std::string path = dir.path() + "/config";
  WriteFile(path, kText);
  EXPECT_EQ(KernelHas("CONFIG_IRQ_TIME_ACCOUNTING", {path}), true);
  EXPECT_EQ(KernelHas("CONFIG_SCHED_INFO", {path}), false);
  EXPECT_EQ(KernelHas("CONFIG_LONGER", {path}), false) << "the whole name";
  EXPECT_EQ(KernelHas("CONFIG_A_MODULE", {path}), false);
}

TEST(KernelConfigTest, TheFirstThatCanBeReadCompressedOrNot) {
  const TempDir dir;
  const std::string path = dir.path() + "/config.gz";
  gzFile file = ::gzopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  ASSERT_GT(::gzputs(file, kText), 0);
  ::gzclose(file);
  EXPECT_EQ(KernelHas("CONFIG_IRQ_TIME_ACCOUNTING", {dir.path() + "/none", path}), true);
  EXPECT_EQ(KernelHas("CONFIG_SCHED_INFO", {dir.path() + "/none", path}), false);
  EXPECT_EQ(KernelHas("CONFIG_IRQ_TIME_ACCOUNTING", {dir.path() + "/none"}), std::nullopt) << "nobody knows";
}

}  // namespace
}  // namespace vrapl
