// What does a flush cost that tells 1 000 guests, and what do guests cost the others that do not read, or that write
// without end?
//
//   delivery_bench [--ports=1000] [--flushes=400]
//
// Ports are unix sockets with readers in a process of their own. Beside our flush stands a bare loop of as many send()
// of the same line to as many sockets with the same readers: nothing that tells each guest can be cheaper. A flush is
// PortSet::Deliver() to every VM. PortSet::Look() has its time between flushes and is told beside it.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/interleave.h"
#include "bench/paired.h"
#include "bench/port_readers.h"
#include "delivery/port_set.h"
#include "guest_line/guest_line.h"

namespace vrapl {
namespace {

template <typename T>
T OrExit(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

void OrExit(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

// As long as a line is in the tenth hour of a VM.
std::string Line() {
  GuestLine line;
  line.seq = 18'000;
  line.unix_ms = 1763767882271;
  line.dt_us = 2000013;
  line.power_mw = 12450;
  line.energy_uj = 318421000000;
  line.active_power_mw = 8600;
  line.active_uj = 238421000000;
  line.err_uj = 1200000;
  line.quantum_uj = 100000;
  line.run_time_ns = 36'000'000'000'000;
  line.vcpus = 4;
  line.model = "base-share";
  line.source = "msr";
  line.run_time_method = "bpf";
  return FormatGuestLine(line);
}

std::string Directory(const std::string& name) {
  const std::string path = absl::StrCat("/tmp/delivery_bench.", ::getpid(), "/", name);
  std::filesystem::create_directories(path);
  return path;
}

// As many sockets, and a send to each.
class BareLoop {
 public:
  explicit BareLoop(const PortReaders& readers) {
    for (const std::string& path : readers.paths()) {
      UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path.copy(address.sun_path, sizeof address.sun_path - 1);
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        OrExit(PosixError(errno, absl::StrCat("connect to ", path)));
      }
      fds_.push_back(std::move(fd));
    }
  }

  void Flush(const std::string& line) {
    for (const UniqueFd& fd : fds_) {
      if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(line.size()))
        ++dropped_;
    }
  }
  uint64_t dropped() const { return dropped_; }

 private:
  std::vector<UniqueFd> fds_;
  uint64_t dropped_ = 0;
};

// One VM for each path, as the daemon has them.
class Delivery {
 public:
  explicit Delivery(const std::vector<std::string>& paths) {
    std::vector<VmPorts> vms;
    for (size_t i = 0; i < paths.size(); ++i) {
      // Like a UUID: what is the same in all comes first too seldom to matter.
      const std::string uuid = absl::StrFormat("%08x-6d1c-4f0e-9a37-%012x", i * 2654435761U, i);
      vms.push_back({.vm = {.uuid = uuid, .pid = static_cast<pid_t>(1000 + i), .start_time = 7 * i},
                     .ports = {{.type = PortType::kUnixSocket, .path = paths[i]}}});
      vms_.push_back(vms.back().vm);
    }
    ports_.Update(vms);
  }

  // To those of whom `wanted` is set.
  void Flush(const std::string& line, const std::vector<char>& wanted) {
    for (size_t i = 0; i < vms_.size(); ++i) {
      if (wanted[i] == 0) continue;
      const DeliveryCount count = ports_.Deliver(vms_[i], line);
      unsent_ += static_cast<uint64_t>(1 - count.sent);
      failed_ += static_cast<uint64_t>(count.errors + count.not_connected);
    }
  }
  void Look() {
    const int64_t start_ns = MonotonicNs();
    ports_.Look();
    ports_.LookAgain();
    look_ns_.push_back(static_cast<double>(MonotonicNs() - start_ns));
  }
  Spread look_ns() const { return MedianOf(look_ns_); }
  uint64_t unsent() const { return unsent_; }
  uint64_t failed() const { return failed_; }

 private:
  PortSet ports_{RealClock()};
  std::vector<VmKey> vms_;
  std::vector<double> look_ns_;
  uint64_t unsent_ = 0;
  uint64_t failed_ = 0;
};

double Quantile(std::vector<double> values, double which) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(which * static_cast<double>(values.size() - 1) + 0.5)];
}

Spread InUs(Spread ns) { return {ns.median / 1e3, ns.low / 1e3, ns.high / 1e3}; }

