// Who used the energy: two real guests on a host whose registers are emulated, and every tick of them is known.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "tests/guest/recording_emulator.h"
#include "tests/guest/schedstat_log.h"
#include "tests/guest/two_guests.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr double kBaseWatts = 20;
constexpr double kWattsPerCpu = 15;

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }
double Percent(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }

// The flushes of a run against the reads of the registers that it was made of.
struct OnReads {
  Placement placement;
  std::vector<int64_t> at_ns;  // CLOCK_MONOTONIC: flush i is from at_ns[i] to at_ns[i + 1]
};

// Every flush ends on a read of the counter's register, to the tick; the run's whole is the difference of two reads.
OnReads ExpectOnReads(const RecordingEmulator& emulator, const std::vector<Flush>& flushes, int package,
                      const std::string& domain) {
  std::vector<uint64_t> counts;
  std::vector<int64_t> t_ns;
  uint64_t count = 0;
  int64_t t = 0;
  uint64_t rows = 0;
  for (const Flush& flush : flushes) {
    for (const Json& counter : flush.json["counters"]) {
      if (counter["package"] != package || counter["domain"] != domain) continue;
      counts.push_back(count += counter["energy_ticks"].get<uint64_t>());
      t_ns.push_back(t += counter["dt_ns"].get<int64_t>());
    }
    for (const Json& row : flush.rows()) {
      if (row["package"] == package && row["domain"] == domain) rows += row["energy_ticks"].get<uint64_t>();
    }
  }
  const MsrAddress address = domain == "dram" ? kMsrDramEnergyStatus : kMsrPkgEnergyStatus;
  const std::vector<RecordingEmulator::ReadOut> reads = emulator.Reads(package, address);
  OnReads result{.placement = PlaceInReads(reads, counts, t_ns)};
  EXPECT_TRUE(result.placement.found) << "package " << package << " " << domain << ": " << counts.size()
                                      << " flushes are not differences of the " << reads.size() << " reads";
  if (!result.placement.found) return result;
  uint64_t moved = 0;  // between the first and the last read, in 64 bits
  for (size_t i = result.placement.first + 1; i <= result.placement.at.back(); ++i) {
    moved += static_cast<uint32_t>(reads[i].ticks - reads[i - 1].ticks);
  }
  EXPECT_EQ(rows, moved);
  EXPECT_EQ(result.placement.at.back(), reads.size() - 1) << "the last sample is the last read";
  result.at_ns.push_back(reads[result.placement.first].t_ns);
  for (const size_t at : result.placement.at) result.at_ns.push_back(reads[at].t_ns);
  Say("package %d %-7s: %d flushes, each ends on a read of the register (of %d, times agree to %d us); rows' sum %d, "
      "register moved %d, difference %d ticks",
      package, domain, counts.size(), reads.size(), result.placement.most_apart_ns / 1000, rows, moved,
      static_cast<int64_t>(rows - moved));
  return result;
}

// A package is quiet when all its CPUs are idle: less idle than this, per cent, and one of them may always be busy.
double QuietAbove() {
  const double cpus = std::max(1U, std::thread::hardware_concurrency());
  return 100 * (cpus - 1) / cpus + 5;
}

// The largest share of all CPU time, in percent, that was idle in a flush.
double MostIdle(const std::vector<Flush>& flushes) {
  double most = 0;
  for (const Flush& flush : flushes) {
    most = std::max(most, Percent(static_cast<double>(SumOfKind(flush.rows(), "package", "idle").run_ns),
                                  static_cast<double>(SumOfKind(flush.rows(), "package", "").run_ns)));
  }
  return most;
}

