#include "vm/inventory.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"
#include "vm/domain_xml.h"
#include "vm/qemu_process.h"
#include "vm/socket_watch.h"
#include "vm/vcpu_threads.h"

namespace vrapl {
namespace {

constexpr int64_t kFirstPauseNs = 1 * kNanosPerSecond;
constexpr int64_t kLongestPauseNs = 30 * kNanosPerSecond;
constexpr int kKeepAliveSeconds = 5;
constexpr int kKeepAliveMisses = 3;

// The event loop must be registered before the first connection is opened and
// must run as long as there is any.
void StartEventLoop() {
  static std::once_flag once;
  std::call_once(once, [] {
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});  // else libvirt prints on stderr by itself
    if (virEventRegisterDefaultImpl() < 0) return;        // without events the periodic list still finds everything
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all,
                    &before);  // signals belong to the threads that wait for them
    std::thread([] {
      pthread_setname_np(pthread_self(), "vrapl-libvirt");
      for (;;) {
        if (virEventRunDefaultImpl() < 0) RealClock().SleepUntil(MonotonicNs() + 100 * kNanosPerMilli);
      }
    }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  });
}

std::string LastMessage() {
  const virError* error = virGetLastError();
  const std::string message = error != nullptr && error->message != nullptr ? error->message : "unknown error";
  return absl::StrReplaceAll(message, {{"\n", " "}});
}

int LastCode() {
  const virError* error = virGetLastError();
  return error != nullptr ? error->code : VIR_ERR_OK;
}

absl::Status ConnectError(const std::string& uri) {
  const std::string message = LastMessage();
  const std::string what = absl::StrCat("connect to libvirt at ", uri, ": ", message);
  switch (LastCode()) {
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
    case VIR_ERR_ACCESS_DENIED:
      return absl::PermissionDeniedError(absl::StrCat(what, "; run as root or as a member of the group libvirt"));
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_ARG:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_CONF_SYNTAX:
      return absl::InvalidArgumentError(
          absl::StrCat(what, "; give another --connect=URI, or --vms=proc to do without libvirt"));
    default:
      break;
  }
  if (absl::StrContains(message, "Permission denied")) {
    return absl::PermissionDeniedError(absl::StrCat(what, "; run as root or as a member of the group libvirt"));
  }
  return absl::UnavailableError(absl::StrCat(what,
                                             "; start it (systemctl start libvirtd, or virtqemud where "
                                             "there is that), or use --vms=proc to do without libvirt"));
}

struct FreeDomains {
  int count = 0;
  void operator()(virDomainPtr* domains) const {
    for (int i = 0; i < count; ++i) virDomainFree(domains[i]);
    std::free(domains);  // libvirt allocates with malloc and says so
  }
};
using Domains = std::unique_ptr<virDomainPtr[], FreeDomains>;

// The process of a VM: by libvirt's pid file, verified, else by looking at
// every process once.
class ProcessFinder {
 public:
  explicit ProcessFinder(const InventoryOptions& options) : options_(options) {}

  std::optional<QemuProcess> Find(const std::string& name, const std::string& uuid) {
    if (!absl::StrContains(name, '/')) {
      const absl::StatusOr<int64_t> pid = ReadNumberFile(absl::StrCat(options_.run_dir, "/", name, ".pid"));
      if (pid.ok() && *pid > 0 && *pid < (int64_t{1} << 31)) {
        std::optional<QemuProcess> process = ReadQemuProcess(options_.proc, static_cast<pid_t>(*pid));
        if (process.has_value() && process->uuid == uuid) return process;
      }
    }
    if (!std::exchange(searched_, true)) {
      absl::StatusOr<std::vector<QemuProcess>> all = ListQemuProcesses(options_.proc);
      if (all.ok()) all_ = *std::move(all);
    }
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const QemuProcess& p) { return p.uuid == uuid; });
    if (found == all_.end()) return std::nullopt;
    return *found;
  }

 private:
  const InventoryOptions& options_;
  bool searched_ = false;
  std::vector<QemuProcess> all_;
};

}  // namespace

// One connection and its callbacks. The callbacks run in the event thread and
// share nothing with us but `Signals`.
class Inventory::Connection {
 public:
  struct Signals {
    std::shared_ptr<ChangeFlag> change;
    std::atomic<bool> lost{false};
  };

