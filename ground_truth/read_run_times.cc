#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "ground_truth/recorded_schedule.h"
#include "recording/block_decoder.h"
#include "recording/reader.h"
#include "recording/run_header.h"

namespace vrapl {
namespace {

class Gather final : public BlockVisitor {
 public:
  explicit Gather(RecordedRunTimes& out) : out_(out) {}

  void OnVms(const std::vector<RecordedVm>&, bool) override {}
  void OnPackage(int, int64_t, uint32_t, const std::vector<uint64_t>&) override {}
  void OnEvent(int64_t, absl::string_view, absl::string_view) override {}

  void OnThread(uint32_t number, const RecordedThread& thread) override {
    const ThreadRun& key = thread.key;
    const int next = static_cast<int>(out_.threads.size());
    const auto [known, is_new] = known_.try_emplace({key.tid, key.tgid, key.start_ns}, next);
    if (is_new) {
      out_.threads.push_back(thread.comm);
      const auto process = processes_.try_emplace(key.tgid, static_cast<int>(processes_.size())).first;
      out_.processes.push_back(process->second);
    }
    if (of_block_.size() <= number) of_block_.resize(number + 1);
    of_block_[number] = known->second;
  }

  void OnSample(int package, const Sample& sample) override {
    if (package != 0 || sample.header.dt_ns <= 0) return;
    RecordedWindow window{.dt_ns = sample.header.dt_ns, .cpus = static_cast<int>(sample.header.cpus)};
    for (const ThreadRun& run : sample.threads) {
      if (run.run_ns > 0) window.runs.push_back({.thread = of_block_[run.number], .run_ns = run.run_ns});
    }
    out_.windows.push_back(std::move(window));
  }

 private:
  RecordedRunTimes& out_;
  std::map<std::tuple<uint32_t, uint32_t, uint64_t>, int> known_;
  std::map<uint32_t, int> processes_;
  std::vector<int> of_block_;  // numbers of threads are a block's own
};

}  // namespace

absl::StatusOr<RecordedRunTimes> ReadRunTimes(const std::string& path) {
  absl::StatusOr<RecordingReader> reader = RecordingReader::Open(path);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<RunHeader> header = RunHeaderFromJson(reader->run_json());
  if (!header.ok()) return header.status();
  std::vector<size_t> domains;
  for (const RecordedPackage& package : header->packages) domains.push_back(package.info.domains.size());

  RecordedRunTimes found;
  Gather gather(found);
  while (const std::optional<RecordingReader::Block> block = reader->Next()) {
    const absl::Status decoded = DecodeBlock(block->content, header->period_ns, domains, gather);
    if (!decoded.ok()) return decoded;
  }
  const bool any = std::any_of(found.windows.begin(), found.windows.end(),
                               [](const RecordedWindow& window) { return !window.runs.empty(); });
  if (!any) {
    return absl::FailedPreconditionError(
        absl::StrCat("no thread ran in ", path, ": record a busy machine, vrapl sample --emulate -o FILE.vrapl"));
  }
  return found;
}

}  // namespace vrapl