// How punctual the run was, by its own count.
void SaySamplers(const Flush& last) {
  for (const Json& sampler : last.json["samplers"]) {
    const auto us = [&](const char* key) { return sampler[key].get<int64_t>() / 1000; };
    const auto count = [&](const char* key) { return sampler[key].get<int64_t>(); };
    Say("package %d, %.3f s: %d samples, %d late, %d missed, %d dropped, %d reads failed; late by p50 %d us, p99 %d "
        "us, "
        "p99.9 %d us, max %d us",
        sampler["package"].get<int>(), Seconds(last.t_ns()), count("samples"), count("late"), count("missed"),
        count("dropped"), count("read_errors"), us("late_p50_ns"), us("late_p99_ns"), us("late_p999_ns"),
        us("late_max_ns"));
  }
}

std::vector<std::string> Words(std::vector<std::string> words, std::string more) {
  words.push_back(std::move(more));
  return words;
}

class EnergyTest : public TwoGuests {};

// A flush that lies between two instants as a whole, and in which the base was known.
std::vector<size_t> Between(const std::vector<Flush>& flushes, const OnReads& on_reads, int64_t from_ns,
                            int64_t to_ns) {
  std::vector<size_t> between;
  for (size_t i = 0; i < flushes.size(); ++i) {
    if (on_reads.at_ns[i] >= from_ns && on_reads.at_ns[i + 1] <= to_ns && flushes[i].base_known() &&
        !flushes[i].last()) {
      between.push_back(i);
    }
  }
  return between;
}

// 15 W for each CPU that the guest kept busy, by vrapl's own run time and by the kernel's.
void ExpectActivePower(const Guest& guest, const std::vector<Flush>& flushes, const std::vector<size_t>& which,
                       const OnReads& on_reads, const SchedstatLog& schedstat) {
  double active_j = 0;
  double cpu_s = 0;
  double scheduled_s = 0;
  double time_s = 0;
  double worst_base_err_w = 0;
  const pid_t pid = *guest.Pid();
  for (const size_t i : which) {
    const RowSum rows = SumOfVm(flushes[i].rows(), "package", guest.name());
    ASSERT_TRUE(rows.active_uj.has_value());
    const double flush_j = static_cast<double>(*rows.active_uj) * 1e-6;
    const double flush_s = Seconds(rows.run_ns);
    const Json& base = flushes[i].counter("package");
    // Counters move once a millisecond and are read blindly, so energy of one millisecond may go to who ran in the
    // next: over many that is nothing, and in a flush of a crowded host some percent. So is what is not known of the
    // base.
    const double expected_flush_w = kWattsPerCpu * flush_s / Seconds(flushes[i].dt_ns());
    const double off_w = flush_j / Seconds(flushes[i].dt_ns()) - expected_flush_w;
    Say("flush %2d: %s ran %.3f of a CPU, active %.3f W (%+.2f %%); base %.3f W +- %.3f", flushes[i].seq(),
        guest.name(), flush_s / Seconds(flushes[i].dt_ns()), flush_j / Seconds(flushes[i].dt_ns()),
        Percent(flush_j - kWattsPerCpu * flush_s, kWattsPerCpu * flush_s), base.value("base_w", 0.0),
        base.value("base_err_w", 0.0));
    EXPECT_LE(std::abs(off_w), 0.1 * expected_flush_w + base.value("base_err_w", 0.0)) << "flush " << flushes[i].seq();
    worst_base_err_w = std::max(worst_base_err_w, base.value("base_err_w", 0.0));
    active_j += flush_j;
    cpu_s += flush_s;
    time_s += Seconds(flushes[i].dt_ns());
    scheduled_s += Seconds(schedstat.RunNs(pid, on_reads.at_ns[i + 1]).middle_ns() -
                           schedstat.RunNs(pid, on_reads.at_ns[i]).middle_ns());
  }
  const double expected_w = kWattsPerCpu * cpu_s / time_s;
  const double kernel_w = kWattsPerCpu * scheduled_s / time_s;
  const double active_w = active_j / time_s;
  Say("%s busy, %d flushes: active %.3f W; 15 W x its CPU share %.4f = %.3f W (%+.2f %%); by schedstat %.4f = "
      "%.3f W (%+.2f %%)",
      guest.name(), which.size(), active_w, cpu_s / time_s, expected_w, Percent(active_w - expected_w, expected_w),
      scheduled_s / time_s, kernel_w, Percent(active_w - kernel_w, kernel_w));
  // On a machine that others keep busy the base is a guess, and says so: then nobody can be surer than it is.
  constexpr double kGuessW = 2;
  const double guess_w = worst_base_err_w > kGuessW ? worst_base_err_w : 0;
  EXPECT_NEAR(active_w, expected_w, 0.05 * expected_w + guess_w);
  EXPECT_NEAR(active_w, kernel_w, 0.05 * kernel_w + guess_w);
}

