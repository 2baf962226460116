// Every model on a recording of the real scheduler, and the base power found on an emulated host whose own is known.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class CompareTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-compare-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  Ended Run(std::vector<std::string> words) const {
    words.insert(words.begin(), VRAPL);
    return Program(words, {.temp_dir = dir_}).Wait();
  }
  std::string File(const std::string& name) const { return dir_ + "/" + name; }
  static std::vector<Json> Lines(const std::string& text) {
    std::vector<Json> lines;
    for (const auto& line : absl::StrSplit(text, '\n', absl::SkipEmpty())) lines.push_back(Json::parse(line));
    return lines;
  }

  std::string dir_;
};

// A CPU that counts each core's energy, under the real scheduler: who ran on a core has its energy, to the tick.
TEST_F(CompareTest, SingleCoresAreDividedAmongThoseThatRanThere) {
  const std::string file = File("cores.vrapl");
  const Ended sampled = Run({"sample", "--emulate=zen3", "--vms=proc", "--duration=4s", "--model=core,base-share",
                             "--base-power=package=20W", "-o", file});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  const Ended replayed = Run({"replay", file, "--format=jsonl"});
  ASSERT_EQ(replayed.code, 0) << replayed.err;
  int cores = 0;
  for (const Json& flush : Lines(replayed.out)) {
    if (!flush.contains("counters")) continue;
    std::vector<Json> models(flush["other_models"].begin(), flush["other_models"].end());
    models.push_back(flush);
    for (const Json& model : models) {
      for (const Json& counter : model["counters"]) {
        const std::string domain = counter["domain"];
        if (domain.rfind("core:", 0) != 0) continue;
        ++cores;
        uint64_t ticks = 0;
        int64_t run_ns = 0;
        for (const Json& row : model["rows"]) {
          if (row["domain"] != domain) continue;
          ticks += row["energy_ticks"].get<uint64_t>();
          run_ns += row["run_time_ns"].get<int64_t>();
        }
        EXPECT_EQ(ticks, counter["energy_ticks"].get<uint64_t>()) << domain;
        EXPECT_EQ(run_ns % counter["dt_ns"].get<int64_t>(), 0) << domain << ": all time of its CPUs has a row";
      }
    }
  }
  EXPECT_GT(cores, 0) << replayed.out.substr(0, 2000);
  const Ended compared = Run({"compare", file});
  EXPECT_THAT(compared.out, testing::AllOf(HasSubstr(" core "), HasSubstr("core, J")));
}

TEST_F(CompareTest, EveryModelDividesTheSameCounter) {
  const std::string file = File("run.vrapl");
  const Ended sampled = Run({"sample", "--emulate", "--vms=proc", "--duration=3s", "--base-power=20W", "-o", file});
  ASSERT_EQ(sampled.code, 0) << sampled.err;
  const Ended compared = Run({"compare", file, "--format=jsonl"});
  ASSERT_EQ(compared.code, 0) << compared.err;
  EXPECT_THAT(compared.err, HasSubstr("EMULATED HARDWARE"));
  // By model and domain.
  std::map<std::pair<std::string, std::string>, int64_t> sums;
  for (const Json& line : Lines(compared.out)) {
    sums[{line["model"], line["domain"]}] += line["energy_uj"].get<int64_t>();
    EXPECT_EQ(line["source"], "emulated");
  }
  const Ended by_counter = Run({"export", file, "--by=domain", "--format=jsonl", "--window=1h"});
  std::map<std::string, int64_t> counters;
  for (const Json& line : Lines(by_counter.out)) counters[line["domain"]] += line["energy_uj"].get<int64_t>();
  std::set<std::string> models;
  for (const auto& [key, sum_uj] : sums) {
    models.insert(key.first);
    if (key.first == "energat") continue;
    // Microjoules of rows are rounded each; ticks are equal, which replay_test shows.
    EXPECT_NEAR(static_cast<double>(sum_uj), static_cast<double>(counters[key.second]), 20) << key.first << key.second;
  }
  EXPECT_EQ(models.size(), 7u);
  EXPECT_EQ(Run({"compare", file, "--format=jsonl"}).out, compared.out) << "the same bytes each time";

  EXPECT_FALSE(models.contains("core")) << "this CPU has no counters of single cores";

  const Ended text = Run({"compare", file, "--model=share,energat"});
  EXPECT_THAT(text.out, testing::AllOf(HasSubstr("package, J"), HasSubstr("energat: its shares do not sum"),
                                       testing::Not(HasSubstr("  active-idle"))));
  EXPECT_EQ(Run({"compare", file, "--from=10s"}).code, 2);
  EXPECT_EQ(Run({"compare", file, "--model=shar"}).code, 2);
  EXPECT_EQ(Run({"compare", File("none")}).code, 1);
}

TEST_F(CompareTest, CalibrateFindsTheBaseThatIsEmulated) {
  const Ended found = Run({"calibrate", "--emulate", "--emulator-option=--power=load:20W+15W/cpu", "--duration=12s"});
  EXPECT_THAT(found.err, HasSubstr("EMULATED HARDWARE"));
  // On a machine that others keep busy all the time it cannot be found, and that is said.
  const size_t busy = found.err.find("busy from ");
  ASSERT_NE(busy, std::string::npos) << found.err;
  if (found.code != 0) {
    EXPECT_GT(std::atof(found.err.c_str() + busy + 10), 20) << found.out << found.err;
    EXPECT_THAT(found.err, HasSubstr("let the host rest"));
    return;
  }
  const size_t at = found.out.find("--base-power=package=");
  ASSERT_NE(at, std::string::npos) << found.out;
  double watts = 0;
  const std::string number = found.out.substr(at + 21, found.out.find('W', at + 21) - at - 21);
  ASSERT_TRUE(absl::SimpleAtod(number, &watts)) << found.out;
  EXPECT_NEAR(watts, 20, 2) << found.out;
  // What it prints is what the others take.
  const std::vector<std::string> lines = absl::StrSplit(found.out, '\n', absl::SkipEmpty());
  EXPECT_EQ(Run({"sample", "--emulate", "--vms=proc", "--duration=100ms", "--window=100ms", lines.back()}).code, 0);
}

}  // namespace
}  // namespace vrapl
