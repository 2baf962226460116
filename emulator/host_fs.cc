#include "emulator/host_fs.h"

#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <fuse_lowlevel.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"
#include "base/posix.h"

namespace vrapl {
namespace {

constexpr size_t kRegisterSize = sizeof(uint64_t);
constexpr size_t kMaxMsrRead = 4096;    // the driver would go on; one page of copies of a register is plenty
constexpr double kCacheSeconds = 3600;  // names and modes: they do not change
constexpr off_t kSysfsSize = 4096;      // what sysfs reports for every attribute
constexpr size_t kThreadStack = 0x40000;

// What libfuse has to say goes into our error messages, not to stderr.
std::string& LastFuseMessage() {
  thread_local std::string message;
  return message;
}

__attribute__((format(printf, 2, 0))) void KeepFuseMessage(enum fuse_log_level /*level*/, const char* format,
                                                           va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  LastFuseMessage() = std::string(absl::StripAsciiWhitespace(text));
}

// True when the thread `tid` may use raw I/O as the msr driver asks of whoever opens it, or when that cannot be found.
bool MayUseRawIo(pid_t tid) {
  absl::StatusOr<std::string> status = ReadSmallFile(absl::StrCat("/proc/", tid, "/status"));
  if (!status.ok()) return true;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, "CapEff:")) continue;
    uint64_t effective = 0;
    if (!absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &effective)) return true;
    return (effective >> CAP_SYS_RAWIO & 1) != 0;
  }
  return true;
}

// The first entry of a directory but "." and "..", or "" when it is empty; 0 or an errno.
int FirstEntry(const std::string& directory, std::string& name) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, Close> dir(::opendir(directory.c_str()));
  if (dir == nullptr) return errno;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) return errno;
    name = entry->d_name;
    if (name != "." && name != "..") return 0;
    name.clear();
  }
}

absl::Status CheckMountPoint(const std::string& directory) {
  std::string name;
  const int error = FirstEntry(directory, name);
  if (error == ENOTCONN) {
    return absl::FailedPreconditionError(
        absl::StrCat("mount on ", directory,
                     ": the program that served it has died and left its mount behind; remove it with: umount -l ",
                     directory, " (or, without root: fusermount3 -uz ", directory, ")"));
  }
  if (error == ENOTDIR) return absl::FailedPreconditionError(absl::StrCat("mount on ", directory, ": not a directory"));
  if (error != 0) return PosixError(error, absl::StrCat("mount on ", directory));
  if (!name.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("mount on ", directory, ": it is not empty (it has ", name, "); choose an empty directory"));
  }
  return absl::OkStatus();
}

}  // namespace

// ---- the tree ----

HostFsTree::HostFsTree() : nodes_(1) {}

HostFsTree::Node& HostFsTree::Add(absl::string_view path, Kind kind, mode_t mode) {
  size_t at = 0;
  for (absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const auto [entry, added] = nodes_[at].children.try_emplace(std::string(name), nodes_.size());
    const size_t child = entry->second;
    if (added) {
      nodes_.emplace_back().parent = at;
    }
    at = child;
  }
  nodes_[at].kind = kind;
  nodes_[at].mode = mode;
  return nodes_[at];
}

void HostFsTree::AddDirectory(absl::string_view path) { Add(path, Kind::kDirectory, 0555); }
void HostFsTree::AddText(absl::string_view path, absl::string_view text, mode_t mode) {
  Add(path, Kind::kText, mode).text = std::string(text);
}
void HostFsTree::AddComputed(absl::string_view path, Compute compute, mode_t mode) {
  Add(path, Kind::kComputed, mode).compute = std::move(compute);
}
void HostFsTree::AddLink(absl::string_view path, absl::string_view target) {
  Add(path, Kind::kLink, 0777).text = std::string(target);
}
void HostFsTree::AddMsr(int cpu, mode_t mode) {
  Add(absl::StrCat("/dev/cpu/", cpu, "/msr"), Kind::kMsr, mode).cpu = cpu;
}

size_t HostFsTree::Find(absl::string_view path) const {
  size_t at = 0;
  for (absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const auto child = nodes_[at].children.find(std::string(name));
    if (child == nodes_[at].children.end()) return 0;
    at = child->second;
  }
  return at;
}

void HostFsTree::ShowWhile(absl::string_view path, std::function<bool()> shown) {
  if (const size_t node = Find(path); node != 0) nodes_[node].shown = std::move(shown);
}

void HostFsTree::ServeOn(absl::string_view path, int cpu) {
  if (const size_t node = Find(path); node != 0) served_on_[node] = {std::string(path), cpu};
}