// Ten flushes of run time, against what the kernel counted between the same two instants. Those are the instants of the
// reads that begin and end the flushes; the kernel's count at them lies between the looks before and after.
void ExpectRunTimeIsTheKernels(const Guest& guest, const std::vector<Flush>& flushes, size_t from, size_t count,
                               const OnReads& on_reads, const SchedstatLog& schedstat) {
  const pid_t pid = *guest.Pid();
  int64_t run_ns = 0;
  for (size_t i = from; i < from + count; ++i) run_ns += SumOfVm(flushes[i].rows(), "package", guest.name()).run_ns;
  const SchedstatLog::Bounds begin = schedstat.RunNs(pid, on_reads.at_ns[from]);
  const SchedstatLog::Bounds end = schedstat.RunNs(pid, on_reads.at_ns[from + count]);
  const int64_t least_ns = end.least_ns - begin.most_ns;
  const int64_t most_ns = end.most_ns - begin.least_ns;
  const double middle_ns = static_cast<double>(end.middle_ns() - begin.middle_ns());
  const double time_s = Seconds(on_reads.at_ns[from + count] - on_reads.at_ns[from]);
  Say("%s over %.1f s: run time %.6f s, schedstat %.6f s (%+.3f %%; its ends are known to %.6f .. %.6f)", guest.name(),
      time_s, Seconds(run_ns), middle_ns * 1e-9, Percent(static_cast<double>(run_ns) - middle_ns, middle_ns),
      Seconds(least_ns), Seconds(most_ns));
  EXPECT_GE(time_s, 19.9);
  EXPECT_GE(static_cast<double>(run_ns), 0.99 * static_cast<double>(least_ns));
  EXPECT_LE(static_cast<double>(run_ns), 1.01 * static_cast<double>(most_ns));
}

