// Capabilities instead of root: the program as the user nobody, with a few capabilities and no way to any other.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// What one run was allowed, and what it did with it.
struct Nobodys {
  Ended ended;
  Json line;           // the first
  std::string status;  // /proc/PID/status, while it ran
  bool real_time = false;
};

std::string FieldOf(const std::string& status, const std::string& name) {
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, name + ":")) return std::string(absl::StripAsciiWhitespace(line));
  }
  return "";
}

uint64_t MaskOf(const std::vector<int>& capabilities) {
  uint64_t mask = 0;
  for (const int capability : capabilities) mask |= uint64_t{1} << capability;
  return mask;
}

class CapabilitiesTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-cap-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);
    // Energy that anybody may read: what reading it takes is not what is tested here.
    emulator_ = std::make_unique<Program>(std::vector<std::string>{VRAPL_EMULATOR, "--mount", dir_ + "/host",
                                                                   "--power=const:50W", "--readable-powercap"});
    ASSERT_THAT(emulator_->ReadLine(), HasSubstr("ready"));
  }
  void TearDown() override {
    emulator_.reset();
    if (!dir_.empty()) {
      EXPECT_EQ(::rmdir(dir_.c_str()), 0);
    }
  }

  std::vector<std::string> Words(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {
        VRAPL,           "sample", "--host-root=" + dir_ + "/host", "--backend=sysfs", "--vms=proc", "--format=jsonl",
        "--window=500ms"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  // Until its first line is there; meanwhile the kernel is asked what it holds.
  Nobodys RunWith(const std::vector<int>& capabilities, const std::vector<std::string>& more = {}) const {
    Nobodys run;
    Program program(Words(more), {.as_nobody_with = capabilities});
    run.line = Json::parse(program.ReadLine(), nullptr, /*allow_exceptions=*/false);
    const std::string proc = absl::StrCat("/proc/", program.pid());
    run.status = ReadSmallFile(proc + "/status").value_or("");
    for (const std::string& tid : ListDirectory(proc + "/task").value_or(std::vector<std::string>())) {
      const std::string stat = ReadSmallFile(absl::StrCat(proc, "/task/", tid, "/stat")).value_or("");
      const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 1), ' ', absl::SkipEmpty());
      constexpr size_t kPolicy = 41 - 3;
      run.real_time = run.real_time || (fields.size() > kPolicy && fields[kPolicy] == absl::StrCat(SCHED_FIFO));
    }
    program.Signal(SIGTERM);
    run.ended = program.Wait();
    EXPECT_EQ(run.ended.code, 0) << run.ended.err;
    EXPECT_FALSE(run.line.is_discarded()) << run.ended.err;
    // The rest is dropped, and cannot come back: from no set, and by no set-user-ID program.
    for (const char* set : {"CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"}) {
      uint64_t held = ~uint64_t{0};
      EXPECT_TRUE(absl::SimpleHexAtoi(FieldOf(run.status, set), &held)) << run.status;
      EXPECT_EQ(held, MaskOf(capabilities)) << set;
    }
    EXPECT_EQ(FieldOf(run.status, "Uid"), "65534\t65534\t65534\t65534");
    EXPECT_EQ(FieldOf(run.status, "NoNewPrivs"), "1");
    return run;
  }
  static int64_t RunNsOf(const Json& line, const std::string& kind) {
    int64_t run_ns = 0;
    for (const Json& row : line["rows"]) {
      if (row["kind"] == kind && row["domain"] == "package") run_ns += row["run_time_ns"].get<int64_t>();
    }
    return run_ns;
  }
  static void ExpectEveryNanosecondHasARow(const Json& line) {
    int64_t run_ns = 0;
    for (const Json& row : line["rows"]) {
      if (row["domain"] == "package") run_ns += row["run_time_ns"].get<int64_t>();
    }
    EXPECT_EQ(run_ns, line["samplers"][0]["capacity_ns"].get<int64_t>());
  }

  std::string dir_;
  std::unique_ptr<Program> emulator_;
};

