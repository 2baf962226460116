#include "vm/find_vm.h"

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::vector<Vm> kVms = {
    {.uuid = "11111111-2222-3333-4444-555555555555", .name = "web", .pid = 10},
    {.uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", .name = "db", .pid = 20},
};

TEST(FindVmTest, ByNameAndByUuidInAnyCase) {
  EXPECT_EQ(FindVm(kVms, "db")->pid, 20);
  EXPECT_EQ(FindVm(kVms, "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee")->pid, 20);
}

TEST(FindVmTest, SaysWhatRunsAndWhatWasMeant) {
  EXPECT_THAT(FindVm(kVms, "wbe"),
              StatusIs(absl::StatusCode::kNotFound,
                       testing::StrEq("no running VM named 'wbe'; running: web, db. Did you mean 'web'?")));
  EXPECT_THAT(FindVm(kVms, "Web"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("Did you mean 'web'?")));
  EXPECT_THAT(FindVm(kVms, "mailserver"),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("web, db"), Not(HasSubstr("Did you mean")))));
  // Two slips in a name of two letters is no likeness at all.
  EXPECT_THAT(FindVm(kVms, "xy"), StatusIs(absl::StatusCode::kNotFound, Not(HasSubstr("Did you mean"))));
}

TEST(FindVmTest, TellsDefinedFromUnknown) {
  EXPECT_THAT(FindVm(kVms, "mail", {"mail", "test"}),
              StatusIs(absl::StatusCode::kNotFound,
                       testing::StrEq("VM 'mail' is defined but not running; start it: virsh start mail")));
  EXPECT_THAT(FindVm({}, "web"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no VM is running")));
}

TEST(FindVmTest, ANameThatTwoVmsHaveIsNotEnough) {
  std::vector<Vm> vms = kVms;
  vms.push_back({.uuid = "", .name = "web", .pid = 30});
  EXPECT_THAT(FindVm(vms, "web"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("process 10"), HasSubstr("process 30"))));
  EXPECT_EQ(FindVm(vms, kVms[0].uuid)->pid, 10);
  EXPECT_THAT(FindVm(vms, ""), StatusIs(absl::StatusCode::kNotFound));  // the VM without a uuid is not meant
}

}  // namespace
}  // namespace vrapl
