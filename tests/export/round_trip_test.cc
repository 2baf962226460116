// Recorded, replayed, exported: the totals are those that were counted, to the tick.
#include <gmock/gmock.h>

#include <map>

#include "absl/strings/str_split.h"
#include "tests/export/made_recording.h"

namespace vrapl {
namespace {

// Sums per model, domain and who: what every row of every window came to.
class SumWriter final : public RowWriter {
 public:
  using Sums = std::map<std::string, std::pair<int64_t, int64_t>>;
  explicit SumWriter(Sums& sums) : sums_(sums) {}
  absl::Status Begin(const RecordedRun&, const ExportQuery&) override { return absl::OkStatus(); }
  absl::Status Write(const ExportRow& row) override {
    auto& [ticks, run_ns] =
        sums_[absl::StrCat(row.model_asked, " ", row.domain, " ", row.kind, " ", row.vm_name, " ", row.part)];
    ticks += row.energy_ticks;
    run_ns += row.run_time_ns;
    return absl::OkStatus();
  }
  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  Sums& sums_;
};

SumWriter::Sums SumsOf(const std::string& path, const ReplayOptions& options, By by) {
  SumWriter::Sums sums;
  absl::StatusOr<RecordedRun> run = ReadRecordedRun(path);
  EXPECT_THAT(run, IsOk());
  const std::unique_ptr<ExportSink> sink = MakeRowSink({.by = by}, std::make_unique<SumWriter>(sums));
  EXPECT_THAT(sink->Begin(*run), IsOk());
  EXPECT_THAT(Replay(path, options, [&](const FlushReport& report) { EXPECT_THAT(sink->Add(report), IsOk()); }),
              IsOk());
  EXPECT_THAT(sink->Finish(), IsOk());
  return sums;
}

TEST(RoundTripTest, WhatIsExportedIsWhatWasCountedWhateverTheWindow) {
  TempDir dir;
  const std::string path = dir.File("a.vrapl");
  MadeHost host({.packages = {{.package_id = 0}, {.package_id = 1, .cpus = {2, 3}, .seed = 2}},
                 .flush = {.flush_ns = 100 * kMs, .models = AllModels()},
                 .record_to = path});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000)});
  for (int i = 0; i < 6; ++i) {
    host.package(0).SetPower(0, 30 + 11 * (i % 3));
    host.RunFor(550 * kMs);
  }
  host.Finish();
  // By the run's own windows every row is as it was told live.
  const SumWriter::Sums parts = SumsOf(path, {}, By::kPart);
  ASSERT_GT(parts.size(), 50u);
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kDram}) {
    for (size_t m = 0; m < AllModels().size(); ++m) {
      for (const std::string vm : {"web", "db"}) {
        std::pair<int64_t, int64_t> sum;
        for (const auto& [key, row] : parts) {
          const std::string who = absl::StrCat(ModelName(AllModels()[m]), " ", DomainName(domain), " vm ", vm, " ");
          if (key.rfind(who, 0) == 0) sum = {sum.first + row.first, sum.second + row.second};
        }
        const MadeHost::RowSum live = host.Sum(RowKind::kVm, vm, domain, m);
        EXPECT_EQ(sum.first, static_cast<int64_t>(live.ticks)) << vm;
        EXPECT_EQ(sum.second, live.run_ns) << vm;
      }
    }
  }
  // By any windows and any sums the counters are what they counted.
  for (const int64_t window_ns : {int64_t{0}, kMs, 7 * kMs, 10 * kSecond}) {
    for (const By by : {By::kVm, By::kPackage, By::kDomain, By::kThread}) {
      std::map<std::string, int64_t> ticks;
      for (const auto& [key, row] :
           SumsOf(path, {.models = {Model::kCapacity}, .window_ns = window_ns, .by_thread = by == By::kThread}, by)) {
        ticks[std::vector<std::string>(absl::StrSplit(key, ' '))[1]] += row.first;
      }
      EXPECT_EQ(ticks["package"], static_cast<int64_t>(host.CounterSum(0, RaplDomain::kPackage) +
                                                       host.CounterSum(1, RaplDomain::kPackage)))
          << ByName(by) << " " << window_ns;
      EXPECT_EQ(ticks["dram"],
                static_cast<int64_t>(host.CounterSum(0, RaplDomain::kDram) + host.CounterSum(1, RaplDomain::kDram)));
    }
  }
}

}  // namespace
}  // namespace vrapl
