// How `vrapl mark` reaches the vrapl programs that run: each listens on a datagram socket named after its process.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/posix.h"
#include "sampler/mark.h"

namespace vrapl {

// Where the sockets are: /run/vrapl for root, $XDG_RUNTIME_DIR/vrapl for others; "" when there is neither.
std::string MarkDirectory();
// Where a sender looks: that, and for root's children with a runtime directory both.
std::vector<std::string> MarkDirectories();

// Listens in a thread of its own from Create() to the end, and then removes its socket. The socket is for its user
// alone (0600): what it takes goes into recordings.
class MarkListener {
 public:
  // Marks go to `queue`, which outlives this. Sockets that processes which are gone left in `directory` are removed.
  // Errors: those of the directory and the socket.
  static absl::StatusOr<std::unique_ptr<MarkListener>> Create(const std::string& directory, MarkQueue& queue);
  ~MarkListener();
  MarkListener(const MarkListener&) = delete;
  MarkListener& operator=(const MarkListener&) = delete;

  const std::string& path() const { return path_; }
  uint64_t refused() const { return refused_; }  // datagrams that were no marks

 private:
  MarkListener(MarkQueue& queue, std::string path, UniqueFd socket, UniqueFd stop);
  void Listen();

  MarkQueue& queue_;
  const std::string path_;
  const UniqueFd socket_;
  const UniqueFd stop_;  // an eventfd
  std::atomic<uint64_t> refused_{0};
  std::thread thread_;
};

// The mark as it goes over the socket, and back; INVALID_ARGUMENT when it is none.
std::string FormatMark(const Mark& mark);
absl::StatusOr<Mark> ParseMark(absl::string_view datagram);

// The processes that listen in `directory`. Sockets without a process are removed.
std::vector<pid_t> ListeningProcesses(const std::string& directory);

// Errors: NOT_FOUND when that process does not listen, PERMISSION_DENIED when its socket is another user's,
// UNAVAILABLE when it does not take any more at the moment.
absl::Status SendMark(const std::string& directory, pid_t pid, const Mark& mark);

}  // namespace vrapl
