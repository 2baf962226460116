#include "sampler/guest_policies.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GuestPoliciesTest : public testing::Test {
 protected:
  GuestPoliciesTest() {
    std::string name = testing::TempDir() + "policies-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~GuestPoliciesTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }
  GuestPolicies::Choice Of(const Vm& vm, bool may_be_shorter = false) {
    return GuestPolicies({.otherwise = otherwise_, .directory = directory_, .may_be_shorter = may_be_shorter}).Of(vm);
  }

  std::string directory_;
  GuestPolicy otherwise_{.quantum_uj = 200'000};
  Vm web_{.uuid = "11112222-3333-4444-5555-666677778888", .name = "web", .guest_policy = {{"period", "4s"}}};
};

TEST_F(GuestPoliciesTest, TheFileByUuidThenTheFileByNameThenTheMetadataThenTheOneForAll) {
  Write("11112222-3333-4444-5555-666677778888.conf", "period=8s\n");
  Write("web.conf", "period=6s\n");
  EXPECT_EQ(Of(web_).policy.period_ns, 8'000'000'000);
  EXPECT_THAT(Of(web_).from, HasSubstr("666677778888.conf"));
  std::filesystem::remove(directory_ + "/11112222-3333-4444-5555-666677778888.conf");
  EXPECT_EQ(Of(web_).policy.period_ns, 6'000'000'000);
  std::filesystem::remove(directory_ + "/web.conf");
  EXPECT_EQ(Of(web_).policy.period_ns, 4'000'000'000);
  EXPECT_EQ(Of(web_).policy.quantum_uj, 200'000) << "what it does not say is as for all";
  EXPECT_EQ(Of(web_).from, "its libvirt metadata");
  web_.guest_policy.clear();
  EXPECT_EQ(Of(web_).policy, otherwise_);
  EXPECT_EQ(Of(web_).Describe("web"), "");
}

TEST_F(GuestPoliciesTest, WhatIsNotUnderstoodTellsNothingAndSaysWhy) {
  Write("web.conf", "period=1s\n");
  const GuestPolicies::Choice choice = Of(web_);
  EXPECT_FALSE(choice.policy.deliver);
  EXPECT_THAT(choice.problem, AllOf(HasSubstr("VM web"), HasSubstr("web.conf"), HasSubstr("period=1s: 2s or longer")));
  EXPECT_EQ(choice.Describe("web"), choice.problem);
  EXPECT_TRUE(Of(web_, /*may_be_shorter=*/true).policy.deliver);

  Write("web.conf", "perriod=3s\n");
  EXPECT_FALSE(Of(web_).policy.deliver);
  Write("web.conf", std::string(70'000, '#'));
  EXPECT_FALSE(Of(web_).policy.deliver);
  // It is there and cannot be read: a directory.
  std::filesystem::remove(directory_ + "/web.conf");
  std::filesystem::create_directory(directory_ + "/web.conf");
  EXPECT_FALSE(Of(web_).policy.deliver);
}

// Where it leads may not be mounted yet.
TEST_F(GuestPoliciesTest, ALinkThatLeadsNowhereIsNotNoFile) {
  std::filesystem::create_symlink(directory_ + "/elsewhere", directory_ + "/web.conf");
  EXPECT_FALSE(Of(web_).policy.deliver);
  std::ofstream(directory_ + "/elsewhere") << "period=6s\n";
  EXPECT_EQ(Of(web_).policy.period_ns, 6'000'000'000);
}

TEST_F(GuestPoliciesTest, ANameIsNoPath) {
  Write("evil.conf", "deliver=off\n");
  std::filesystem::create_directory(directory_ + "/sub");
  for (const char* name : {"sub/../evil", "../evil", "", "..", "."}) {
    EXPECT_TRUE(Of({.name = name}).policy.deliver) << name;
  }
  EXPECT_FALSE(Of({.name = "evil"}).policy.deliver);
}

}  // namespace
}  // namespace vrapl
