#include "probe/archive.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/host_root.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() : directory_(testing::TempDir() + "vrapl-archive-test") {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
  ~ArchiveTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  const std::string directory_;
};

// Judged by the system's own tar.
TEST_F(ArchiveTest, TarUnpacksIt) {
  const std::string long_path = "sys/" + std::string(90, 'a') + "/" + std::string(60, 'b') + "/energy_uj";
  FileTree files = {{"README", "what it is\n"}, {"empty", ""}, {long_path, std::string(3000, 'x')}};
  const absl::StatusOr<std::string> packed = MakeTarGz(files);
  ASSERT_THAT(packed, IsOk());
  ASSERT_THAT(WriteWholeFile(Path("report.tar.gz"), *packed, false), IsOk());
  ASSERT_EQ(std::system(("tar -xzf " + Path("report.tar.gz") + " -C " + directory_).c_str()), 0);
  for (const auto& [path, text] : files) {
    std::ifstream file(Path(path));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text) << path;
  }
}

TEST_F(ArchiveTest, EqualTreesGiveEqualBytes) {
  EXPECT_EQ(*MakeTarGz({{"a", "1"}, {"b", "2"}}), *MakeTarGz({{"b", "2"}, {"a", "1"}}));
}

TEST_F(ArchiveTest, RefusesPathsThatTarCannotHold) {
  EXPECT_THAT(MakeTarGz({{std::string(300, 'p'), ""}}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MakeTarGz({{"/absolute", ""}}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ArchiveTest, NothingIsReplacedWithoutForceAndNothingIsLeftBehind) {
  ASSERT_THAT(WriteWholeFile(Path("file"), "old", false), IsOk());
  EXPECT_THAT(WriteWholeFile(Path("file"), "new", false),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  EXPECT_THAT(ReadSmallFile(Path("file")), IsOkAndHolds("old"));
  EXPECT_THAT(WriteWholeFile(Path("file"), "new", true), IsOk());
  EXPECT_THAT(ReadSmallFile(Path("file")), IsOkAndHolds("new"));
  EXPECT_THAT(WriteWholeFile(Path("no/such/directory"), "x", false), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ListDirectory(directory_), IsOkAndHolds(ElementsAre("file")));
}

}  // namespace
}  // namespace vrapl
