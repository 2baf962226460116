#include "sampler/vm_watcher.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// What a MadeLister says, and a way to wait until it has been asked: it outlives the lister, which the watcher owns.
class MadeVms {
 public:
  void Set(absl::StatusOr<std::vector<Vm>> vms, std::vector<std::string> problems = {}) {
    const std::lock_guard<std::mutex> lock(mutex_);
    vms_ = std::move(vms);
    problems_ = std::move(problems);
    ++changes_;
    changed_.notify_all();
  }
  // Until what was Set() last has been listed and the watcher waits for the next change.
  void AwaitListed() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return listed_ == changes_ && waiting_; });
  }

 private:
  friend class MadeLister;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::StatusOr<std::vector<Vm>> vms_ = std::vector<Vm>();
  std::vector<std::string> problems_;
  uint64_t changes_ = 0;
  uint64_t listed_ = 0;
  bool waiting_ = false;
  bool woken_ = false;
};

class MadeLister final : public VmLister {
 public:
  explicit MadeLister(MadeVms& made) : made_(made) {}
  absl::string_view origin() const override { return "libvirt"; }
  absl::StatusOr<std::vector<Vm>> List() override {
    const std::lock_guard<std::mutex> lock(made_.mutex_);
    made_.listed_ = made_.changes_;
    problems_ = made_.problems_;
    return made_.vms_;
  }
  const std::vector<std::string>& problems() const override { return problems_; }
  std::vector<std::string> DefinedButNotRunning() override { return {"asleep"}; }
  bool WaitForChange(absl::Duration) override {
    std::unique_lock<std::mutex> lock(made_.mutex_);
    made_.waiting_ = true;
    made_.changed_.notify_all();
    made_.changed_.wait(lock, [this] { return made_.listed_ != made_.changes_ || made_.woken_; });
    made_.waiting_ = false;
    return true;
  }
  void Wake() override {
    const std::lock_guard<std::mutex> lock(made_.mutex_);
    made_.woken_ = true;
    made_.changed_.notify_all();
  }

 private:
  MadeVms& made_;
  std::vector<std::string> problems_;
};

Vm MadeVm(const std::string& name, pid_t pid) {
  Vm vm{.uuid = "uuid-" + name, .name = name, .pid = pid, .start_time = 5, .vcpus = {{.index = 0, .tid = pid + 1}}};
  vm.ports = {{.kind = GuestPort::Kind::kVirtioChannel,
               .transport = GuestPort::Transport::kUnix,
               .path = "/run/" + name + "/power",
               .name = kPowerChannelName,
               .guest_open = true},
              {.kind = GuestPort::Kind::kIsaSerial,
               .transport = GuestPort::Transport::kPty,
               .path = "/dev/pts/7",
               .isa_port = 1}};
  return vm;
}

std::vector<std::string> PathsOf(const FlushLoop::Discovery& discovery) {
  std::vector<std::string> paths;
  for (const VmPorts& vm : discovery.ports) {
    for (const PortAddress& port : vm.ports) paths.push_back(vm.vm.uuid + " " + port.path);
  }
  return paths;
}

class VmWatcherTest : public testing::Test {
 protected:
  std::unique_ptr<VmWatcher> Watch(DeliveryChoice choice) {
    return std::make_unique<VmWatcher>(std::make_unique<MadeLister>(made_), std::move(choice),
                                       [this](const Vm& vm) { return ended_.load() != vm.pid; });
  }
  MadeVms made_;
  std::atomic<pid_t> ended_ = 0;  // the process of this VM is gone, whatever the list says
};

TEST_F(VmWatcherTest, FirstTellsTheVmsAndTheirPorts) {
  made_.Set(std::vector<Vm>{MadeVm("db", 2000), MadeVm("web", 1000)});
  const auto watcher = Watch({.ports = {.isa_ports = {1}}});
  ASSERT_THAT(watcher->First(), IsOk());
  const std::optional<FlushLoop::Discovery> news = watcher->Take();
  ASSERT_TRUE(news.has_value());
  EXPECT_THAT(news->vms, SizeIs(2));
  EXPECT_FALSE(news->unchanged);
  EXPECT_THAT(PathsOf(*news), ElementsAre("uuid-db /run/db/power", "uuid-db /dev/pts/7", "uuid-web /run/web/power",
                                          "uuid-web /dev/pts/7"));
  const PortAddress& port = news->ports[0].ports[0];
  EXPECT_EQ(port.type, PortType::kUnixSocket);
  EXPECT_EQ(port.owner, 2000);
  EXPECT_EQ(port.guest_open, true);
  EXPECT_EQ(news->ports[0].ports[1].type, PortType::kPty);
  EXPECT_FALSE(watcher->Take().has_value()) << "news is told once";
}

