// Attaching against libvirt's own fake, which keeps definitions and knows no devices of running VMs.
#include "vm/attach.h"

#include "tests/status_matchers.h"
#include "tests/vm/libvirt_sanitizers.h"
#include "vm/inventory.h"

namespace vrapl {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using Part = AttachResult::Part;

const AttachRequest kTest{.uri = "test:///default", .vm = "test"};

class AttachTest : public testing::Test {
 protected:
  // The fake is the same for all connections of the process, and forgets when the last one closes.
  absl::StatusOr<std::unique_ptr<Inventory>> kept_ = Inventory::Open(kTest.uri);
};

TEST_F(AttachTest, TheDefinitionIsChangedOnce) {
  absl::StatusOr<AttachResult> result = AttachPowerPort(kTest);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->vm_name, "test");
  EXPECT_EQ(result->definition, Part::kChanged);
  EXPECT_EQ(result->running, Part::kAtNextRun);
  EXPECT_THAT(result->why_not_now, HasSubstr("virtio-serial controller"));

  result = AttachPowerPort(kTest);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kAsItWas);

  result = DetachPowerPort(kTest);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kChanged);
  EXPECT_EQ(result->running, Part::kAsItWas);
  EXPECT_EQ(DetachPowerPort(kTest)->definition, Part::kAsItWas);
}

TEST_F(AttachTest, AVmIsFoundByItsUuidToo) {
  AttachRequest request = kTest;
  request.vm = "6695eb01-f6a4-8304-79aa-97f2502e193f";
  request.port.isa_port = 1;
  absl::StatusOr<AttachResult> result = AttachPowerPort(request);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->definition, Part::kChanged);
  EXPECT_EQ(result->running, Part::kAtNextRun);
  EXPECT_EQ(AttachPowerPort(request)->definition, Part::kAsItWas);
  request.port.socket = "/run/another.sock";
  EXPECT_THAT(AttachPowerPort(request), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("VM test")));
  request.port.socket = "";
  EXPECT_EQ(DetachPowerPort(request)->definition, Part::kChanged);
}

TEST_F(AttachTest, ErrorsSayWhatToDo) {
  AttachRequest request = kTest;
  request.vm = "nobody";
  EXPECT_THAT(AttachPowerPort(request), StatusIs(absl::StatusCode::kNotFound, HasSubstr("virsh list --all")));
  request.uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
  EXPECT_THAT(DetachPowerPort(request).status().message(), AnyOf(HasSubstr("--connect=URI"), HasSubstr("as root")));
}

}  // namespace
}  // namespace vrapl
