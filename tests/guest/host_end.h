// The host's end of a guest's port, for tests of what runs in the guest: a pty for a serial port, a fifo for a virtio
// port (both say end of file while nobody is connected on the other side), under a path that stays when the device is
// another.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/string_view.h"
#include "base/posix.h"
#include "guest_line/guest_line.h"

namespace vrapl {

class TempDir {
 public:
  TempDir() {
    std::string name = std::filesystem::temp_directory_path() / "vrapl-guest-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// `path` in the guest is a link to the current pty.
class SerialHostEnd {
 public:
  explicit SerialHostEnd(std::string path) : path_(std::move(path)) { Plug(); }
  ~SerialHostEnd() { Unplug(); }

  void Plug() {
    int master = -1;
    int slave = -1;
    char name[128];
    ASSERT_EQ(::openpty(&master, &slave, name, nullptr, nullptr), 0);
    ::close(slave);
    master_ = UniqueFd(master);
    std::filesystem::create_symlink(name, path_ + ".new");
    std::filesystem::rename(path_ + ".new", path_);
  }
  void Unplug() {
    master_.Reset();
    ::unlink(path_.c_str());
  }

  void Write(absl::string_view bytes) const {
    ASSERT_EQ(::write(master_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  // What the guest's end has sent so far.
  std::string Echoed() const {
    std::string echoed;
    pollfd ready{master_.get(), POLLIN, 0};
    char bytes[512];
    while (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0) {
      const ssize_t got = ::read(master_.get(), bytes, sizeof bytes);
      if (got <= 0) break;
      echoed.append(bytes, static_cast<size_t>(got));
    }
    return echoed;
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  UniqueFd master_;
};

class VirtioHostEnd {
 public:
  explicit VirtioHostEnd(std::string path) : path_(std::move(path)) { EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0); }

  // Needs the guest's end open.
  void Connect() {
    fd_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(fd_.ok());
  }
  void Disconnect() { fd_.Reset(); }
  void Write(absl::string_view bytes) const {
    ASSERT_EQ(::write(fd_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  UniqueFd fd_;
};

// The lines of one epoch as vrapl makes them: every field is there, and the sum of power x dt is the energy.
class MadeLines {
 public:
  explicit MadeLines(uint32_t epoch) { line_.epoch = epoch; }

  // Two seconds at these powers.
  GuestLine Next(int64_t power_mw = 10'000, int64_t active_mw = 6'000) {
    ++line_.seq;
    line_.unix_ms = 1'763'767'880'000 + static_cast<int64_t>(line_.seq) * 2000;
    line_.dt_us = 2'000'000;
    line_.power_mw = power_mw;
    line_.active_power_mw = active_mw;
    line_.energy_uj = line_.energy_uj.value_or(0) + power_mw * 2000;
    line_.active_uj = line_.active_uj.value_or(0) + active_mw * 2000;
    line_.err_uj = 10'000;
    line_.quantum_uj = 100'000;
    line_.run_time_ns = line_.run_time_ns.value_or(0) + 1'000'000'000;
    line_.vcpus = 2;
    line_.model = "base-share";
    line_.source = "msr";
    line_.run_time_method = "bpf";
    line_.state = line_.seq == 1 ? kLineWarm : kLineOk;
    return line_;
  }
  std::string NextText(int64_t power_mw = 10'000, int64_t active_mw = 6'000) {
    return FormatGuestLine(Next(power_mw, active_mw));
  }
  // A line that was made and not sent.
  void Skip(int64_t power_mw = 10'000) { Next(power_mw); }

 private:
  GuestLine line_;
};

}  // namespace vrapl