TEST_F(VmWatcherTest, PortsAreThoseOfTheVmsThatWereNamed) {
  made_.Set(std::vector<Vm>{MadeVm("db", 2000), MadeVm("web", 1000)});
  const auto watcher = Watch({.only_vms = {"UUID-WEB"}});
  ASSERT_THAT(watcher->First(), IsOk());
  const auto news = watcher->Take();
  EXPECT_THAT(news->vms, SizeIs(2)) << "energy is everybody's";
  EXPECT_THAT(PathsOf(*news), ElementsAre("uuid-web /run/web/power"));
}

TEST_F(VmWatcherTest, APortByHandIsTheOnlyOne) {
  made_.Set(std::vector<Vm>{MadeVm("db", 2000), MadeVm("web", 1000)});
  const auto watcher = Watch({.by_hand = DeliveryChoice::ByHand{.vm = "web", .path = "/tmp/port"}});
  ASSERT_THAT(watcher->First(), IsOk());
  EXPECT_THAT(PathsOf(*watcher->Take()), ElementsAre("uuid-web /tmp/port"));
}

TEST_F(VmWatcherTest, NoDeliveryNoPorts) {
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  const auto watcher = Watch({.deliver = false});
  ASSERT_THAT(watcher->First(), IsOk());
  const auto news = watcher->Take();
  EXPECT_THAT(news->vms, SizeIs(1));
  EXPECT_THAT(news->ports, IsEmpty());
}

TEST_F(VmWatcherTest, FirstFailsWhenAVmThatWasNamedDoesNotRun) {
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  EXPECT_THAT(Watch({.only_vms = {"wbe"}})->First(),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("wbe"), HasSubstr("Did you mean 'web'"))));
  EXPECT_THAT(Watch({.by_hand = DeliveryChoice::ByHand{.vm = "asleep", .path = "/tmp/port"}})->First(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("virsh start asleep")));
  made_.Set(absl::UnavailableError("libvirt does not answer"));
  EXPECT_THAT(Watch({})->First(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(VmWatcherTest, FollowsVmsThatStartAndStop) {
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  const auto watcher = Watch({});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  (void)watcher->Take();
  made_.Set(std::vector<Vm>{MadeVm("db", 2000), MadeVm("web", 1000)});
  made_.AwaitListed();
  EXPECT_THAT(watcher->Take()->vms, SizeIs(2));
  made_.Set(std::vector<Vm>{});
  made_.AwaitListed();
  const auto news = watcher->Take();
  EXPECT_THAT(news->vms, IsEmpty());
  EXPECT_FALSE(news->unchanged);
}

TEST_F(VmWatcherTest, WhenLibvirtGoesAwayTheLastListStands) {
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  const auto watcher = Watch({});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  (void)watcher->Take();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      made_.Set(absl::UnavailableError("libvirt does not answer"));
      made_.AwaitListed();
    }
    auto news = watcher->Take();
    ASSERT_TRUE(news.has_value());
    EXPECT_TRUE(news->unchanged);
    EXPECT_THAT(news->problems, ElementsAre("libvirt does not answer; VMs known so far are followed on"))
        << "once for as long as it lasts";
    made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
    made_.AwaitListed();
    news = watcher->Take();
    ASSERT_TRUE(news.has_value());
    EXPECT_FALSE(news->unchanged);
    EXPECT_THAT(news->problems, ElementsAre("libvirt answers again")) << "round " << round;
  }
}

// Its number may soon be another program's: it must not be charged for that.
TEST_F(VmWatcherTest, AVmThatEndsWhileLibvirtIsAwayIsDropped) {
  made_.Set(std::vector<Vm>{MadeVm("web", 1000), MadeVm("db", 2000)});
  const auto watcher = Watch({});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  (void)watcher->Take();
  made_.Set(absl::UnavailableError("libvirt does not answer"));
  made_.AwaitListed();
  ended_ = 1000;
  for (int i = 0; i < 2; ++i) {
    made_.Set(absl::UnavailableError("libvirt does not answer"));
    made_.AwaitListed();
  }
  const auto news = watcher->Take();
  ASSERT_TRUE(news.has_value());
  EXPECT_FALSE(news->unchanged);
  ASSERT_THAT(news->vms, SizeIs(1));
  EXPECT_EQ(news->vms[0].name, "db");
}

