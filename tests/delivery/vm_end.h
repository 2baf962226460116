// The VM's end of a port, as QEMU has it: a listening socket that serves one caller, or the master of a pty.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/posix.h"
#include "guest_line/guest_line.h"

namespace vrapl {

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "/vrapl-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void WriteText(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

inline std::string Numbered(uint64_t seq) {
  GuestLine line;
  line.seq = seq;
  line.unix_ms = 1763767882271;
  line.dt_us = 2000013;
  line.power_mw = 12450;
  line.energy_uj = 31842100000;
  line.model = "base-share";
  line.source = "msr";
  return FormatGuestLine(line);
}

inline sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

inline UniqueFd ConnectTo(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const sockaddr_un address = AddressOf(path);
  ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return fd;
}

// What both ends have in common: a descriptor that never blocks.
class VmEnd {
 public:
  int fd() const { return fd_.get(); }

  // At most `size` bytes of what has arrived.
  std::string Read(size_t size) const {
    std::string text(size, '\0');
    const ssize_t got = ::read(fd_.get(), text.data(), size);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

 protected:
  // Waits for the first byte and then until no more comes.
  std::string ReadUntilQuiet(int first_ms, int next_ms) const {
    std::string all;
    for (;;) {
      pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, all.empty() ? first_ms : next_ms) <= 0) return all;
      const std::string part = Read(65536);
      if (part.empty()) return all;
      all += part;
    }
  }

  UniqueFd fd_;
};

class UnixVmEnd : public VmEnd {
 public:
  explicit UnixVmEnd(std::string path, int backlog = 1) : path_(std::move(path)) {
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_un address = AddressOf(path_);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), backlog), 0);
  }
  ~UnixVmEnd() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }

  void Accept() { fd_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }
  std::string Read(size_t size) {
    if (!fd_.ok()) Accept();
    return VmEnd::Read(size);
  }
  std::string ReadAll() {
    if (!fd_.ok()) Accept();
    return ReadUntilQuiet(0, 0);
  }
  // Writes until the queue is full.
  size_t Flood() {
    if (!fd_.ok()) Accept();
    const std::string noise(65536, '!');
    size_t written = 0;
    for (;;) {
      const ssize_t size = ::send(fd_.get(), noise.data(), noise.size(), MSG_NOSIGNAL);
      if (size <= 0) return written;
      written += static_cast<size_t>(size);
    }
  }

 private:
  std::string path_;
  UniqueFd listener_;
};

class PtyVmEnd : public VmEnd {
 public:
  PtyVmEnd() {
    int master = -1;
    int slave = -1;
    char name[64] = "";
    EXPECT_EQ(::openpty(&master, &slave, name, nullptr, nullptr), 0);
    ::close(slave);
    ::fcntl(master, F_SETFL, O_NONBLOCK);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    fd_ = UniqueFd(master);
    path_ = name;
  }

  const std::string& path() const { return path_; }

  // The kernel carries bytes from one end to the other in a thread of its
  // own, which may be late: a line is awaited to its end.
  std::string ReadAll() const {
    std::string all = ReadUntilQuiet(10'000, 20);
    if (!all.empty() && all.back() != '\n') all += ReadUntilQuiet(1000, 1000);
    return all;
  }
  // For a test that expects nothing.
  std::string ReadWhatIsThere() const { return ReadUntilQuiet(50, 50); }
  void WaitReadable() const {
    pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, 5000);
  }
  void WriteBack(const std::string& text) const {
    EXPECT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

 private:
  std::string path_;
};

}  // namespace vrapl
