#include "tests/guest/serve.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

std::vector<std::string> VraplWords(std::vector<std::string> words) {
  words.insert(words.begin(), VRAPL_PROGRAM);
  words.emplace_back("--format=jsonl");
  return words;
}

template <typename Wanted>
RowSum SumOf(const Json& rows, const std::string& domain, Wanted wanted) {
  RowSum sum;
  for (const Json& row : rows) {
    if (row["domain"] != domain || !wanted(row)) continue;
    RowSum one{.rows = 1,
               .ticks = row["energy_ticks"].get<uint64_t>(),
               .energy_uj = row["energy_uj"].get<int64_t>(),
               .active_uj = std::nullopt,
               .run_ns = row["run_time_ns"].get<int64_t>()};
    if (row["active_uj"].is_number()) one.active_uj = row["active_uj"].get<int64_t>();
    sum += one;
  }
  return sum;
}

}  // namespace

const Json* Flush::vm(const std::string& name) const {
  for (const Json& vm : json["vms"]) {
    if (vm["name"] == name) return &vm;
  }
  return nullptr;
}

const Json& Flush::counter(const std::string& domain) const {
  static const Json none;
  for (const Json& counter : json["counters"]) {
    if (counter["package"] == 0 && counter["domain"] == domain) return counter;
  }
  return none;
}

bool Flush::base_known() const {
  for (const Json& counter : json["counters"]) {
    if (counter["model"] != "base-share") return false;
  }
  return true;
}

RowSum& RowSum::operator+=(const RowSum& other) {
  rows += other.rows;
  ticks += other.ticks;
  energy_uj += other.energy_uj;
  if (active_uj && other.active_uj) {
    *active_uj += *other.active_uj;
  } else {
    active_uj = std::nullopt;
  }
  run_ns += other.run_ns;
  return *this;
}

RowSum SumOfKind(const Json& rows, const std::string& domain, const std::string& kind) {
  return SumOf(rows, domain, [&](const Json& row) { return kind.empty() || row["kind"] == kind; });
}

RowSum SumOfVm(const Json& rows, const std::string& domain, const std::string& name) {
  return SumOf(rows, domain, [&](const Json& row) { return row["kind"] == "vm" && row["name"] == name; });
}

RowSum SumOfRun(const Json& rows, const std::string& domain, const Json& vm) {
  return SumOf(rows, domain, [&](const Json& row) { return row["id"] == vm["id"] && row["pid"] == vm["pid"]; });
}

void ExpectRowsSumToCounters(const Flush& flush) {
  std::vector<const Json*> models = {&flush.json};
  if (const auto others = flush.json.find("other_models"); others != flush.json.end()) {
    for (const Json& other : *others) models.push_back(&other);
  }
  for (const Json* model : models) {
    struct Sums {
      uint64_t ticks = 0;
      int64_t energy_uj = 0;
      int64_t rows = 0;
    };
    std::map<std::tuple<int, int, std::string>, Sums> sums;
    const auto key = [](const Json& entry) {
      return std::make_tuple(entry["package"].get<int>(), entry.value("die", 0), entry["domain"].get<std::string>());
    };
    for (const Json& row : (*model)["rows"]) {
      Sums& sum = sums[key(row)];
      sum.ticks += row["energy_ticks"].get<uint64_t>();
      sum.energy_uj += row["energy_uj"].get<int64_t>();
      ++sum.rows;
    }
    ASSERT_EQ(sums.size(), (*model)["counters"].size());
    for (const Json& counter : (*model)["counters"]) {
      const Sums& sum = sums[key(counter)];
      EXPECT_EQ(sum.ticks, counter["energy_ticks"].get<uint64_t>())
          << "flush " << flush.seq() << ", " << counter["domain"] << ", " << (*model)["model"];
      // Each is the difference of two rounded cumulative values.
      EXPECT_NEAR(static_cast<double>(sum.energy_uj), counter["energy_uj"].get<double>(),
                  static_cast<double>(sum.rows) + 1);
    }
  }
}

Serve::Serve(std::vector<std::string> words) : child_(VraplWords(std::move(words))) {}

bool Serve::Await(size_t count, absl::Duration slack) {
  for (;;) {
    const size_t have = flushes().size();
    if (have >= count) return true;
    if (!child_.AwaitLines(have + 1, absl::Seconds(2) + slack)) return false;
  }
}

std::vector<Flush> Serve::flushes() {
  const std::vector<Child::Line> lines = child_.lines();
  for (size_t i = flushes_.size(); i < lines.size(); ++i) {
    Json json = Json::parse(lines[i].text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      ADD_FAILURE() << "not a JSON object: " << lines[i].text;
      json = {{"seq", 0}, {"t_ns", 0}, {"dt_ns", 0}, {"rows", Json::array()}, {"counters", Json::array()}};
    }
    flushes_.push_back({.json = std::move(json), .arrived_ns = lines[i].arrived_ns});
  }
  return flushes_;
}

std::vector<Flush> Serve::Stop(int* code) {
  child_.Signal(SIGTERM);
  const int exited = child_.Wait();
  if (code != nullptr) *code = exited;
  return flushes();
}

EmulatorProgram::EmulatorProgram(std::vector<std::string> options) {
  directory_ = testing::TempDir() + "/vrapl-guest-test-XXXXXX";
  if (::mkdtemp(directory_.data()) == nullptr) return;
  root_ = directory_ + "/host";
  truth_ = directory_ + "/truth.json";
  std::vector<std::string> words = {VRAPL_EMULATOR, "--mount", root_, "--truth", truth_, "--die-with-parent"};
  words.insert(words.end(), options.begin(), options.end());
  child_.emplace(std::move(words));
  ready_ = child_->AwaitLines(1, absl::Seconds(30));
}

EmulatorProgram::~EmulatorProgram() {
  child_.reset();
  ::unlink(truth_.c_str());
  ::rmdir(directory_.c_str());
}

Json EmulatorProgram::Truth() {
  ::unlink(truth_.c_str());
  child_->Signal(SIGUSR1);
  for (int tries = 0; tries < 500; ++tries) {
    if (const absl::StatusOr<std::string> text = ReadSmallFile(truth_); text.ok()) return Json::parse(*text);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "vrapl-emulator does not tell the truth";
  return nullptr;
}

}  // namespace vrapl