TEST_F(EnergyTest, EveryTickHasARowAndTheBusyGuestPaysForItsCpu) {
  absl::StatusOr<std::unique_ptr<RecordingEmulator>> emulator =
      RecordingEmulator::Start({.power = absl::StrCat("load:", kBaseWatts, "W+", kWattsPerCpu, "W/cpu")});
  ASSERT_THAT(emulator, IsOk());
  const SchedstatLog schedstat({*ada().Pid(), *bob().Pid()});
  AwaitQuiet();
  MarkConsoles();
  const std::vector<std::string> words = {"serve", "--host-root=" + (*emulator)->root(), "--serial-port=1"};
  std::optional<Serve> serve(std::in_place, words);
  ASSERT_TRUE(serve->Await(3)) << "no flush";
  ASSERT_THAT(ada().Do("busy 1"), IsOk());
  int64_t ada_from_ns = MonotonicNs();
  const auto base_known = [](const Flush& flush) { return flush.base_known(); };
  std::optional<size_t> known = serve->AwaitThat(base_known, 0, 12);
  if (!known.has_value()) {
    const double most_idle = MostIdle(serve->flushes());
    ASSERT_LT(most_idle, QuietAbove()) << "this machine was idle for so much of a flush, and the base was not learned";
    // Nobody can tell the base of a machine that never rests.
    Say("this machine had no rest (at most %.1f %% idle): the base is given, not learned", most_idle);
    serve->Stop();
    MarkConsoles();
    serve.emplace(Words(words, "--base-power=package=20W,dram=2W"));
    ada_from_ns = MonotonicNs();
    known = serve->AwaitThat(base_known, 0, 3);
    ASSERT_TRUE(known.has_value()) << "the base is given and not used";
  }
  const size_t from = serve->flushes().size() + 1;  // the first flush in which ada was busy all the time
  size_t with_base = 0;
  for (size_t i = from; with_base < 10; ++i) {
    ASSERT_LT(i, from + 20) << "the base was known and is forgotten";
    ASSERT_TRUE(serve->Await(i + 1));
    with_base += serve->flushes()[i].base_known() ? 1 : 0;
  }
  const int64_t ada_to_ns = MonotonicNs();
  ASSERT_THAT(ada().Do("idle"), IsOk());
  ASSERT_THAT(bob().Do("busy 1"), IsOk());
  const int64_t bob_from_ns = MonotonicNs();
  ASSERT_TRUE(serve->Await(serve->flushes().size() + 7));
  const int64_t bob_to_ns = MonotonicNs();
  absl::SleepFor(absl::Seconds(1));
  int code = -1;
  const std::vector<Flush> flushes = serve->Stop(&code);
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(flushes.back().last());
  absl::SleepFor(absl::Seconds(1));

  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
  const OnReads package = ExpectOnReads(**emulator, flushes, 0, "package");
  const OnReads dram = ExpectOnReads(**emulator, flushes, 0, "dram");
  ASSERT_TRUE(package.placement.found && dram.placement.found);
  const Json truth = Json::parse((*emulator)->host().Truth())["packages"][0]["domains"][0];
  EXPECT_EQ(truth["reads"], (*emulator)->Reads(0, kMsrPkgEnergyStatus).size());

  SaySamplers(flushes.back());
  const Json& learned = flushes[flushes.size() - 2].counter("package");
  Say("base: known from flush %d on; at the end %.3f W +- %.3f (95 %%), emulated %.1f W", flushes[*known].seq(),
      learned.value("base_w", 0.0), learned.value("base_err_w", 0.0), kBaseWatts);
  EXPECT_NEAR(learned.value("base_w", 0.0), kBaseWatts, 0.05 * kBaseWatts);

  const std::vector<size_t> ada_busy = Between(flushes, package, ada_from_ns, ada_to_ns);
  const std::vector<size_t> bob_busy = Between(flushes, package, bob_from_ns, bob_to_ns);
  ASSERT_GE(ada_busy.size(), 10u);
  ASSERT_GE(bob_busy.size(), 5u);
  ExpectActivePower(ada(), flushes, ada_busy, package, schedstat);
  ExpectActivePower(bob(), flushes, bob_busy, package, schedstat);

  for (const Guest* guest : {&ada(), &bob()}) {
    ExpectRunTimeIsTheKernels(*guest, flushes, ada_busy[0], 10, package, schedstat);
    ExpectLinesTellTheLedger(guest->name(), flushes);
    for (const char* port : {"ttyS1", "virtio"}) ExpectEveryLine(*guest, port, SinceMark(*guest), flushes);
  }
}