TEST_F(CapabilitiesTest, FourAreEnoughForExactRunTimeAndPunctualSamples) {
  const Nobodys run = RunWith({CAP_BPF, CAP_PERFMON, CAP_SYS_NICE, CAP_IPC_LOCK});
  EXPECT_EQ(run.line["run_time_method"], "bpf");
  EXPECT_FALSE(run.line.contains("run_time_error"));
  ExpectEveryNanosecondHasARow(run.line);
  EXPECT_GT(RunNsOf(run.line, "vrapl"), 0);
  EXPECT_GT(RunNsOf(run.line, "emulator"), 0) << "who runs as root is seen too";
  EXPECT_TRUE(run.real_time);
  EXPECT_NE(FieldOf(run.status, "VmLck"), "0 kB");
  EXPECT_THAT(run.ended.err, AllOf(Not(HasSubstr("CAP_")), Not(HasSubstr("run time by"))));
}

TEST_F(CapabilitiesTest, WithoutThoseOfTheLoopItSaysSoAndGoesOn) {
  const Nobodys run = RunWith({CAP_BPF, CAP_PERFMON});
  EXPECT_EQ(run.line["run_time_method"], "bpf");
  ExpectEveryNanosecondHasARow(run.line);
  EXPECT_FALSE(run.real_time);
  EXPECT_EQ(FieldOf(run.status, "VmLck"), "0 kB");
  EXPECT_THAT(run.ended.err, AllOf(HasSubstr("CAP_SYS_NICE"), HasSubstr("CAP_IPC_LOCK"), HasSubstr("samples will be")));
}

TEST_F(CapabilitiesTest, WithoutThoseOfBpfItNamesThemAndGoesOnWithTheKernelsAccounts) {
  const struct {
    std::vector<int> held;
    const char* missing;
  } cases[] = {{{CAP_SYS_NICE, CAP_IPC_LOCK}, "CAP_BPF and CAP_PERFMON"},
               {{CAP_PERFMON, CAP_SYS_NICE, CAP_IPC_LOCK}, "CAP_BPF"},
               {{CAP_BPF, CAP_SYS_NICE, CAP_IPC_LOCK}, "CAP_PERFMON"}};
  for (const auto& [held, missing] : cases) {
    SCOPED_TRACE(missing);
    const Nobodys run = RunWith(held);
    EXPECT_EQ(run.line["run_time_method"], "schedstat");
    EXPECT_THAT(run.line.value("run_time_error", ""), HasSubstr("10 ms"));
    ExpectEveryNanosecondHasARow(run.line);
    EXPECT_GT(RunNsOf(run.line, "vrapl"), 0);
    EXPECT_TRUE(run.real_time);
    EXPECT_THAT(run.ended.err,
                AllOf(HasSubstr("run time by schedstat"), HasSubstr(absl::StrCat("without ", missing, " ("))));

    // Asked for by name, it is that or nothing.
    const Ended asked = Program(Words({"--run-time=bpf", "--duration=1s"}), {.as_nobody_with = held}).Wait();
    EXPECT_EQ(asked.code, 1);
    EXPECT_EQ(asked.out, "");
    EXPECT_THAT(asked.err, HasSubstr(absl::StrCat("without ", missing, " (")));
  }
}

TEST_F(CapabilitiesTest, WithNoneAtAllTheAccountsOfOthersAreReadToo) {
  const Nobodys run = RunWith({});
  EXPECT_EQ(run.line["run_time_method"], "schedstat");
  ExpectEveryNanosecondHasARow(run.line);
  EXPECT_GT(RunNsOf(run.line, "emulator"), 0) << "root's process";
  EXPECT_EQ(RunNsOf(run.line, "unreported"), 0);
  const Ended probe = Program({VRAPL, "probe", "--host-root=" + dir_ + "/host", "--vms=proc", "--json"},
                              {.as_nobody_with = std::vector<int>{}})
                          .Wait();
  const Json json = Json::parse(probe.out, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(json.is_discarded()) << probe.err;
  EXPECT_EQ(json["run_time"]["method"], "schedstat");
  EXPECT_EQ(json["run_time"]["exact"], false);
  ASSERT_EQ(json["run_time"]["methods"].size(), 5u);
  EXPECT_THAT(json["run_time"]["methods"][0].value("why_not", ""), HasSubstr("CAP_BPF and CAP_PERFMON"));
  EXPECT_THAT(json["run_time"]["methods"][0].value("remedy", ""), HasSubstr("setcap"));
}

}  // namespace
}  // namespace vrapl
