// Writes the corpus that fuzz_recording begins with: one small input of each kind.  make_corpus DIRECTORY
#include <filesystem>
#include <fstream>

#include "recording/block.h"
#include "recording/run_header.h"
#include "tests/recording/made_recording.h"

int main(int argc, char** argv) {
  using namespace vrapl;  // NOLINT(google-build-using-namespace): a program of one file
  if (argc != 2) return 2;
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto store = [&](const char* name, char kind, const std::string& bytes) {
    std::ofstream(directory / name, std::ios::binary) << kind << bytes;
  };

  RunHeader header{.vrapl_version = "0",
                   .source = "emulated",
                   .backend = "msr",
                   .period_ns = 1'000'000,
                   .flush_ns = 1'000'000'000,
                   .models = {"base-share"},
                   .base_power_w = {{RaplDomain::kPackage, 20}}};
  for (const size_t domains : {4, 2}) {
    RecordedPackage package;
    package.info.cpus = {0, 1};
    for (size_t i = 0; i < domains; ++i) {
      package.info.domains.push_back({.id = {static_cast<RaplDomain>(i)}, .unit = {6.1e-5}, .origin = "MSR 0x611"});
      package.start_ticks.push_back(i);
      package.updates.push_back({.reads = 9, .edges = 3});
    }
    header.packages.push_back(package);
  }
  const std::string run = RunHeaderToJson(header);
  store("run", 1, run);

  std::string file(kRecordingMagic);
  file.append({1, 0, 0, 0, 0, 0, 0, 0});
  uint64_t sequence = 0;
  const auto append = [&](BlockKind kind, const std::string& content) {
    const auto frame = EncodeFrame(kind, sequence++, 0, content);
    file.append(frame.data(), frame.size()).append(content);
  };
  append(BlockKind::kRun, run);
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SampleMaker maker(seed, 1'000'000, {4, 2});
    BlockEncoder encoder(1'000'000, maker.packages());
    encoder.SetVms(MadeVms());
    for (int i = 0; i < 12; ++i) {
      const MadeSample made = maker.Next();
      const auto row = [](int id) { return MadeRow(id); };
      const auto comm = [](const ThreadRun& thread) { return MadeComm(thread); };
      encoder.AddSample(made.package, made.sample(), made.rows, {.row = row, .comm = comm});
    }
    encoder.AddEvent(5, "mark", R"({"label":"x"})");
    const std::string content = encoder.TakeBlock();
    store(absl::StrCat("block", seed).c_str(), 0, content);
    append(BlockKind::kData, content);
  }
  store("file", 2, file);
  store("file_made_right", 3, file);
  return 0;
}