// ---- one mount and the thread that serves it ----

// FUSE's inode number of a node is its index + 1, but that of the session's own root is always 1.
struct HostFs::Session {
  HostFs* host = nullptr;
  size_t root = 0;
  fuse_session* fuse = nullptr;
  bool mounted = false;
  bool running = false;
  pthread_t thread = {};
  fuse_buf buffer = {};

  fuse_ino_t InodeOf(size_t node) const { return node == root ? FUSE_ROOT_ID : node + 1; }
  size_t NodeOf(fuse_ino_t inode) const { return inode == FUSE_ROOT_ID ? root : static_cast<size_t>(inode) - 1; }

  ~Session() {
    if (running) {
      ::pthread_cancel(thread);
      ::pthread_join(thread, nullptr);
      std::free(buffer.mem);
    }
    // Closes the connection first, so that whoever still waits for an answer gets an error and nobody a hang.
    if (mounted) fuse_session_unmount(fuse);
    if (fuse != nullptr) fuse_session_destroy(fuse);
  }

  // The thread is cancelled only while it waits for a request, never inside an answer.
  static void* Serve(void* argument) {
    Session& session = *static_cast<Session*>(argument);
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    ::pthread_setname_np(::pthread_self(), "vrapl-hostfs");
    while (fuse_session_exited(session.fuse) == 0) {
      ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
      const int size = fuse_session_receive_buf(session.fuse, &session.buffer);
      ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
      if (size == -EINTR || size == -EAGAIN) continue;
      if (size <= 0) break;
      fuse_session_process_buf(session.fuse, &session.buffer);
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(session.host->ended_.get(), &one, sizeof one);
    return nullptr;
  }

  // Starts the thread, bound to `cpu` unless that is -1. Gives why it has not the priority asked for, or "".
  absl::StatusOr<std::string> Start(int cpu, int realtime_priority) {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, kThreadStack);
    if (cpu >= 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<size_t>(cpu), &one);
      ::pthread_attr_setaffinity_np(&attributes, sizeof one, &one);
    }
    const int error = ::pthread_create(&thread, &attributes, Serve, this);
    ::pthread_attr_destroy(&attributes);
    if (error != 0) return PosixError(error, "start a thread of the file system");
    running = true;
    if (realtime_priority == 0) return std::string();
    const sched_param priority{.sched_priority = realtime_priority};
    const int denied = ::pthread_setschedparam(thread, SCHED_FIFO, &priority);
    if (denied == 0) return std::string();
    return std::string(
        PosixError(denied, absl::StrCat("SCHED_FIFO priority ", realtime_priority, " (needs CAP_SYS_NICE)")).message());
  }
};

// ---- the file system's answers ----

struct HostFs::Operations {
  using Kind = HostFsTree::Kind;
  using Node = HostFsTree::Node;

  // The text of a computed file as it was when this opener last read from its beginning. Only the session's one thread
  // touches it.
  using OpenText = std::string;

  static const Session& SessionOf(fuse_req_t request) { return *static_cast<Session*>(fuse_req_userdata(request)); }
  static HostFs& Host(fuse_req_t request) { return *SessionOf(request).host; }
  static const Node& NodeOf(fuse_req_t request, fuse_ino_t ino) {
    return Host(request).tree_.nodes_[SessionOf(request).NodeOf(ino)];
  }

  static struct stat Attributes(const Session& session, size_t index) {
    const Node& node = session.host->tree_.nodes_[index];
    struct stat info = {};
    info.st_ino = session.InodeOf(index);
    info.st_uid = ::geteuid();
    info.st_gid = ::getegid();
    info.st_blksize = 4096;
    info.st_nlink = 1;
    switch (node.kind) {
      case Kind::kDirectory:
        info.st_mode = S_IFDIR | node.mode;
        info.st_nlink = 2;
        break;
      case Kind::kText:
        info.st_mode = S_IFREG | node.mode;
        info.st_size = static_cast<off_t>(node.text.size());
        break;
      case Kind::kComputed:
        info.st_mode = S_IFREG | node.mode;
        info.st_size = kSysfsSize;
        break;
      case Kind::kLink:
        info.st_mode = S_IFLNK | node.mode;
        info.st_size = static_cast<off_t>(node.text.size());
        break;
      case Kind::kMsr:
        info.st_mode = S_IFREG | node.mode;
        break;
    }
    return info;
  }

  static void Init(void* /*host*/, fuse_conn_info* connection) {
    // A pipe per thread saves nothing for requests of some bytes.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
  }

