#include "cli/arguments.h"

#include <gmock/gmock.h>

#include "cli/verb_app.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kSecond = kNanosPerSecond;

template <typename M>
auto IsRefused(M message) {
  return StatusIs(absl::StatusCode::kInvalidArgument, message);
}

TEST(ParseDurationTest, CarriesItsUnit) {
  struct Row {
    const char* text;
    int64_t ns;
  };
  for (const Row& row : {Row{"1ms", kMs}, Row{"2s", 2 * kSecond}, Row{"1m30s", 90 * kSecond}, Row{"500us", kMs / 2},
                         Row{"1.5s", 3 * kSecond / 2}, Row{"1h", 3600 * kSecond}, Row{"100us", 100'000}}) {
    EXPECT_THAT(ParseDurationNs("--period", row.text, 100'000, 3600 * kSecond), IsOkAndHolds(row.ns)) << row.text;
  }
}

TEST(ParseDurationTest, RefusesWithTheRemedy) {
  const auto parse = [](const char* text) { return ParseDurationNs("--period", text, 100'000, kSecond); };
  EXPECT_THAT(parse("5"), IsRefused(AllOf(HasSubstr("--period=5"), HasSubstr("5ms or 5s"))));
  EXPECT_THAT(parse("0.5"), IsRefused(HasSubstr("unit")));
  EXPECT_THAT(parse("0"), IsRefused(AllOf(HasSubstr("--period=0"), HasSubstr("between 100us and 1s"))));
  EXPECT_THAT(parse("0s"), IsRefused(HasSubstr("between")));
  EXPECT_THAT(parse("-1ms"), IsRefused(HasSubstr("between")));
  EXPECT_THAT(parse("99us"), IsRefused(HasSubstr("between")));
  EXPECT_THAT(parse("1001ms"), IsRefused(HasSubstr("between")));
  EXPECT_THAT(parse("inf"), IsRefused(HasSubstr("between")));
  for (const char* text : {"", "ms", "1 ms", "1fortnight", "1ms2", "soon", "1,5s"}) {
    EXPECT_THAT(parse(text), IsRefused(HasSubstr("1ms, 2s or 1m30s"))) << text;
  }
}

TEST(ParseWordTest, Backends) {
  EXPECT_THAT(ParseBackend("auto"), IsOkAndHolds(Backend::kAuto));
  EXPECT_THAT(ParseBackend("msr"), IsOkAndHolds(Backend::kMsr));
  EXPECT_THAT(ParseBackend("perf"), IsOkAndHolds(Backend::kPerf));
  EXPECT_THAT(ParseBackend("hwmon"), IsOkAndHolds(Backend::kHwmon));
  EXPECT_THAT(ParseBackend("sysfs"), IsOkAndHolds(Backend::kSysfs));
  EXPECT_THAT(ParseBackend("powercap"), IsOkAndHolds(Backend::kSysfs));
  EXPECT_THAT(ParseBackend("mrs"),
              IsRefused(AllOf(HasSubstr("auto, msr, perf, sysfs, hwmon"), HasSubstr("Did you mean msr?"))));
  EXPECT_THAT(ParseBackend("rapl"), IsRefused(HasSubstr("auto, msr, perf, sysfs, hwmon")));
  EXPECT_THAT(ParseBackend(""), IsRefused(HasSubstr("auto, msr, perf, sysfs, hwmon")));
  EXPECT_THAT(ParseBackend("MSR"), IsRefused(HasSubstr("Did you mean msr?")));
}

TEST(ParseWordTest, Models) {
  EXPECT_THAT(ParseModels("share"), IsOkAndHolds(ElementsAre(Model::kShare)));
  EXPECT_THAT(ParseModels("base-share,share,capacity"),
              IsOkAndHolds(ElementsAre(Model::kBaseShare, Model::kShare, Model::kCapacity)));
  EXPECT_THAT(ParseModels("base-shrae"), IsRefused(HasSubstr("Did you mean base-share?")));
  EXPECT_THAT(ParseModels("share,"), IsRefused(HasSubstr("base-share, share, capacity")));
  EXPECT_THAT(ParseModels(""), IsRefused(HasSubstr("base-share, share, capacity")));
}

TEST(ParseWordTest, Formats) {
  EXPECT_THAT(ParseFormat("text"), IsOkAndHolds(Format::kText));
  EXPECT_THAT(ParseFormat("csv"), IsOkAndHolds(Format::kCsv));
  EXPECT_THAT(ParseFormat("jsonl"), IsOkAndHolds(Format::kJsonl));
  EXPECT_THAT(ParseFormat("json"), IsRefused(HasSubstr("Did you mean jsonl?")));
  EXPECT_THAT(ParseFormat("xml"), IsRefused(HasSubstr("text, csv, jsonl")));
}

TEST(ParseWordTest, RunTimeMethods) {
  EXPECT_THAT(ParseRunTime("auto"), IsOkAndHolds(std::nullopt));
  for (const RunTimeMethod method : kRunTimeMethods) {
    EXPECT_THAT(ParseRunTime(RunTimeMethodName(method)), IsOkAndHolds(method));
  }
  EXPECT_THAT(ParseRunTime("raw_tp_ktime"), IsOkAndHolds(RunTimeMethod::kRawTpKtime)) << "underscores are hyphens";
  EXPECT_THAT(ParseRunTime("schedstats"),
              IsRefused(AllOf(HasSubstr("--run-time"), HasSubstr("Did you mean schedstat?"))));
  EXPECT_THAT(ParseRunTime(""), IsRefused(HasSubstr("auto, bpf, raw-tp, bpf-ktime, raw-tp-ktime, schedstat")));
}

TEST(ParseBasePowerTest, ForThePackageOrByDomain) {
  EXPECT_THAT(ParseBasePower(""), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(ParseBasePower("80W"), IsOkAndHolds(ElementsAre(Pair(RaplDomain::kPackage, 80))));
  EXPECT_THAT(ParseBasePower("0W"), IsOkAndHolds(ElementsAre(Pair(RaplDomain::kPackage, 0))));
  EXPECT_THAT(ParseBasePower("dram=2.5W,package=20W"),
              IsOkAndHolds(ElementsAre(Pair(RaplDomain::kPackage, 20), Pair(RaplDomain::kDram, 2.5))));
}

TEST(ParseBasePowerTest, RefusesWithTheRemedy) {
  for (const char* text : {"80", "W", "-1W", "80kg", "1e9W", "nanW", "infW", "package=", "package=20", "20W,"}) {
    EXPECT_THAT(ParseBasePower(text), IsRefused(HasSubstr("vrapl calibrate` finds"))) << text;
  }
  EXPECT_THAT(ParseBasePower("packge=20W"), IsRefused(HasSubstr("Did you mean package?")));
  EXPECT_THAT(ParseBasePower("corse=20W"), IsRefused(HasSubstr("Did you mean cores?")));
  EXPECT_THAT(ParseBasePower("package=20W,package=30W"), IsRefused(HasSubstr("package is there twice")));
  EXPECT_THAT(ParseBasePower("9999W"), IsRefused(HasSubstr("vrapl calibrate")));
  EXPECT_THAT(ParseBasePower("19.5W+-"), IsRefused(HasSubstr("19.5W+-1.3W")));
  EXPECT_THAT(ParseBasePower("19.5W+-1.3"), IsRefused(HasSubstr("19.5W+-1.3W")));
  EXPECT_THAT(ParseBasePower("19.5W+--1W"), IsRefused(HasSubstr("19.5W+-1.3W")));
  EXPECT_THAT(ParseBasePower("package=19.5W+-1.3W,dram=2W,core=0.1W\u00b10.05W"),
              IsOkAndHolds(ElementsAre(Pair(RaplDomain::kPackage, GivenPower(19.5, 1.3)),
                                       Pair(RaplDomain::kDram, GivenPower(2)),
                                       Pair(RaplDomain::kCore, GivenPower(0.1, 0.05)))));
}

TEST(ToDaemonOptionsTest, AsTyped) {
  CommonArguments arguments;
  arguments.backend = "sysfs";
  arguments.connect = "test:///default";
  arguments.vms = "proc";
  arguments.model = "share,capacity";
  arguments.base_power = "dram=3W";
  arguments.period = "2ms";
  arguments.duration = "1m";
  arguments.only_vms = {"web"};
  arguments.run_time = "schedstat";
  arguments.btf = "/dev/null";
  const absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->backend, Backend::kSysfs);
  EXPECT_EQ(options->connect, "test:///default");
  EXPECT_EQ(options->vms, DaemonOptions::Vms::kProc);
  EXPECT_THAT(options->models, ElementsAre(Model::kShare, Model::kCapacity));
  EXPECT_THAT(options->base_power_w, ElementsAre(Pair(RaplDomain::kDram, 3)));
  EXPECT_EQ(options->period_ns, 2 * kMs);
  EXPECT_EQ(options->duration_ns, 60 * kSecond);
  EXPECT_THAT(options->delivery.only_vms, ElementsAre("web"));
  EXPECT_EQ(options->run_time, RunTimeMethod::kSchedstat);
  EXPECT_EQ(options->btf, "/dev/null");
}

TEST(ToDaemonOptionsTest, ByItself) {
  const absl::StatusOr<DaemonOptions> options = ToDaemonOptions({});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->backend, Backend::kAuto);
  EXPECT_EQ(options->period_ns, kMs);
  EXPECT_FALSE(options->run_time.has_value()) << "the best that is to be had";
  EXPECT_FALSE(options->duration_ns.has_value());
  EXPECT_EQ(options->vms, DaemonOptions::Vms::kLibvirt);
  EXPECT_THAT(options->models, ElementsAre(Model::kBaseShare));
}

TEST(ToDaemonOptionsTest, OneWrongWordIsEnough) {
  const auto with = [](std::string CommonArguments::*field, const char* text) {
    CommonArguments arguments;
    arguments.*field = text;
    return ToDaemonOptions(arguments);
  };
  EXPECT_THAT(with(&CommonArguments::backend, "perf!"), IsRefused(HasSubstr("--backend")));
  EXPECT_THAT(with(&CommonArguments::model, "fair"), IsRefused(HasSubstr("--model")));
  EXPECT_THAT(with(&CommonArguments::base_power, "much"), IsRefused(HasSubstr("--base-power")));
  EXPECT_THAT(with(&CommonArguments::period, "0"), IsRefused(HasSubstr("--period")));
  EXPECT_THAT(with(&CommonArguments::duration, "0s"), IsRefused(HasSubstr("--duration")));
  EXPECT_THAT(with(&CommonArguments::duration, "10us"), IsRefused(HasSubstr("--duration")))
      << "shorter than one sample";
  EXPECT_THAT(with(&CommonArguments::run_time, "ebpf"), IsRefused(HasSubstr("Did you mean bpf?")));
  EXPECT_THAT(with(&CommonArguments::btf, "/no/such/file"),
              IsRefused(AllOf(HasSubstr("--btf=/no/such/file"), HasSubstr("No such file"))));
  EXPECT_THAT(with(&CommonArguments::vms, "libvrit"), IsRefused(HasSubstr("Did you mean libvirt?")));
}

// One verb with the options of all, parsed from words.
struct Parsed {
  std::optional<int> code;
  CommonArguments arguments;
  std::string said;
};
Parsed Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "vrapl");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Parsed parsed;
  VerbApp verb("vrapl made", "A verb for tests.", "");
  AddSourceOptions(verb.app(), parsed.arguments);
  AddRunOptions(verb.app(), parsed.arguments);
  testing::internal::CaptureStderr();
  parsed.code = verb.Parse(static_cast<int>(argv.size()), argv.data());
  parsed.said = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(VerbAppTest, UnderscoresAreHyphens) {
  const Parsed parsed = Parse({"--host_root=/a_b", "--base_power", "20W"});
  EXPECT_FALSE(parsed.code.has_value()) << parsed.said;
  EXPECT_EQ(parsed.arguments.host_root, "/a_b") << "but not in values";
  EXPECT_EQ(parsed.arguments.base_power, "20W");
}

TEST(VerbAppTest, EmulateTakesAValueOnlyAfterAnEqualsSign) {
  EXPECT_EQ(Parse({"--emulate"}).arguments.emulate, "default");
  EXPECT_EQ(Parse({"--emulate=zen3"}).arguments.emulate, "zen3");
  EXPECT_EQ(Parse({}).arguments.emulate, "");
}

TEST(VerbAppTest, AnUnknownOptionIsNamedWithWhatWasMeant) {
  const Parsed parsed = Parse({"--perid=1ms"});
  EXPECT_EQ(parsed.code, kExitUsage);
  EXPECT_THAT(parsed.said,
              AllOf(HasSubstr("--perid"), HasSubstr("did you mean --period?"), HasSubstr("vrapl made --help")));
}

// `--vm=$NAME` with NAME unset must not take the next option for the name.
TEST(VerbAppTest, AnEmptyValueIsAMissingOne) {
  const Parsed parsed = Parse({"--vm=", "--emulate"});
  EXPECT_EQ(parsed.code, kExitUsage);
  EXPECT_THAT(parsed.said, HasSubstr("--vm=: a value is missing"));
}

}  // namespace
}  // namespace vrapl