// Two packages have a sampler, a counter and a base each; a guest is on both, and its line is their sum.
TEST_F(EnergyTest, TwoPackagesAreChargedEachByItself) {
  absl::StatusOr<std::unique_ptr<RecordingEmulator>> emulator = RecordingEmulator::Start({.packages = 2});
  if (!emulator.ok()) GTEST_SKIP() << emulator.status().message();  // one CPU cannot be two packages
  MarkConsoles();
  Serve serve({"serve", "--host-root=" + (*emulator)->root(), "--serial-port=1"});
  ASSERT_THAT(bob().Do("busy 1"), IsOk());
  ASSERT_TRUE(serve.Await(5));
  const std::vector<Flush> flushes = serve.Stop();
  absl::SleepFor(absl::Seconds(1));
  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    EXPECT_EQ(flush.json["counters"].size(), 4u);
    EXPECT_EQ(flush.json["samplers"].size(), 2u);
  }
  for (const int package : {0, 1}) {
    for (const char* domain : {"package", "dram"}) ExpectOnReads(**emulator, flushes, package, domain);
  }
  SaySamplers(flushes.back());
  ExpectLinesTellTheLedger("bob", flushes);
  ExpectEveryLine(bob(), "ttyS1", SinceMark(bob()), flushes);
}

// Nobody works and the power does not follow the load: the energy is the idle row's, and what vrapl costs is no more
// than what it runs.
TEST_F(EnergyTest, AnIdleHostsEnergyIsTheIdleRows) {
  EmulatorProgram emulator({"--power=const:80W"});
  ASSERT_TRUE(emulator.ready());
  AwaitQuiet();
  Serve serve({"serve", "--host-root=" + emulator.root(), "--model=base-share,share"});
  ASSERT_TRUE(serve.Await(10));
  const std::vector<Flush> flushes = serve.Stop();
  for (const Flush& flush : flushes) {
    ExpectRowsSumToCounters(flush);
    if (flush.last()) continue;
    const std::string model = flush.counter("package")["model"];
    const auto ticks = flush.counter("package")["energy_ticks"].get<double>();
    const Json& share = flush.json["other_models"][0];
    ASSERT_EQ(share["model"], "share");
    const auto energy = [&](const Json& rows, const char* kind) {
      return Percent(static_cast<double>(SumOfKind(rows, "package", kind).ticks), ticks);
    };
    const auto time = [&](const char* kind) {
      return Percent(static_cast<double>(SumOfKind(flush.rows(), "package", kind).run_ns),
                     static_cast<double>(SumOfKind(flush.rows(), "package", "").run_ns));
    };
    Say("flush %2d %-10s: idle row %5.1f %% of the energy (%5.1f %% of CPU time), vrapl %5.2f %% (%4.2f %%)    share: "
        "idle "
        "%5.1f %%, vrapl %5.1f %%",
        flush.seq(), model, energy(flush.rows(), "idle"), time("idle"), energy(flush.rows(), "vrapl"), time("vrapl"),
        energy(share["rows"], "idle"), energy(share["rows"], "vrapl"));
    // While the base is not known the idle row has the share of CPU time that was idle, whatever else this machine
    // does.
    const double idle_at_least = model == "capacity" ? std::min(90.0, time("idle") - 1) : 90.0;
    EXPECT_GE(energy(flush.rows(), "idle"), idle_at_least) << "flush " << flush.seq();
    EXPECT_LE(energy(flush.rows(), "vrapl"), time("vrapl") + 1) << "flush " << flush.seq();
  }
  EXPECT_TRUE(flushes[flushes.size() - 2].base_known() || MostIdle(flushes) < QuietAbove())
      << "the base was not learned";
}