  static std::unique_ptr<Connection> Open(const std::string& uri, std::shared_ptr<ChangeFlag> change) {
    virConnectPtr handle = virConnectOpenReadOnly(uri.c_str());
    if (handle == nullptr) return nullptr;
    std::unique_ptr<Connection> connection(new Connection(handle));
    connection->signals_->change = std::move(change);
    virConnectSetKeepAlive(handle, kKeepAliveSeconds,
                           kKeepAliveMisses);  // the test driver has none
    // Drivers without a daemon say that they have registered this and forget it, so it owns nothing. It is called under
    // the lock that unregistering takes (virConnectCloseCallbackData), so it is over when ~Connection goes on.
    const auto on_close = [](virConnectPtr, int, void* opaque) {
      auto* signals = static_cast<Signals*>(opaque);
      signals->lost = true;
      signals->change->Raise();
    };
    if (virConnectRegisterCloseCallback(handle, on_close, connection->signals_.get(), nullptr) == 0) {
      connection->close_callback_ = on_close;
    }
    const auto on_lifecycle = [](virConnectPtr, virDomainPtr, int, int, void* opaque) { Raise(opaque); };
    connection->Register(VIR_DOMAIN_EVENT_ID_LIFECYCLE, +on_lifecycle);
    const auto on_device = [](virConnectPtr, virDomainPtr, const char*, void* opaque) { Raise(opaque); };
    connection->Register(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, +on_device);
    connection->Register(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, +on_device);
    const auto on_metadata = [](virConnectPtr, virDomainPtr, int, const char*, void* opaque) { Raise(opaque); };
    connection->Register(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, +on_metadata);
    return connection;
  }

