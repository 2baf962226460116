#include "base/host_root.h"

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(HostRootTest, EmptyRootIsTheRealHost) {
  EXPECT_EQ(HostRoot().Path("/dev/cpu/0/msr"), "/dev/cpu/0/msr");
  EXPECT_FALSE(HostRoot().emulated());
}

TEST(HostRootTest, TrailingSlashesDoNotMatter) {
  EXPECT_EQ(HostRoot("/tmp/host//").Path("/dev/cpu/0/msr"), "/tmp/host/dev/cpu/0/msr");
  EXPECT_TRUE(HostRoot("/tmp/host").emulated());
}

TEST(CpuListTest, ParsesWhatTheKernelPrints) {
  EXPECT_THAT(ParseCpuList("0-3,8,10-11"), IsOkAndHolds(ElementsAre(0, 1, 2, 3, 8, 10, 11)));
  EXPECT_THAT(ParseCpuList("0\n"), IsOkAndHolds(ElementsAre(0)));
  EXPECT_THAT(ParseCpuList(""), IsOkAndHolds(IsEmpty()));
}

TEST(CpuListTest, IsPrintedAsTheKernelDoes) {
  for (const char* text : {"", "0", "0-3,8,10-11", "5,7,9"}) {
    const absl::StatusOr<std::vector<int>> cpus = ParseCpuList(text);
    ASSERT_THAT(cpus, IsOk());
    EXPECT_EQ(FormatCpuList(*cpus), text);
  }
}

TEST(CpuListTest, RefusesWhatIsNoList) {
  for (const char* text : {"x", "3-1", "1-", "-1", "1,,2", "0-99999999"}) {
    EXPECT_THAT(ParseCpuList(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("list of CPUs"))) << text;
  }
}

TEST(ReadSmallFileTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(ReadSmallFile("/nonexistent/file"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/file")));
}

}  // namespace
}  // namespace vrapl