  static void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    const Node& directory = NodeOf(request, parent);
    const auto child = directory.children.find(name);
    if (child == directory.children.end()) {
      fuse_reply_err(request, ENOENT);
      return;
    }
    const Node& node = Host(request).tree_.nodes_[child->second];
    if (!node.Visible()) {
      fuse_reply_err(request, ENOENT);
      return;
    }
    fuse_entry_param entry = {};
    entry.ino = SessionOf(request).InodeOf(child->second);
    entry.attr = Attributes(SessionOf(request), child->second);
    entry.attr_timeout = kCacheSeconds;
    entry.entry_timeout = node.shown ? 0 : kCacheSeconds;  // looked up again each time
    fuse_reply_entry(request, &entry);
  }

  static void GetAttr(fuse_req_t request, fuse_ino_t ino, fuse_file_info* /*file*/) {
    const struct stat info = Attributes(SessionOf(request), SessionOf(request).NodeOf(ino));
    fuse_reply_attr(request, &info, kCacheSeconds);
  }

  static void ReadLink(fuse_req_t request, fuse_ino_t ino) {
    fuse_reply_readlink(request, NodeOf(request, ino).text.c_str());
  }

  static void Open(fuse_req_t request, fuse_ino_t ino, fuse_file_info* file) {
    HostFs& host = Host(request);
    const Node& node = NodeOf(request, ino);
    if (node.kind == Kind::kMsr) {
      if (host.options_.need_rawio && !MayUseRawIo(fuse_req_ctx(request)->pid)) {
        fuse_reply_err(request, EPERM);
        return;
      }
      if (const int error = host.registers_ == nullptr ? ENXIO : host.registers_->Open(node.cpu); error != 0) {
        fuse_reply_err(request, error);
        return;
      }
    }
    file->direct_io = 1;  // every read comes here, at any offset, whatever size the file claims
    file->fh = 0;
    if (node.kind == Kind::kComputed) file->fh = reinterpret_cast<uint64_t>(new OpenText);
    if (fuse_reply_open(request, file) != 0) delete reinterpret_cast<OpenText*>(file->fh);
  }

  static void Release(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* file) {
    delete reinterpret_cast<OpenText*>(file->fh);
    fuse_reply_err(request, 0);
  }

  static void Read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* file) {
    const Node& node = NodeOf(request, ino);
    switch (node.kind) {
      case Kind::kMsr:
        ReadMsr(request, node, size, offset);
        return;
      case Kind::kText:
        ReplyText(request, node.text, size, offset);
        return;
      case Kind::kComputed: {
        OpenText& text = *reinterpret_cast<OpenText*>(file->fh);
        if (offset == 0) {
          text.clear();
          if (const int error = node.compute(text); error != 0) {
            fuse_reply_err(request, error);
            return;
          }
        }
        ReplyText(request, text, size, offset);
        return;
      }
      case Kind::kDirectory:
      case Kind::kLink:
        fuse_reply_err(request, EINVAL);
        return;
    }
  }

  static void ReplyText(fuse_req_t request, const std::string& text, size_t size, off_t offset) {
    const size_t from = std::min(static_cast<size_t>(std::max<off_t>(offset, 0)), text.size());
    fuse_reply_buf(request, text.data() + from, std::min(size, text.size() - from));
  }

  static void ReadMsr(fuse_req_t request, const Node& node, size_t size, off_t offset) {
    if (size % kRegisterSize != 0) {
      fuse_reply_err(request, EINVAL);
      return;
    }
    // As in the driver, the offset is cut to 32 bits.
    const RegisterRead read = Host(request).registers_->Read(node.cpu, static_cast<MsrAddress>(offset));
    if (read.error != 0) {
      fuse_reply_err(request, read.error);
      return;
    }
    std::array<uint64_t, kMaxMsrRead / kRegisterSize> words;
    size = std::min(size, kMaxMsrRead);
    std::fill_n(words.begin(), size / kRegisterSize, read.value);
    fuse_reply_buf(request, reinterpret_cast<const char*>(words.data()), size);
  }

  static void Write(fuse_req_t request, fuse_ino_t /*ino*/, const char* /*data*/, size_t /*size*/, off_t /*offset*/,
                    fuse_file_info* /*file*/) {
    fuse_reply_err(request, EPERM);
  }

  static void ReadDir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* /*file*/) {
    const Session& session = SessionOf(request);
    const Node& directory = NodeOf(request, ino);
    std::string block(size, '\0');
    size_t used = 0;
    off_t position = 0;
    const auto add = [&](const char* name, size_t index) {
      if (position++ < offset) return true;
      const struct stat info = Attributes(session, index);
      const size_t length = fuse_add_direntry(request, block.data() + used, size - used, name, &info, position);
      if (length > size - used) return false;
      used += length;
      return true;
    };
    bool room = add(".", session.NodeOf(ino)) && add("..", directory.parent);
    for (auto child = directory.children.begin(); room && child != directory.children.end(); ++child) {
      if (!session.host->tree_.nodes_[child->second].Visible()) continue;
      room = add(child->first.c_str(), child->second);
    }
    fuse_reply_buf(request, block.data(), used);
  }

  static fuse_lowlevel_ops Table() {
    fuse_lowlevel_ops table = {};
    table.init = Init;
    table.lookup = Lookup;
    table.getattr = GetAttr;
    table.readlink = ReadLink;
    table.open = Open;
    table.read = Read;
    table.write = Write;
    table.release = Release;
    table.readdir = ReadDir;
    return table;
  }
};

