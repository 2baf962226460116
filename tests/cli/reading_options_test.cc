// The verbs that read a recording take the same options, and what they say of idle and of the base power is one thing.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "tests/program.h"
#include "tests/sampler/known_updates.h"
#include "tests/sampler/made_host.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

constexpr const char* kReaders[] = {"replay", "export", "report", "compare"};

class ReadingOptionsTest : public testing::Test {
 protected:
  ReadingOptionsTest() : directory_(testing::TempDir() + absl::StrCat("vrapl-reading-", ::getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    MadeHost host({.flush = {.base_power_w = {{RaplDomain::kPackage, {20, 1}}}, .updates = UpdatesEachMs()},
                   .record_to = recording_});
    host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
    host.package().SetPower(0, 30);
    host.RunFor(8 * kSecond);
    host.Finish();
  }
  ~ReadingOptionsTest() override { std::filesystem::remove_all(directory_); }

  Ended Ask(const std::string& verb, const std::vector<std::string>& options) const {
    std::vector<std::string> words = {VRAPL, verb, recording_};
    words.insert(words.end(), options.begin(), options.end());
    if (verb == "report") words.push_back("--methods");
    return Program(words).Wait();
  }
  static std::vector<Json> Lines(const std::string& text) {
    std::vector<Json> lines;
    for (const auto& line : absl::StrSplit(text, '\n', absl::SkipEmpty())) lines.push_back(Json::parse(line));
    return lines;
  }

  const std::string directory_;
  const std::string recording_ = directory_ + "/run.vrapl";
};

TEST_F(ReadingOptionsTest, EveryVerbTakesTheSame) {
  for (const std::string verb : kReaders) {
    for (const char* option : {"--from=1s", "--to=6s", "--model=share", "--window=500ms", "--phases",
                               "--base-power=19.5W+-1.3W", "--base-power=package=19W,dram=2W+-0.5W", "--idle=own"}) {
      EXPECT_EQ(Ask(verb, {option}).code, 0) << verb << option;
    }
    std::vector<std::string> idle = {"--idle=equal"};
    if (verb == "export") idle.push_back("--by=vm");
    const Ended ended = Ask(verb, idle);
    EXPECT_EQ(ended.code, 0) << verb << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("idle"));
    EXPECT_NE(ended.out, Ask(verb, {idle.size() > 1 ? "--by=vm" : "--idle=own"}).out) << verb << " shows who pays";
  }
}

TEST_F(ReadingOptionsTest, ABaseThatCannotBeIsRefusedAndOneThatIsTooHighIsSaid) {
  for (const std::string verb : kReaders) {
    const Ended absent = Ask(verb, {"--base-power=psys=10W"});
    EXPECT_EQ(absent.code, 2) << verb;
    EXPECT_THAT(absent.err, AllOf(HasSubstr("no counter of psys"), HasSubstr("there are package, dram"))) << verb;
    EXPECT_EQ(Ask(verb, {"--base-power=9999W"}).code, 2) << verb;
    const Ended high = Ask(verb, {"--base-power=900W"});
    EXPECT_EQ(high.code, 0) << verb;
    EXPECT_THAT(high.err, HasSubstr("--base-power gives package-0 900 W, and it draws")) << verb;
    EXPECT_THAT(Ask(verb, {}).err, Not(HasSubstr("and it draws"))) << verb;
  }
}

// energy_uj of a VM is one thing wherever it stands, and idle_uj is beside it.
TEST_F(ReadingOptionsTest, IdleIsBesideEnergyEverywhere) {
  struct Sums {
    int64_t energy_uj = 0;
    int64_t idle_uj = 0;
    int64_t idle_row_uj = 0;
  };
  const auto of_export = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"--by=vm", "--format=jsonl"};
    options.insert(options.end(), more.begin(), more.end());
    Sums sums;
    for (const Json& row : Lines(Ask("export", options).out)) {
      if (row["kind"] == "idle") sums.idle_row_uj += row["energy_uj"].get<int64_t>();
      if (row["kind"] != "vm") continue;
      sums.energy_uj += row["energy_uj"].get<int64_t>();
      if (!row["idle_uj"].is_null()) sums.idle_uj += row["idle_uj"].get<int64_t>();
    }
    return sums;
  };
  const auto of_replay = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"--format=jsonl"};
    options.insert(options.end(), more.begin(), more.end());
    Sums sums;
    for (const Json& flush : Lines(Ask("replay", options).out)) {
      for (const Json& vm : flush["vms"]) {
        sums.energy_uj += vm["energy_uj"].get<int64_t>();
        sums.idle_uj += vm.value("idle_uj", int64_t{0});
      }
    }
    return sums;
  };
  const auto of_csv = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"--format=csv"};
    options.insert(options.end(), more.begin(), more.end());
    Sums sums;
    for (const absl::string_view line : absl::StrSplit(Ask("replay", options).out, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> fields = absl::StrSplit(line, ',');
      if (fields[2] != "vm") continue;
      sums.energy_uj += std::stoll(fields[11]);
      sums.idle_uj += fields[14].empty() ? 0 : std::stoll(fields[14]);
    }
    return sums;
  };
  const Sums own = of_export({});
  EXPECT_EQ(own.idle_uj, 0);
  const Sums shared = of_export({"--idle=equal"});
  EXPECT_EQ(shared.energy_uj, own.energy_uj);
  EXPECT_EQ(shared.idle_row_uj, own.idle_row_uj) << "the row stays what it is";
  EXPECT_GT(shared.idle_uj, shared.idle_row_uj * 9 / 10);
  EXPECT_LE(shared.idle_uj, shared.idle_row_uj + 100);
  for (const Sums& sums : {of_replay({"--idle=equal"}), of_csv({"--idle=equal"})}) {
    EXPECT_EQ(sums.energy_uj, own.energy_uj);
    EXPECT_EQ(sums.idle_uj, shared.idle_uj);
  }
  EXPECT_EQ(of_replay({}).idle_uj, 0);
}

// The interval that came with the run's base is in the recording, and another in its place counts.
TEST_F(ReadingOptionsTest, TheBasesIntervalIsInThoseOfVms) {
  const auto err_uj = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"--by=vm", "--format=jsonl", "--window=8s"};
    options.insert(options.end(), more.begin(), more.end());
    for (const Json& row : Lines(Ask("export", options).out)) {
      if (row["kind"] == "vm" && row["domain"] == "package" && !row["err_uj"].is_null()) {
        return row["err_uj"].get<int64_t>();
      }
    }
    return int64_t{-1};
  };
  const int64_t recorded = err_uj({});
  EXPECT_GT(recorded, 0);
  EXPECT_EQ(err_uj({"--base-power=20W+-1W"}), recorded);
  EXPECT_LT(err_uj({"--base-power=20W"}), recorded);
  EXPECT_GT(err_uj({"--base-power=20W+-4W"}), 2 * recorded);
}

}  // namespace
}  // namespace vrapl
