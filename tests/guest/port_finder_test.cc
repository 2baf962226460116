#include "guest/port_finder.h"

#include <fstream>

#include "tests/guest/host_end.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

class PortFinderTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& content) const {
    const std::filesystem::path file = dir_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  // type 4 is a 16550A.
  void PutUart(const std::string& name, const std::string& type) const {
    Put("/sys/class/tty/" + name + "/type", type + "\n");
    Put("/dev/" + name, "");
  }
  std::string Found() const {
    const FoundPort found = FindPort(dir_.path());
    EXPECT_FALSE(found.why.empty());
    return found.path.empty() ? "" : found.path.substr(dir_.path().size());
  }

  TempDir dir_;
};

TEST_F(PortFinderTest, TheVirtioChannelByUdevsLink) {
  PutUart("ttyS1", "4");
  Put("/dev/virtio-ports/org.vrapl.power.0", "");
  EXPECT_EQ(Found(), "/dev/virtio-ports/org.vrapl.power.0");
}

TEST_F(PortFinderTest, TheVirtioChannelWithoutUdev) {
  Put("/sys/class/virtio-ports/vport0p1/name", "org.qemu.guest_agent.0\n");
  Put("/sys/class/virtio-ports/vport0p2/name", "org.vrapl.power.0\n");
  PutUart("ttyS1", "4");
  EXPECT_EQ(Found(), "/dev/vport0p2");
}

// The kernel has device nodes for ports that no hardware is behind.
TEST_F(PortFinderTest, TheFirstSerialPortThatIsThereAndNoConsole) {
  PutUart("ttyS0", "4");
  PutUart("ttyS1", "0");
  PutUart("ttyS2", "4");
  PutUart("ttyS3", "4");
  PutUart("ttyS10", "4");
  EXPECT_EQ(Found(), "/dev/ttyS2");
  Put("/proc/consoles", "tty0                 -WU (EC  p  )    4:1\nttyS2                -W- (EC  p  )    4:66\n");
  EXPECT_EQ(Found(), "/dev/ttyS3");
  Put("/proc/consoles", "ttyS2                -W- (EC  p  )    4:66\nttyS3                -W- (E   p  )    4:67\n");
  EXPECT_EQ(Found(), "/dev/ttyS10");
}

TEST_F(PortFinderTest, WithoutOneItSaysWhatToDo) {
  PutUart("ttyS0", "4");
  Put("/sys/class/virtio-ports/vport0p1/name", "org.qemu.guest_agent.0\n");
  EXPECT_EQ(Found(), "");
  const std::string why = FindPort(dir_.path()).why;
  EXPECT_THAT(why, HasSubstr("<channel type='unix'><target type='virtio' name='org.vrapl.power.0'/>"));
  EXPECT_THAT(why, HasSubstr("/dev/ttyS0 may be a login; name it by --port"));
}

}  // namespace
}  // namespace vrapl