// Registers of 32 bits, and powercap's files with their own range, that begin anew in the middle of the run: package
// after some 5 s, memory after 13 s.
TEST_F(EnergyTest, WraparoundChangesNoFigure) {
  constexpr double kWatts = 80;
  constexpr double kDramWatts = 8;
  // The kernel's powercap driver takes a server's DRAM tick for 15.3 uJ (intel_rapl_msr.c); it is 2^-16 J.
  constexpr double kPowercapDramTick = 15.3e-6 * 65536;
  constexpr uint64_t kStart = (uint64_t{1} << 32) - 7'000'000;
  absl::StatusOr<std::unique_ptr<RecordingEmulator>> emulator =
      RecordingEmulator::Start({.power = "const:80W", .start_ticks = kStart});
  ASSERT_THAT(emulator, IsOk());
  ASSERT_THAT(bob().Do("busy 1"), IsOk());
  MarkConsoles();
  Serve msr({"serve", "--host-root=" + (*emulator)->root(), "--backend=msr", "--serial-port=1"});
  Serve sysfs({"sample", "--host-root=" + (*emulator)->root(), "--backend=sysfs", "--window=2s"});
  ASSERT_TRUE(msr.Await(9));
  ASSERT_TRUE(sysfs.Await(9));
  const std::vector<Flush> by_msr = msr.Stop();
  const std::vector<Flush> by_sysfs = sysfs.Stop();
  absl::SleepFor(absl::Seconds(1));

  const Json domains = Json::parse((*emulator)->host().Truth())["packages"][0]["domains"];
  for (const Json& domain : domains) {
    EXPECT_GT(kStart + domain["last_read_ticks"].get<uint64_t>(), uint64_t{1} << 32) << "no wraparound to test";
    EXPECT_LT(kStart + domain["first_read_ticks"].get<uint64_t>(), uint64_t{1} << 32);
  }
  for (const char* domain : {"package", "dram"}) {
    ExpectOnReads(**emulator, by_msr, 0, domain);
    for (const std::vector<Flush>* flushes : {&by_msr, &by_sysfs}) {
      double watts = domain == std::string("dram") ? kDramWatts : kWatts;
      if (domain == std::string("dram") && flushes == &by_sysfs) watts *= kPowercapDramTick;
      double least = 1e9;
      double most = 0;
      for (const Flush& flush : *flushes) {
        ExpectRowsSumToCounters(flush);
        if (flush.last()) continue;
        const Json& counter = flush.counter(domain);
        const double power = counter["energy_uj"].get<double>() * 1e3 / counter["dt_ns"].get<double>();
        least = std::min(least, power);
        most = std::max(most, power);
        EXPECT_NEAR(power, watts, 0.002 * watts) << "flush " << flush.seq() << " by " << flush.json["backend"];
      }
      Say("%-7s by %-5s: %d flushes of %.4f .. %.4f W, emulated %.4f W, with a wraparound", domain,
          flushes->front().json["backend"].get<std::string>(), flushes->size(), least, most, watts);
    }
  }
  ExpectLinesTellTheLedger("bob", by_msr);
  ExpectEveryLine(bob(), "ttyS1", SinceMark(bob()), by_msr);
}

// 30 s at 1 kHz beside a busy guest, by the run's own count.
TEST_F(EnergyTest, EveryMillisecondIsASampleOrCountedAsMissed) {
  AwaitQuiet();
  ASSERT_THAT(ada().Do("busy 1"), IsOk());
  Serve serve({"serve", "--emulate", "--period=1ms"});
  ASSERT_TRUE(serve.Await(15));
  const std::vector<Flush> flushes = serve.Stop();
  const Flush& last = flushes.back();
  const Json& sampler = last.json["samplers"][0];
  SaySamplers(last);
  const int64_t ticks = sampler["samples"].get<int64_t>() + sampler["missed"].get<int64_t>();
  EXPECT_GE(last.t_ns(), 30 * kNanosPerSecond);
  EXPECT_EQ(sampler["dropped"], 0);
  EXPECT_EQ(sampler["lost_records"], 0);
  // The last tick was less than a period before the end of the last sample, and that sample takes a moment.
  EXPECT_LE(ticks * kNanosPerMilli, last.t_ns());
  EXPECT_GE(ticks * kNanosPerMilli, last.t_ns() - 2 * kNanosPerMilli);
  // t_ns is vrapl's; the flushes came at that pace here too.
  EXPECT_NEAR(Seconds(last.arrived_ns - flushes.front().arrived_ns), Seconds(last.t_ns() - flushes.front().t_ns()),
              0.3);
  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
}

}  // namespace
}  // namespace vrapl
