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

  const std::string run = RunHeaderToJson(MadeRunHeader());
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
