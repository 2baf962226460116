// scripts/backports-sources on apt sources that are made up, in both of apt's formats.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/program.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

class BackportsSourcesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-sources-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    std::filesystem::create_directories(dir_ + "/parts");
    Write("/apt.conf", absl::StrCat("Dir::Etc::sourcelist \"", dir_, "/sources.list\";\nDir::Etc::sourceparts \"", dir_,
                                    "/parts/\";\n"));
    ::setenv("APT_CONFIG", (dir_ + "/apt.conf").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("APT_CONFIG");
    std::filesystem::remove_all(dir_);
  }
  void Write(const std::string& path, const std::string& text) const { std::ofstream(dir_ + path) << text; }
  static Ended Run() { return Program({VRAPL_SCRIPTS "/backports-sources", "bookworm"}).Wait(); }

  std::string dir_;
};

TEST_F(BackportsSourcesTest, OneLineSourcesKeepMirrorAndKey) {
  Write("/sources.list",
        "# deb http://comment.example/debian bookworm main\n"
        "deb [arch=amd64,i386 signed-by=/keys/a.gpg] http://a.example/debian bookworm main contrib # ours\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb http://a.example/security bookworm-security main\n"
        "deb http://tools.example/debian bookworm stable\n");
  Write("/parts/b.list", "deb http://b.example/debian bookworm main\n");
  const Ended ended = Run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out,
            "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm-backports\nComponents: main\n"
            "Architectures: amd64 i386\nSigned-By: /keys/a.gpg\n\n"
            "Types: deb\nURIs: http://b.example/debian\nSuites: bookworm-backports\nComponents: main\n");
}

TEST_F(BackportsSourcesTest, StanzasKeepWhatIsNotAboutTheSuite) {
  Write("/parts/debian.sources",
        "Types: deb deb-src\n# a comment\nURIs: http://a.example/debian\n  http://b.example/debian\n"
        "Suites: bookworm\n bookworm-updates\nComponents: main non-free\nSigned-By:\n -----BEGIN\n .\n -----END\n\n\n"
        "Types: deb\nURIs: http://security.example/debian\nSuites: bookworm-security\nComponents: main\n\n"
        "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n\n"
        "Types: deb\nURIs: http://tools.example/debian\nSuites: bookworm\nComponents: stable\n");
  const Ended ended = Run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out,
            "Types: deb\nSuites: bookworm-backports\nComponents: main\n"
            "URIs: http://a.example/debian\n  http://b.example/debian\nSigned-By:\n -----BEGIN\n .\n -----END\n");
}

TEST_F(BackportsSourcesTest, WithoutASourceOfTheReleaseItSaysWhatToDo) {
  Write("/sources.list", "deb http://a.example/debian trixie main\n");
  const Ended ended = Run();
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("apt has no source of Debian 'bookworm'"));
  EXPECT_THAT(ended.err, HasSubstr("/sources.list\n"));
}

}  // namespace
}  // namespace vrapl
