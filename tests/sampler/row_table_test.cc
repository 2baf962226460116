#include "sampler/row_table.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "schedstat/schedstat_reader.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr pid_t kVrapl = 100;
constexpr pid_t kEmulator = 200;

Vm MadeVm(const std::string& name, pid_t pid, int vcpus = 2, uint64_t start_time = 1) {
  Vm vm{.uuid = "uuid-" + name, .name = name, .pid = pid, .start_time = start_time, .vcpus = {}, .ports = {}};
  for (int i = 0; i < vcpus; ++i) vm.vcpus.push_back({.index = i, .tid = pid + 1 + i});
  return vm;
}

ThreadRun Thread(pid_t tgid, pid_t tid, uint32_t flags = 0) {
  return {.tid = static_cast<uint32_t>(tid), .tgid = static_cast<uint32_t>(tgid), .task_flags = flags};
}

// What run time without BPF does not know the owner of is nobody's, whoever is asked.
TEST(TheRestTest, IsOther) {
  RowTable rows(kVrapl, {}, ThreadFactsFromProc());
  EXPECT_EQ(rows.RowOf({.tid = kTheRest, .tgid = kTheRest}), kOtherRow);
}

class RowTableTest : public testing::Test {
 protected:
  RowTable MakeTable() {
    return RowTable(kVrapl, {kEmulator}, {.name = [this](uint32_t, uint32_t tid) {
                      ++lookups_;
                      const auto name = names_.find(tid);
                      return name == names_.end() ? std::string() : name->second;
                    }});
  }
  std::string PartOf(int row) const { return rows_.row(row).part; }

  std::map<uint32_t, std::string> names_;
  int lookups_ = 0;
  RowTable rows_ = MakeTable();
};

TEST(RowKindTest, EveryKindHasItsWord) {
  std::set<std::string> words;
  for (const RowKind kind :
       {RowKind::kIdle, RowKind::kStolen, RowKind::kUnreported, RowKind::kVrapl, RowKind::kEmulator, RowKind::kOther,
        RowKind::kKernel, RowKind::kInterrupts, RowKind::kCommand, RowKind::kVm}) {
    words.insert(std::string(RowKindName(kind)));
  }
  EXPECT_THAT(words, testing::UnorderedElementsAre("idle", "stolen", "unreported", "vrapl", "emulator", "other",
                                                   "kernel", "interrupts", "command", "vm"));
}

TEST_F(RowTableTest, TheFixedRowsAreThereFromTheStart) {
  EXPECT_EQ(rows_.row(kIdleRow).kind, RowKind::kIdle);
  EXPECT_EQ(rows_.row(kStolenRow).kind, RowKind::kStolen);
  EXPECT_EQ(rows_.row(kUnreportedRow).kind, RowKind::kUnreported);
  EXPECT_EQ(rows_.row(kVraplRow).kind, RowKind::kVrapl);
  EXPECT_EQ(rows_.row(kEmulatorRow).kind, RowKind::kEmulator);
  EXPECT_EQ(rows_.row(kOtherRow).kind, RowKind::kOther);
  EXPECT_EQ(rows_.row(kKernelRow).kind, RowKind::kKernel);
  EXPECT_EQ(rows_.row(kInterruptsRow).kind, RowKind::kInterrupts);
  EXPECT_FALSE(rows_.row(kInterruptsRow).used) << "a zero from a kernel that does not tell would be a lie";
  rows_.ShowInterrupts();
  EXPECT_TRUE(rows_.row(kInterruptsRow).used);
  EXPECT_EQ(rows_.row(kCommandRow).kind, RowKind::kCommand);
  for (int row = 0; row < rows_.row_count(); ++row) EXPECT_EQ(rows_.row(row).used, row != kCommandRow);
  EXPECT_EQ(rows_.row_count(), kFirstVmRow);
}

TEST_F(RowTableTest, ACommandHasARowWhereOneIsMeasured) {
  std::set<uint32_t> of_command = {400};
  RowTable rows(kVrapl, {kEmulator},
                {.of_command = [&of_command](const ThreadRun& thread) { return of_command.count(thread.tgid) > 0; }});
  EXPECT_TRUE(rows.row(kCommandRow).used);
  EXPECT_EQ(rows.RowOf(Thread(400, 401)), kCommandRow);
  EXPECT_EQ(rows.RowOf(Thread(300, 300)), kOtherRow);
  EXPECT_EQ(rows.RowOf(Thread(kVrapl, kVrapl)), kVraplRow);
  of_command = {300};
  EXPECT_EQ(rows.RowOf(Thread(400, 401)), kCommandRow) << "looked at once";
  rows.LookAgain();
  EXPECT_EQ(rows.RowOf(Thread(400, 401)), kOtherRow);
  EXPECT_EQ(rows.RowOf(Thread(300, 300)), kCommandRow);
}

