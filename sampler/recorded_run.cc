#include "sampler/recorded_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "recording/block_decoder.h"
#include "recording/json_depth.h"
#include "recording/json_integer.h"

namespace vrapl {
namespace {

using nlohmann::json;

VmRun VmRunFromJson(const json& in) {
  return {.uuid = in.at("vm_id"),
          .name = in.at("vm_name"),
          .pid = JsonInteger(in, "pid"),
          .start_time = JsonInteger(in, "start_time")};
}

SamplerCounts CountsFromJson(const json& in) {
  return {.cpu = JsonInteger(in, "cpu"),
          .lateness = {.samples = JsonInteger(in, "samples"),
                       .late = JsonInteger(in, "late"),
                       .missed = JsonInteger(in, "missed"),
                       .p50_ns = JsonInteger(in, "late_p50_ns"),
                       .p99_ns = JsonInteger(in, "late_p99_ns"),
                       .p999_ns = JsonInteger(in, "late_p999_ns"),
                       .max_ns = JsonInteger(in, "late_max_ns")},
          .dropped = JsonInteger(in, "dropped"),
          .read_errors = JsonInteger(in, "read_errors"),
          .gaps = JsonInteger(in, "gaps"),
          .unreported_switches = JsonInteger(in, "unreported_switches"),
          .late_run_time_ns = JsonInteger(in, "late_run_time_ns"),
          .lost_records = JsonInteger(in, "lost_records"),
          .cpu_time_ns = in.contains("cpu_time_ns") ? JsonInteger(in, "cpu_time_ns") : int64_t{0}};
}

RecordedFlush FlushFromJson(const json& in) {
  RecordedFlush flush{.t_ns = JsonInteger(in, "t_ns"), .recursion_misses = JsonInteger(in, "recursion_misses")};
  for (const auto& [model, digest] : in.at("digests").items()) flush.digests[model] = JsonInteger(digest);
  for (const json& vm : in.at("retired")) flush.retired.push_back(VmRunFromJson(vm));
  for (const json& counts : in.at("samplers")) flush.counts.push_back(CountsFromJson(counts));
  flush.problems = in.at("problems").get<std::vector<std::string>>();
  return flush;
}

// Gathers events; of samples only the last instant.
class Scan final : public BlockVisitor {
 public:
  Scan(int64_t start_ns, ScannedRecording& out) : start_ns_(start_ns), out_(out) {}

  void OnVms(const std::vector<RecordedVm>& vms, bool) override {
    for (const RecordedVm& vm : vms) out_.run.vms.insert({.uuid = vm.uuid, .name = vm.name});
  }
  void OnPackage(int, int64_t, uint32_t, const std::vector<uint64_t>&) override {}
  void OnThread(uint32_t, const RecordedThread&) override {}
  void OnSample(int, const Sample& sample) override {
    last_ns_ = std::max(last_ns_, sample.header.t_ns);
    out_.run.by_core = out_.run.by_core || !sample.cores.empty();
  }
  void OnEvent(int64_t t_ns, absl::string_view type, absl::string_view text) override {
    const int64_t from_start_ns = t_ns - start_ns_;
    const json value = IsShallowJson(text) ? json::parse(text, nullptr, /*allow_exceptions=*/false) : json();
    if (!value.is_object()) {
      ++unreadable_;
      return;
    }
    try {
      if (type == "flush") out_.flushes.push_back(FlushFromJson(value));
      if (type == "mark") {
        out_.run.marks.push_back({.t_ns = from_start_ns, .label = value.at("label").get<std::string>()});
      }
      if (type == kRunBeginEvent) {
        out_.run.runs.push_back(RunBeginFromJson(value));
        out_.run.runs.back().begin_ns = from_start_ns;
      }
      if (type == kRunEndEvent) EndRun(from_start_ns, RunEndFromJson(value));
      if (type == "end") out_.run.ended = true;
    } catch (const std::exception&) {  // the JSON library's, and JsonInteger's
      ++unreadable_;
      return;
    }
    out_.run.events.push_back({.t_ns = from_start_ns, .type = std::string(type), .json = std::string(text)});
  }

  int64_t last_ns() const { return last_ns_; }
  int unreadable() const { return unreadable_; }

 private:
  // The beginning may be in a block that is missing.
  void EndRun(int64_t t_ns, const CommandRun& end) {
    if (out_.run.runs.empty()) return;
    CommandRun& run = out_.run.runs.back();
    if (run.end_ns != INT64_MAX || t_ns < run.begin_ns || run.command_index != end.command_index ||
        run.repetition != end.repetition || run.warmup != end.warmup) {
      return;
    }
    run.end_ns = t_ns;
    run.exit_code = end.exit_code;
    run.signal = end.signal;
  }

  const int64_t start_ns_;
  ScannedRecording& out_;
  int64_t last_ns_ = 0;
  int unreadable_ = 0;
};

template <typename T>
void SortByTime(std::vector<T>& values) {
  std::stable_sort(values.begin(), values.end(), [](const T& a, const T& b) { return a.t_ns < b.t_ns; });
}

}  // namespace

std::vector<Model> ModelsToCompare(const RecordedRun& run) {
  std::vector<Model> models(kModels.begin(), kModels.end());
  if (!run.by_core) std::erase(models, Model::kCore);
  return models;
}

absl::StatusOr<ScannedRecording> ScanRecording(RecordingReader& reader, const std::string& path) {
  absl::StatusOr<RunHeader> header = RunHeaderFromJson(reader.run_json());
  if (!header.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", header.status().message()));
  ScannedRecording scanned{.header = *std::move(header)};
  const RunHeader& run_header = scanned.header;
  std::vector<size_t> domains;
  for (const RecordedPackage& package : run_header.packages) domains.push_back(package.info.domains.size());

  const int64_t start_ns = run_header.packages.front().start_ns;
  Scan scan(start_ns, scanned);
  reader.Rewind();
  while (const std::optional<RecordingReader::Block> block = reader.Next()) {
    if (absl::Status status = DecodeBlock(block->content, run_header.period_ns, domains, scan); !status.ok()) {
      reader.AddDamage(absl::StrCat("block ", block->frame.sequence, ": ", status.message()));
    }
  }
  if (scan.unreadable() > 0) reader.AddDamage(absl::StrCat(scan.unreadable(), " events cannot be read"));

  RecordedRun& run = scanned.run;
  run.path = path;
  run.header = reader.run_json();
  for (const RecordedPackage& package : run_header.packages) run.packages.push_back(package.info);
  run.source = run_header.source;
  run.start_unix_ns = run_header.anchor.realtime_ns + (start_ns - run_header.anchor.monotonic_ns);
  run.duration_ns = std::max<int64_t>(scan.last_ns() - start_ns, 0);
  run.period_ns = run_header.period_ns;
  run.flush_ns = run_header.flush_ns;
  for (const std::string& name : run_header.models) {
    if (const std::optional<Model> model = ModelByName(name)) run.models.push_back(*model);
  }
  if (run.models.empty()) run.models.push_back(Model::kBaseShare);
  run.damage = reader.damage();
  SortByTime(run.marks);
  std::stable_sort(run.runs.begin(), run.runs.end(),
                   [](const CommandRun& a, const CommandRun& b) { return a.begin_ns < b.begin_ns; });
  SortByTime(run.events);
  SortByTime(scanned.flushes);
  return scanned;
}

}  // namespace vrapl