// ---- mounting and unmounting ----

HostFs::HostFs(std::string directory, HostFsTree tree, RegisterFile* registers, const HostFsOptions& options)
    : directory_(std::move(directory)),
      tree_(std::move(tree)),
      registers_(registers),
      options_(options),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

HostFs::~HostFs() {
  while (!sessions_.empty()) sessions_.pop_back();  // those within others before them
}

absl::Status HostFs::AddSession(size_t node, const std::string& path, int cpu) {
  // Other users may look, with the rights that the modes give them; only root may offer that.
  std::vector<std::string> arguments = {
      "vrapl-emulator", "-o",
      absl::StrCat("default_permissions,nosuid,nodev,noatime,fsname=vrapl-emulator,subtype=vrapl-emulator",
                   ::geteuid() == 0 ? ",allow_other" : "")};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(argv.size()), argv.data());
  static const fuse_lowlevel_ops operations = Operations::Table();
  fuse_set_log_func(KeepFuseMessage);
  LastFuseMessage().clear();

  Session& session = *sessions_.emplace_back(std::make_unique<Session>());
  session.host = this;
  session.root = node;
  session.fuse = fuse_session_new(&args, &operations, sizeof operations, &session);
  fuse_opt_free_args(&args);
  if (session.fuse == nullptr) return absl::InternalError(absl::StrCat("mount on ", path, ": ", LastFuseMessage()));
  errno = 0;
  if (fuse_session_mount(session.fuse, path.c_str()) != 0) {
    const int error = errno == 0 ? EIO : errno;
    const std::string& said = LastFuseMessage();
    return PosixError(error, absl::StrCat("mount on ", path, " (", said, said.empty() ? "" : "; ",
                                          "needs CAP_SYS_ADMIN, or fusermount3 of the package fuse3)"));
  }
  session.mounted = true;
  absl::StatusOr<std::string> problem = session.Start(cpu, options_.realtime_priority);
  if (!problem.ok()) return problem.status();
  if (!problem->empty()) realtime_problem_ = *std::move(problem);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<HostFs>> HostFs::Mount(const std::string& directory, HostFsTree tree,
                                                      RegisterFile* registers, const HostFsOptions& options) {
  if (absl::Status status = CheckMountPoint(directory); !status.ok()) return status;
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(directory.c_str(), nullptr), &std::free);
  if (resolved == nullptr) {
    const int error = errno;
    return PosixError(error, absl::StrCat("mount on ", directory));
  }
  if (::access("/dev/fuse", R_OK | W_OK) != 0) {
    const int error = errno;
    return PosixError(error,
                      error == EACCES || error == EPERM
                          ? "open /dev/fuse (run it as root, or let your user read and write /dev/fuse)"
                          : "open /dev/fuse (is the fuse module loaded, and is the device let into this container?)");
  }
  const bool root = ::geteuid() == 0;
  HostFsOptions used = options;
  used.need_rawio = used.need_rawio && root;
  std::unique_ptr<HostFs> host(new HostFs(resolved.get(), std::move(tree), registers, used));
  if (absl::Status status = host->AddSession(0, host->directory_, -1); !status.ok()) return status;
  if (!root) return host;
  cpu_set_t ours;
  if (::sched_getaffinity(0, sizeof ours, &ours) != 0) return host;
  for (const auto& [node, where] : host->tree_.served_on_) {
    const auto& [path, cpu] = where;
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(static_cast<size_t>(cpu), &ours)) continue;
    if (absl::Status status = host->AddSession(node, host->directory_ + path, cpu); !status.ok()) return status;
  }
  return host;
}

}  // namespace vrapl
