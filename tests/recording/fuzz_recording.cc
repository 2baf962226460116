// libFuzzer target: bytes that somebody hands us as a recording. The first byte says as what: the content of a block,
// the block that identifies the run, a whole file, or a whole file whose CRCs have been made right, so that the bytes
// behind them are reached.
//
//   fuzz_recording -runs=100000 corpus/
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "recording/block_decoder.h"
#include "recording/reader.h"
#include "recording/run_header.h"

namespace {

using namespace vrapl;  // NOLINT(google-build-using-namespace): a program of one file

// Whatever is told must be within what was sent.
class Counter final : public BlockVisitor {
 public:
  explicit Counter(size_t bytes) : bytes_(bytes) {}
  void OnVms(const std::vector<RecordedVm>& vms, bool) override { Need(vms.size() <= bytes_); }
  void OnPackage(int package, int64_t, uint32_t, const std::vector<uint64_t>& ticks) override {
    Need(package >= 0 && package < 2 && ticks.size() <= 4);
  }
  void OnThread(uint32_t number, const RecordedThread& thread) override {
    Need(number <= threads_ && thread.comm.size() <= bytes_);
    if (number == threads_) ++threads_;
  }
  void OnSample(int package, const Sample& sample) override {
    Need(package >= 0 && package < 2 && sample.header.dt_ns >= 0 && sample.threads.size() <= bytes_);
    Need(sample.ticks.size() == sample.errors.size());
    for (const ThreadRun& run : sample.threads) Need(run.number < threads_ && run.run_ns >= 0);
    Need(++samples_ <= bytes_);
  }
  void OnEvent(int64_t, absl::string_view type, absl::string_view json) override {
    Need(type.size() + json.size() <= bytes_);
  }

 private:
  static void Need(bool law) {
    if (!law) std::abort();
  }
  const size_t bytes_;
  size_t threads_ = 0;
  size_t samples_ = 0;
};

void Decode(absl::string_view content) {
  static const std::vector<size_t> domains = {4, 2};
  Counter counter(content.size());
  DecodeBlock(content, 1'000'000, domains, counter).IgnoreError();
}

void ReadFile(std::string bytes, bool make_right) {
  constexpr size_t kPrefix = 16;
  for (size_t at = kPrefix; make_right && at + kBlockFrameBytes <= bytes.size();) {
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at + 8, sizeof length);
    length %= 4096;
    const size_t left = bytes.size() - at - kBlockFrameBytes;
    if (length > left) length = static_cast<uint32_t>(left);
    const absl::string_view content(bytes.data() + at + kBlockFrameBytes, length);
    const auto kind = static_cast<BlockKind>(bytes[at + 6] & 1);
    const auto frame = EncodeFrame(kind, static_cast<uint8_t>(bytes[at + 16]), 0, content);
    bytes.replace(at, frame.size(), frame.data(), frame.size());
    at += kBlockFrameBytes + length;
  }
  const int fd = ::memfd_create("recording", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  absl::StatusOr<RecordingReader> reader = RecordingReader::Open(absl::StrCat("/proc/self/fd/", fd));
  if (reader.ok()) {
    RunHeaderFromJson(reader->run_json()).IgnoreError();
    size_t blocks = 0;
    while (const std::optional<RecordingReader::Block> block = reader->Next()) {
      if (++blocks > bytes.size()) std::abort();
      Decode(block->content);
    }
    if (reader->damage().size() > RecordingReader::kMaxDamageTold + 1) std::abort();
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      Decode(bytes);
      break;
    case 1: {
      // What can be read can be written, and read again as the same.
      absl::StatusOr<RunHeader> header = RunHeaderFromJson(bytes);
      if (!header.ok()) break;
      const std::string text = RunHeaderToJson(*header);
      const absl::StatusOr<RunHeader> again = RunHeaderFromJson(text);
      if (!again.ok() || RunHeaderToJson(*again) != text) std::abort();
      break;
    }
    default:
      ReadFile(bytes, data[0] % 4 == 3);
  }
  return 0;
}