TEST_F(RowTableTest, EveryThreadHasARow) {
  names_ = {{1001, "CPU 0/KVM"}, {1002, "CPU 1/KVM"}, {1003, "IO iothread1"},    {1004, "vhost-1000"},
            {1005, "worker"},    {50, "kworker/0:1"}, {1000, "qemu-system-x86"}, {1006, "qemu-system-x86"}};
  rows_.UpdateVms({MadeVm("web", 1000)});
  EXPECT_EQ(rows_.RowOf(Thread(kVrapl, kVrapl)), kVraplRow);
  EXPECT_EQ(rows_.RowOf(Thread(kVrapl, kVrapl + 5)), kVraplRow) << "each of our threads";
  EXPECT_EQ(rows_.RowOf(Thread(kEmulator, 207)), kEmulatorRow);
  EXPECT_EQ(rows_.RowOf(Thread(50, 50, kTaskKernelThread)), kKernelRow);
  EXPECT_EQ(rows_.RowOf(Thread(300, 300)), kOtherRow);
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1001))), "vcpu0");
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1002))), "vcpu1");
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1003))), "io");
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1004))), "vhost") << "Linux 6.4 and later: a thread of QEMU's process";
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1005))), "worker");
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1006))), "emulator");
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1000))), "emulator");
  EXPECT_EQ(rows_.RowOf(Thread(1000, 1006)), rows_.RowOf(Thread(1000, 1000)));
  EXPECT_EQ(rows_.row(rows_.RowOf(Thread(1000, 1001))).kind, RowKind::kVm);
}

TEST_F(RowTableTest, AKernelThreadNamedAfterAVmsProcessIsItsVhostWorker) {
  names_ = {{51, "vhost-1000"}, {52, "vhost-9999"}, {53, "vhost-"}, {54, "vhost-1000x"}};
  rows_.UpdateVms({MadeVm("web", 1000)});
  const int row = rows_.RowOf(Thread(51, 51, kTaskKernelThread));
  EXPECT_EQ(PartOf(row), "vhost");
  EXPECT_EQ(rows_.vm(rows_.row(row).vm).run.name, "web");
  EXPECT_EQ(rows_.RowOf(Thread(52, 52, kTaskKernelThread)), kKernelRow) << "of nobody we know";
  EXPECT_EQ(rows_.RowOf(Thread(53, 53, kTaskKernelThread)), kKernelRow);
  EXPECT_EQ(rows_.RowOf(Thread(54, 54, kTaskKernelThread)), kKernelRow);
  names_[55] = "vhost-1000";
  EXPECT_EQ(rows_.RowOf(Thread(55, 55)), kOtherRow) << "anybody can call a process of theirs so";
}

TEST_F(RowTableTest, AVmHasItsRowsBeforeItRuns) {
  rows_.UpdateVms({MadeVm("web", 1000, 3)});
  std::set<std::string> parts;
  for (int row = kFirstVmRow; row < rows_.row_count(); ++row) parts.insert(PartOf(row));
  EXPECT_THAT(parts, testing::UnorderedElementsAre("vcpu0", "vcpu1", "vcpu2", "emulator"));
  EXPECT_EQ(rows_.vm(0).vcpus, 3);
}

TEST_F(RowTableTest, AThreadsNameIsLookedUpOnceUntilTheVmsChange) {
  names_ = {{1001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000)});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1001))), "vcpu0");
  EXPECT_EQ(lookups_, 1);
  // The vCPU was unplugged and its number went to a worker.
  names_[1001] = "worker";
  rows_.UpdateVms({MadeVm("web", 1000)});
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1001))), "worker");
}

TEST_F(RowTableTest, ANumberThatAnotherProcessesThreadGetsIsAnotherThread) {
  names_ = {{1001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000)});
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1001))), "vcpu0");
  EXPECT_EQ(rows_.RowOf(Thread(400, 1001)), kOtherRow);
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(1000, 1001))), "vcpu0");
}