void Print(const Comparison& found) {
  std::printf("Control, the first against itself: %s.", Describe(found.control, 3).c_str());
  if (!found.sound()) {
    std::printf(" It excludes 1, or something was lost (%s): no figures.\n\n", found.ways.front().flaw.c_str());
    return;
  }
  std::printf("\n\n| way | p50, us [95 %%] | p99, us | to the first [95 %%] | above it, us [95 %%] |\n");
  std::printf("| --- | --- | --- | --- | --- |\n");
  for (const Comparison::Measured& way : found.ways) {
    if (!way.flaw.empty()) {
      std::printf("| %s | no figures: %s | | | |\n", way.name.c_str(), way.flaw.c_str());
      continue;
    }
    std::printf("| %s | %s | %.0f | %s | %s |\n", way.name.c_str(), Describe(InUs(way.ns), 0).c_str(),
                Quantile(way.block_ns, 0.99) / 1e3, Describe(way.to_first, 3).c_str(),
                Describe(InUs(way.above_ns), 1).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

void AllRead(int ports, int flushes, ReaderTurn turn) {
  const std::string line = Line();
  const std::vector<GuestEnd> ends(static_cast<size_t>(ports), GuestEnd::kReads);
  const auto bare_readers = OrExit(PortReaders::Start(Directory("bare"), ends, turn));
  const auto our_readers = OrExit(PortReaders::Start(Directory("ours"), ends, turn));
  BareLoop bare(*bare_readers);
  Delivery ours(our_readers->paths());
  const std::vector<char> all(ends.size(), 1);
  const std::vector<Way> ways = {{.name = absl::StrCat("bare loop of ", ports, " send()"),
                                  .run = [&](int64_t) { bare.Flush(line); },
                                  .after = [&] { OrExit(bare_readers->ReadAll()); },
                                  .dropped = [&] { return bare.dropped(); }},
                                 {.name = "our flush",
                                  .run = [&](int64_t) { ours.Flush(line, all); },
                                  .after =
                                      [&] {
                                        OrExit(our_readers->ReadAll());
                                        ours.Look();
                                      },
                                  .dropped = [&] { return ours.unsent(); }}};
  std::printf("### All read, %s\n\n", turn == ReaderTurn::kWhenAsked ? "between flushes: a send wakes nobody"
                                                                     : "at once: sends wake the reader");
  Print(Compare(ways, {.rounds = flushes, .times = 1}));
  std::printf("Between flushes, the look at all ports: %s us.\n\n", Describe(InUs(ours.look_ns()), 0).c_str());
}

void SomeAreBad(int ports, int flushes, ReaderTurn turn) {
  const std::string line = Line();
  std::vector<GuestEnd> ends(static_cast<size_t>(ports), GuestEnd::kReads);
  for (size_t i = 0; i < ends.size(); ++i) {
    if (i % 10 == 3) ends[i] = GuestEnd::kStalls;
    if (i % 100 == 7) ends[i] = GuestEnd::kFloods;
  }
  const auto readers = OrExit(PortReaders::Start(Directory("bad"), ends, turn));
  Delivery ours(readers->paths());
  std::vector<char> all(ends.size(), 1);
  std::vector<char> good(ends.size());
  for (size_t i = 0; i < ends.size(); ++i) good[i] = ends[i] == GuestEnd::kReads ? 1 : 0;
  const auto stalled = std::count(ends.begin(), ends.end(), GuestEnd::kStalls);
  const auto floods = std::count(ends.begin(), ends.end(), GuestEnd::kFloods);
  const auto read_all = [&] {
    OrExit(readers->ReadAll());
    ours.Look();
  };
  const std::vector<Way> ways = {
      {.name = absl::StrCat(ports - stalled - floods, " that read"),
       .run = [&](int64_t) { ours.Flush(line, good); },
       .after = read_all},
      {.name = absl::StrCat("and among them ", stalled, " stalled, ", floods, " that flood"),
       .run = [&](int64_t) { ours.Flush(line, all); },
       .after = read_all,
       .dropped = [&] { return ours.failed(); }},
  };
  std::printf("### Some are bad, the others read %s\n\n",
              turn == ReaderTurn::kWhenAsked ? "between flushes" : "at once");
  Print(Compare(ways, {.rounds = flushes, .times = 1}));
  std::printf("Between flushes, the look at all ports: %s us.\n\n", Describe(InUs(ours.look_ns()), 0).c_str());
}

int Main(int argc, char** argv) {
  const int ports = static_cast<int>(NumberOption(argc, argv, "--ports", 1000));
  const int flushes = static_cast<int>(NumberOption(argc, argv, "--flushes", 400));
  std::printf("%d ports, %d flushes of each way, lines of %zu bytes.\n\n", ports, flushes, Line().size());
  for (const ReaderTurn turn : {ReaderTurn::kWhenAsked, ReaderTurn::kAtOnce}) {
    AllRead(ports, flushes, turn);
    SomeAreBad(ports, flushes, turn);
  }
  std::filesystem::remove_all(absl::StrCat("/tmp/delivery_bench.", ::getpid()));
  return 0;
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
