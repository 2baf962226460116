#include "base/posix.h"

#include <gmock/gmock.h>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

TEST(SyncDirectoryOfTest, IsOfTheDirectoryThatTheFileIsIn) {
  EXPECT_THAT(SyncDirectoryOf(testing::TempDir() + "/any"), IsOk());
  EXPECT_THAT(SyncDirectoryOf("any"), IsOk());
  EXPECT_THAT(SyncDirectoryOf("/any"), IsOk());
  EXPECT_THAT(SyncDirectoryOf("/proc/self/any"), IsOk()) << "where a file system cannot, that is no error";
  EXPECT_THAT(SyncDirectoryOf("/does/not/exist"),
              StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("/does/not/")));
}

}  // namespace
}  // namespace vrapl