TEST_F(RowTableTest, AVmThatStopsKeepsItsRowsUntilItIsRetired) {
  names_ = {{1001, "CPU 0/KVM"}, {2001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000, 1), MadeVm("db", 2000, 1)});
  const int web_row = rows_.RowOf(Thread(1000, 1001));
  rows_.UpdateVms({MadeVm("db", 2000, 1)});
  EXPECT_FALSE(rows_.vm(0).running);
  EXPECT_TRUE(rows_.vm(1).running);
  EXPECT_EQ(rows_.RowOf(Thread(1000, 1001)), web_row) << "its last samples are still on the way";
  EXPECT_TRUE(rows_.row(web_row).used);

  const std::vector<int> freed = rows_.Retire(0);
  EXPECT_THAT(freed, testing::Contains(web_row));
  EXPECT_THAT(freed, SizeIs(2)) << "vcpu0 and emulator";
  for (const int row : freed) EXPECT_FALSE(rows_.row(row).used);
  EXPECT_FALSE(rows_.vm(0).used);
  EXPECT_EQ(rows_.RowOf(Thread(1000, 1001)), kOtherRow) << "whoever has the number now";
  EXPECT_EQ(PartOf(rows_.RowOf(Thread(2000, 2001))), "vcpu0");
}

TEST_F(RowTableTest, TheSameVmStartedAgainIsAnotherRun) {
  names_ = {{1001, "CPU 0/KVM"}, {5001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000, 1, /*start_time=*/10)});
  const int first = rows_.RowOf(Thread(1000, 1001));
  rows_.UpdateVms({MadeVm("web", 5000, 1, /*start_time=*/20)});
  const int second = rows_.RowOf(Thread(5000, 5001));
  EXPECT_NE(rows_.row(first).vm, rows_.row(second).vm);
  EXPECT_NE(first, second);
  EXPECT_FALSE(rows_.vm(rows_.row(first).vm).running);
  EXPECT_TRUE(rows_.vm(rows_.row(second).vm).running);
  rows_.Retire(rows_.row(first).vm);
  EXPECT_EQ(rows_.RowOf(Thread(5000, 5001)), second);
}

TEST_F(RowTableTest, ARunWithTheSameProcessIdIsToldByItsStartTime) {
  names_ = {{1001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000, 1, /*start_time=*/10)});
  const int first = rows_.RowOf(Thread(1000, 1001));
  rows_.UpdateVms({MadeVm("web", 1000, 1, /*start_time=*/20)});
  const int second = rows_.RowOf(Thread(1000, 1001));
  EXPECT_NE(first, second);
  rows_.Retire(rows_.row(first).vm);
  EXPECT_EQ(rows_.RowOf(Thread(1000, 1001)), second) << "retiring the old run leaves the new one its process";
}

TEST_F(RowTableTest, AVmThatIsNotListedForAMomentIsTheSameRun) {
  rows_.UpdateVms({MadeVm("web", 1000)});
  rows_.UpdateVms({});
  EXPECT_FALSE(rows_.vm(0).running);
  rows_.UpdateVms({MadeVm("web", 1000)});
  EXPECT_TRUE(rows_.vm(0).running);
  EXPECT_EQ(rows_.vm_count(), 1);
}

TEST_F(RowTableTest, ARenamedVmKeepsItsRows) {
  rows_.UpdateVms({MadeVm("web", 1000)});
  Vm renamed = MadeVm("web", 1000);
  renamed.name = "shop";
  rows_.UpdateVms({renamed});
  EXPECT_EQ(rows_.vm_count(), 1);
  EXPECT_EQ(rows_.vm(0).run.name, "shop");
}

TEST_F(RowTableTest, RowsAndVmsAreUsedAgain) {
  int most_rows = 0;
  for (int i = 0; i < 5000; ++i) {
    names_ = {{static_cast<uint32_t>(1001 + 10 * i), "CPU 0/KVM"}};
    rows_.UpdateVms({MadeVm("web", 1000 + 10 * i, 2, static_cast<uint64_t>(i))});
    rows_.RowOf(Thread(1000 + 10 * i, 1001 + 10 * i));
    for (int vm = 0; vm < rows_.vm_count(); ++vm) {
      if (rows_.vm(vm).used && !rows_.vm(vm).running) rows_.Retire(vm);
    }
    most_rows = std::max(most_rows, rows_.row_count());
  }
  EXPECT_LE(most_rows, kFirstVmRow + 6);
  EXPECT_LE(rows_.vm_count(), 2);
}

// A host that starts a process for every request must not fill our memory with those that are gone.
TEST_F(RowTableTest, ThreadsAreForgottenBeforeThereAreTooMany) {
  names_ = {{1001, "CPU 0/KVM"}};
  rows_.UpdateVms({MadeVm("web", 1000)});
  const int row = rows_.RowOf(Thread(1000, 1001));
  EXPECT_EQ(lookups_, 1);
  for (pid_t tid = 10'000; tid < 10'000 + (1 << 18); ++tid) EXPECT_EQ(rows_.RowOf(Thread(tid, tid)), kOtherRow);
  EXPECT_EQ(rows_.RowOf(Thread(1000, 1001)), row);
  EXPECT_EQ(lookups_, 2) << "it had been forgotten with the others";
}

}  // namespace
}  // namespace vrapl