  ~Connection() {
    for (const int id : callbacks_) virConnectDomainEventDeregisterAny(handle_, id);
    if (close_callback_ != nullptr) virConnectUnregisterCloseCallback(handle_, close_callback_);
    virConnectClose(handle_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virConnectPtr handle() const { return handle_; }
  bool lost() const { return signals_->lost || virConnectIsAlive(handle_) == 0; }

 private:
  explicit Connection(virConnectPtr handle) : handle_(handle) {}

  static void Raise(void* opaque) { (*static_cast<std::shared_ptr<Signals>*>(opaque))->change->Raise(); }
  std::shared_ptr<Signals>* Share() const { return new std::shared_ptr<Signals>(signals_); }
  static void Unshare(void* opaque) { delete static_cast<std::shared_ptr<Signals>*>(opaque); }

  template <typename Callback>
  void Register(int event, Callback callback) {
    auto* shared = Share();
    const int id =
        virConnectDomainEventRegisterAny(handle_, nullptr, event, VIR_DOMAIN_EVENT_CALLBACK(callback), shared, Unshare);
    if (id < 0) {
      Unshare(shared);
    } else {
      callbacks_.push_back(id);
    }
  }

  virConnectPtr handle_;
  const std::shared_ptr<Signals> signals_ = std::make_shared<Signals>();
  virConnectCloseFunc close_callback_ = nullptr;
  std::vector<int> callbacks_;
};

// The daemon's socket, watched by the event thread: when it comes, that is a change, and no pause need be waited for.
class Inventory::DaemonsReturn {
 public:
  DaemonsReturn(const std::string& socket_dir, std::shared_ptr<ChangeFlag> change) {
    std::unique_ptr<SocketWatch> watch = SocketWatch::Open(socket_dir);
    if (watch == nullptr) return;  // then the pauses alone
    shared_ = std::make_shared<Shared>();
    shared_->watch = std::move(watch);
    shared_->change = std::move(change);
    auto* owned = new std::shared_ptr<Shared>(shared_);  // the event thread's, which may be at work for a moment more
    id_ = virEventAddHandle(
        shared_->watch->fd(), VIR_EVENT_HANDLE_READABLE,
        [](int, int, int, void* opaque) {
          Shared& shared = **static_cast<std::shared_ptr<Shared>*>(opaque);
          if (!shared.watch->Take()) return;
          shared.came = true;
          shared.change->Raise();
        },
        owned, [](void* opaque) { delete static_cast<std::shared_ptr<Shared>*>(opaque); });
    if (id_ < 0) delete owned;
  }
  ~DaemonsReturn() {
    if (id_ >= 0) virEventRemoveHandle(id_);
  }
  DaemonsReturn(const DaemonsReturn&) = delete;
  DaemonsReturn& operator=(const DaemonsReturn&) = delete;

  // Whether it has come since the last call.
  bool Take() { return shared_ != nullptr && shared_->came.exchange(false); }

 private:
  struct Shared {
    std::unique_ptr<SocketWatch> watch;
    std::shared_ptr<ChangeFlag> change;
    std::atomic<bool> came{false};
  };
  std::shared_ptr<Shared> shared_;
  int id_ = -1;
};

Inventory::Inventory(InventoryOptions options)
    : options_(std::move(options)),
      change_(std::make_shared<ChangeFlag>()),
      daemons_return_(std::make_unique<DaemonsReturn>(options_.socket_dir, change_)) {}

Inventory::~Inventory() = default;

absl::StatusOr<std::unique_ptr<Inventory>> Inventory::Open(InventoryOptions options) {
  StartEventLoop();
  std::unique_ptr<Inventory> inventory(new Inventory(std::move(options)));
  if (absl::Status status = inventory->EnsureConnected(); !status.ok()) return status;
  return inventory;
}

bool Inventory::connected() const { return connection_ != nullptr && !connection_->lost(); }

absl::Status Inventory::EnsureConnected() {
  if (connected()) return absl::OkStatus();
  connection_.reset();
  // It may have come and not listen yet: then the pauses begin anew.
  if (daemons_return_->Take()) next_attempt_ns_ = pause_ns_ = 0;
  const int64_t now_ns = options_.clock->NowNs();
  if (now_ns < next_attempt_ns_) {
    const int64_t seconds = (next_attempt_ns_ - now_ns + kNanosPerSecond - 1) / kNanosPerSecond;
    return absl::Status(last_failure_.code(),
                        absl::StrCat(last_failure_.message(), "; trying again in ", seconds, " s"));
  }
  connection_ = Connection::Open(options_.uri, change_);
  if (connection_ == nullptr) {
    last_failure_ = ConnectError(options_.uri);
    pause_ns_ = std::clamp(2 * pause_ns_, kFirstPauseNs, kLongestPauseNs);
    next_attempt_ns_ = now_ns + pause_ns_;
    return last_failure_;
  }
  ++connections_;
  pause_ns_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Vm>> Inventory::List() {
  if (absl::Status status = EnsureConnected(); !status.ok()) {
    // A daemon that went away is UNAVAILABLE whatever the attempt to reach it
    // again said.
    return connections_ == 0 ? status : absl::UnavailableError(status.message());
  }
  const auto failed = [this](absl::string_view what) {
    return absl::UnavailableError(absl::StrCat(what, " at ", options_.uri, ": ", LastMessage()));
  };
  virDomainPtr* found = nullptr;
  const int count = virConnectListAllDomains(connection_->handle(), &found, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  if (count < 0) return failed("list the running VMs");
  const Domains domains(found, FreeDomains{count});

  problems_.clear();
  std::vector<Vm> vms;
  ProcessFinder processes(options_);
  for (int i = 0; i < count; ++i) {
    Vm vm;
    char uuid[VIR_UUID_STRING_BUFLEN];
    vm.name = virDomainGetName(domains[i]);
    if (virDomainGetUUIDString(domains[i], uuid) < 0) continue;
    vm.uuid = uuid;

    char* xml = virDomainGetXMLDesc(domains[i], 0);
    if (xml == nullptr) {
      if (LastCode() == VIR_ERR_NO_DOMAIN) continue;  // it stopped while we looked
      if (!connected()) return failed(absl::StrCat("read the XML of VM ", vm.name));
      problems_.push_back(absl::StrCat("VM ", vm.name, ": libvirt does not give its XML; it is left out"));
      continue;  // one broken VM does not hide the others
    }
    absl::StatusOr<std::vector<GuestPort>> ports = ParseGuestPorts(xml);
    vm.resources = ResourcesOfVm(xml);
    vm.guest_policy = GuestPolicyOfVm(xml);
    std::free(xml);
    if (ports.ok()) {
      vm.ports = *std::move(ports);
    } else {
      problems_.push_back(absl::StrCat("VM ", vm.name, ": ", ports.status().message()));
    }

    int state = VIR_DOMAIN_NOSTATE;
    vm.paused = virDomainGetState(domains[i], &state, nullptr, 0) == 0 &&
                (state == VIR_DOMAIN_PAUSED || state == VIR_DOMAIN_PMSUSPENDED);
    const std::optional<QemuProcess> process = processes.Find(vm.name, vm.uuid);
    if (!process.has_value()) {
      problems_.push_back(absl::StrCat("VM ", vm.name, ": no process with -uuid ", vm.uuid, " under ", options_.proc,
                                       " (does vrapl run in another PID namespace, or is it "
                                       "mounted with hidepid?)"));
      continue;
    }
    vm.pid = process->pid;
    vm.start_time = process->start_time;
    absl::StatusOr<std::vector<Vcpu>> vcpus = FindVcpuThreads(options_.proc, vm.pid);
    if (!vcpus.ok()) continue;
    vm.vcpus = *std::move(vcpus);
    vms.push_back(std::move(vm));
  }
  SortVms(vms);
  return vms;
}

std::vector<std::string> Inventory::DefinedButNotRunning() {
  std::vector<std::string> names;
  if (!connected()) return names;
  virDomainPtr* found = nullptr;
  const int count = virConnectListAllDomains(connection_->handle(), &found, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
  if (count < 0) return names;
  const Domains domains(found, FreeDomains{count});
  for (int i = 0; i < count; ++i) names.emplace_back(virDomainGetName(domains[i]));
  std::sort(names.begin(), names.end());
  return names;
}

bool Inventory::WaitForChange(absl::Duration timeout) {
  if (connected()) return change_->Wait(timeout);
  // Where the daemon's return gives no notice: be back when the next attempt is due.
  const absl::Duration until_attempt =
      std::max(absl::ZeroDuration(), absl::Nanoseconds(next_attempt_ns_ - options_.clock->NowNs()));
  if (until_attempt > timeout) return change_->Wait(timeout);
  change_->Wait(until_attempt);
  return true;
}

}  // namespace vrapl
