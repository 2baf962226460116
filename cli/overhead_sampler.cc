#include "cli/overhead_sampler.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr int64_t kStartsWithinNs = 60 * kNanosPerSecond;
constexpr int64_t kLookEveryNs = 5 * kNanosPerMilli;

std::string Read(const UniqueFd& fd) {
  std::string text;
  char block[4096];
  for (ssize_t size = 0; (size = ::pread(fd.get(), block, sizeof block, static_cast<off_t>(text.size()))) > 0;) {
    text.append(block, static_cast<size_t>(size));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OverheadSampler>> OverheadSampler::Start(const std::vector<std::string>& words,
                                                                        const Inherited& inherited,
                                                                        absl::FunctionRef<bool()> give_up) {
  std::unique_ptr<OverheadSampler> sampler(new OverheadSampler());
  sampler->out_ = UniqueFd(::memfd_create("out", MFD_CLOEXEC));
  sampler->err_ = UniqueFd(::memfd_create("err", MFD_CLOEXEC));
  if (!sampler->out_.ok() || !sampler->err_.ok()) {
    const int error = errno;
    return PosixError(error, "make room for the sampler's output");
  }
  absl::StatusOr<std::unique_ptr<CommandProcess>> process =
      CommandProcess::Start(words, {.stdout_fd = sampler->out_.get(),
                                    .stderr_fd = sampler->err_.get(),
                                    .ends_with_us = true,
                                    .inherited = &inherited});
  if (!process.ok()) return process.status();
  sampler->process_ = *std::move(process);
  sampler->process_->Release();
  // Its first line says that it samples.
  struct stat out {};
  for (const int64_t until_ns = MonotonicNs() + kStartsWithinNs;;) {
    if (give_up()) return absl::CancelledError("a signal came");
    if (::fstat(sampler->out_.get(), &out) == 0 && out.st_size > 0) return sampler;
    if (sampler->process_->ended() || MonotonicNs() > until_ns) {
      return absl::UnavailableError(absl::StrCat("vrapl sample does not run: ", Read(sampler->err_)));
    }
    RealClock().SleepUntil(MonotonicNs() + kLookEveryNs);
  }
}

absl::StatusOr<double> OverheadSampler::Stop(int64_t within_ns) {
  // Not SIGINT: whoever started us in the background of a shell has had that ignored, for the sampler too.
  process_->Signal(SIGTERM);
  pollfd end_of_it{.fd = process_->ended_fd(), .events = POLLIN, .revents = 0};
  for (const int64_t until_ns = MonotonicNs() + within_ns; !process_->ended();) {
    const int64_t left_ns = until_ns - MonotonicNs();
    if (left_ns <= 0) {
      process_->Signal(SIGKILL);
      process_->Wait();
      return absl::UnavailableError(absl::StrCat("vrapl sample did not end within ",
                                                 absl::FormatDuration(absl::Nanoseconds(within_ns)),
                                                 " of SIGTERM and was killed: ", Read(err_)));
    }
    ::poll(&end_of_it, 1, static_cast<int>(left_ns / kNanosPerMilli) + 1);
  }
  const CommandEnd& end = process_->Wait();
  if (end.exit_code != 0) return absl::UnavailableError(absl::StrCat("vrapl sample failed: ", Read(err_)));
  const std::string text = Read(out_);
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  const nlohmann::json last = nlohmann::json::parse(std::string(lines.empty() ? "" : lines.back()), nullptr, false);
  if (!last.is_object() || !last.contains("own_cost")) return absl::UnavailableError("vrapl sample did not end well");
  return last["own_cost"]["cpu_ns"].get<double>() / last["own_cost"]["wall_ns"].get<double>();
}

}  // namespace vrapl