TEST_F(VmWatcherTest, NewsThatWasNotTakenOutlivesAFailure) {
  made_.Set(std::vector<Vm>{});
  const auto watcher = Watch({});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  made_.AwaitListed();
  made_.Set(absl::UnavailableError("libvirt does not answer"));
  made_.AwaitListed();
  const auto news = watcher->Take();
  EXPECT_THAT(news->vms, SizeIs(1));
  EXPECT_FALSE(news->unchanged);
  EXPECT_THAT(news->problems, SizeIs(1));
}

TEST_F(VmWatcherTest, AProblemIsToldWhenItComesUp) {
  Vm web = MadeVm("web", 1000);
  web.ports[1].transport = GuestPort::Transport::kOther;
  made_.Set(std::vector<Vm>{web}, {"VM odd: no PID"});
  const auto watcher = Watch({.ports = {.isa_ports = {1}}});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  EXPECT_THAT(watcher->Take()->problems, ElementsAre(HasSubstr("serial port 1"), "VM odd: no PID"));
  made_.Set(std::vector<Vm>{web}, {"VM odd: no PID", "VM new: no PID"});
  made_.AwaitListed();
  EXPECT_THAT(watcher->Take()->problems, ElementsAre("VM new: no PID")) << "what stands is not told again";
  made_.Set(std::vector<Vm>{web}, {"VM new: no PID"});
  made_.AwaitListed();
  made_.Set(std::vector<Vm>{web}, {"VM odd: no PID", "VM new: no PID"});
  made_.AwaitListed();
  EXPECT_THAT(watcher->Take()->problems, ElementsAre("VM odd: no PID")) << "what comes back is";
}

TEST_F(VmWatcherTest, ProblemsThatWereNotTakenAreKept) {
  made_.Set(std::vector<Vm>{}, {"one"});
  const auto watcher = Watch({});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Start();
  made_.Set(std::vector<Vm>{}, {"two"});
  made_.AwaitListed();
  EXPECT_THAT(watcher->Take()->problems, ElementsAre("one", "two"));
}

TEST_F(VmWatcherTest, WhatAVmMayBeToldComesWithItAndWhoOptedOutHasNoPorts) {
  Vm quiet = MadeVm("quiet", 3000);
  quiet.guest_policy = {{"deliver", "off"}};
  Vm slow = MadeVm("slow", 4000);
  slow.guest_policy = {{"preset", "manifesto"}};
  made_.Set(std::vector<Vm>{quiet, slow, MadeVm("web", 1000)});
  const auto watcher = Watch({.policies = {.directory = "/nonesuch"}});
  ASSERT_THAT(watcher->First(), IsOk());
  const std::optional<FlushLoop::Discovery> news = watcher->Take();
  ASSERT_THAT(news->policies, SizeIs(3));
  EXPECT_EQ(news->policies[1], ManifestoPolicy());
  EXPECT_EQ(news->policies[2], GuestPolicy());
  EXPECT_THAT(PathsOf(*news), ElementsAre("uuid-slow /run/slow/power", "uuid-web /run/web/power"));
  EXPECT_THAT(news->problems,
              ElementsAre("VM quiet: told nothing, as its libvirt metadata says",
                          AllOf(HasSubstr("VM slow: told as its libvirt metadata says: deliver=on period=30s"),
                                HasSubstr("at most 0.386 bit/s"))));
}

TEST_F(VmWatcherTest, FilesCountWhileNobodyListsVms) {
  std::string name = testing::TempDir() + "policies-XXXXXX";
  const std::string directory = ::mkdtemp(name.data());
  made_.Set(std::vector<Vm>{MadeVm("web", 1000)});
  const auto watcher = Watch({.policies = {.directory = directory}});
  ASSERT_THAT(watcher->First(), IsOk());
  watcher->Take();
  watcher->Start();
  made_.Set(absl::UnavailableError("libvirtd is away"));
  made_.AwaitListed();
  EXPECT_TRUE(watcher->Take()->unchanged);
  std::ofstream(directory + "/web.conf") << "deliver = off\n";
  made_.Set(absl::UnavailableError("libvirtd is still away"));
  made_.AwaitListed();
  const std::optional<FlushLoop::Discovery> news = watcher->Take();
  ASSERT_TRUE(news.has_value());
  EXPECT_THAT(news->vms, SizeIs(1));
  EXPECT_THAT(news->ports, IsEmpty());
  EXPECT_FALSE(news->policies.at(0).deliver);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace vrapl
