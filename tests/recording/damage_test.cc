// A file that was cut off, damaged, or made by somebody who means harm: its whole blocks are read, the rest is told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "recording/reader.h"
#include "recording/writer.h"
#include "tests/recording/made_recording.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kBlocks = 6;

class DamageTest : public testing::Test {
 protected:
  DamageTest() : path_(std::filesystem::temp_directory_path() / absl::StrCat("vrapl-damage-", ::getpid())) {}
  ~DamageTest() override { std::filesystem::remove(path_); }

  static std::string Content(int block) { return absl::StrCat(std::string(100, 'a'), block); }
  // kBlocks blocks of data behind the one that identifies the run.
  std::string WriteWhole() {
    std::filesystem::remove(path_);
    auto writer = RecordingWriter::Create(path_, R"({"run":1})", 0, /*force=*/false);
    EXPECT_THAT(writer, IsOk());
    for (int i = 0; i < kBlocks; ++i) (*writer)->Write(BlockKind::kData, i, Content(i));
    EXPECT_THAT((*writer)->Close(), IsOk());
    std::stringstream bytes;
    bytes << std::ifstream(path_).rdbuf();
    return bytes.str();
  }
  void Store(const std::string& bytes) { std::ofstream(path_, std::ios::trunc | std::ios::binary) << bytes; }

  // The file and what lies beside it under names that begin as its own.
  int NamesBeside() const {
    int names = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
      names += entry.path().string().rfind(path_, 0) == 0 ? 1 : 0;
    }
    return names;
  }

  struct Read {
    absl::Status status = absl::OkStatus();
    std::vector<std::string> contents;
    std::vector<std::string> damage;
  };
  Read ReadAll() {
    Read read;
    absl::StatusOr<RecordingReader> reader = RecordingReader::Open(path_);
    read.status = reader.status();
    if (!reader.ok()) return read;
    reader->Rewind();  // tells all of it once more
    while (std::optional<RecordingReader::Block> block = reader->Next()) read.contents.push_back(block->content);
    read.damage = reader->damage();
    return read;
  }

  const std::string path_;
};

TEST_F(DamageTest, AWholeFileGivesItsBlocks) {
  WriteWhole();
  const Read read = ReadAll();
  ASSERT_THAT(read.status, IsOk());
  EXPECT_EQ(read.contents.size(), static_cast<size_t>(kBlocks));
  EXPECT_THAT(read.damage, IsEmpty());
}

TEST_F(DamageTest, WhereverItIsCutOffTheBlocksBeforeAreRead) {
  const std::string whole = WriteWhole();
  const size_t run_end = 16 + kBlockFrameBytes + 9;
  const size_t block = kBlockFrameBytes + Content(0).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    Store(whole.substr(0, size));
    const Read read = ReadAll();
    if (size < run_end) {
      EXPECT_FALSE(read.status.ok()) << size;
      continue;
    }
    ASSERT_THAT(read.status, IsOk()) << size;
    EXPECT_EQ(read.contents.size(), (size - run_end) / block) << size;
    EXPECT_EQ(read.damage.empty(), (size - run_end) % block == 0) << size;
  }
}

TEST_F(DamageTest, OneDamagedBitCostsOneBlock) {
  const std::string whole = WriteWhole();
  const size_t run_end = 16 + kBlockFrameBytes + 9;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    Store(damaged);
    const Read read = ReadAll();
    if (at >= 16 && at < run_end) {
      EXPECT_THAT(read.status, StatusIs(absl::StatusCode::kDataLoss)) << at;
      continue;
    }
    ASSERT_THAT(read.status, IsOk()) << at;
    const size_t wanted = at < 16 ? kBlocks : kBlocks - 1;
    EXPECT_EQ(read.contents.size(), wanted) << at;
    // What follows the version in the first 16 bytes is not looked at.
    if (at <= kRecordingMagic.size() || at >= run_end) {
      EXPECT_THAT(read.damage, Not(IsEmpty())) << at;
    }
    for (const std::string& content : read.contents) EXPECT_EQ(content.substr(0, 100), std::string(100, 'a'));
  }
}

TEST_F(DamageTest, BlocksThatAreMissingOrTwiceThereAreTold) {
  const std::string whole = WriteWhole();
  const size_t run_end = 16 + kBlockFrameBytes + 9;
  const size_t block = kBlockFrameBytes + Content(0).size();
  Store(whole.substr(0, run_end + block) + whole.substr(run_end + 3 * block));
  Read read = ReadAll();
  EXPECT_EQ(read.contents.size(), static_cast<size_t>(kBlocks - 2));
  EXPECT_THAT(read.damage, ElementsAre(HasSubstr("blocks 2 to 3 are missing")));

  Store(whole.substr(0, run_end + 2 * block) + whole.substr(run_end));
  read = ReadAll();
  EXPECT_EQ(read.contents.size(), static_cast<size_t>(kBlocks));
  EXPECT_THAT(read.damage, ElementsAre(HasSubstr("stands behind"), HasSubstr("stands behind")));
}

TEST_F(DamageTest, AZeroedPageInTheMiddleIsPassedOver) {
  std::string whole = WriteWhole();
  whole.replace(400, 200, std::string(200, '\0'));
  Store(whole);
  const Read read = ReadAll();
  ASSERT_THAT(read.status, IsOk());
  EXPECT_GE(read.contents.size(), static_cast<size_t>(kBlocks - 3));
  EXPECT_THAT(read.damage, Not(IsEmpty()));
}

TEST_F(DamageTest, ALaterVersionIsRefusedByName) {
  std::string whole = WriteWhole();
  for (size_t at = 16; at < whole.size();) {
    const std::optional<BlockFrame> frame = DecodeFrame(absl::string_view(whole).substr(at));
    ASSERT_TRUE(frame);
    const uint16_t later = kRecordingVersion + 1;
    whole.replace(at + 4, 2, reinterpret_cast<const char*>(&later), 2);
    const uint32_t crc = Crc32(absl::string_view(whole).substr(at, 36));
    whole.replace(at + 36, 4, reinterpret_cast<const char*>(&crc), 4);
    at += kBlockFrameBytes + frame->bytes;
  }
  Store(whole);
  EXPECT_THAT(ReadAll().status, StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("later version")));
}

TEST_F(DamageTest, AnExistingFileIsNotOverwritten) {
  WriteWhole();
  EXPECT_THAT(RecordingWriter::Create(path_, "{}", 0, /*force=*/false),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  EXPECT_THAT(RecordingWriter::Create("/nonexistent/x.vrapl", "{}", 0, false), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(ReadAll().contents.size(), static_cast<size_t>(kBlocks));
}

TEST_F(DamageTest, AForcedOneReplacesTheFileOnceItHoldsData) {
  WriteWhole();
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit little = {.rlim_cur = 20, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  EXPECT_FALSE(RecordingWriter::Create(path_, R"({"run":2})", 0, /*force=*/true).ok());
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(ReadAll().contents.size(), static_cast<size_t>(kBlocks)) << "a full disk costs nobody a recording";
  const UniqueFd old(::open(path_.c_str(), O_RDONLY));
  const auto old_bytes = std::filesystem::file_size(path_);
  {
    auto nothing = RecordingWriter::Create(path_, R"({"run":2})", 0, /*force=*/true);
    ASSERT_THAT(nothing, IsOk());
    EXPECT_EQ(ReadAll().contents.size(), static_cast<size_t>(kBlocks)) << "so far there is nothing to put there";
    EXPECT_EQ(NamesBeside(), 2) << "where it grows";
    EXPECT_THAT((*nothing)->Close(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is as it was")));
    EXPECT_EQ(ReadAll().contents.size(), static_cast<size_t>(kBlocks));
    EXPECT_EQ(NamesBeside(), 1);
  }
  {
    auto full = RecordingWriter::Create(path_, R"({"run":2})", 0, /*force=*/true);
    ASSERT_THAT(full, IsOk());
    const rlimit no_data = {.rlim_cur = 80, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &no_data);
    (*full)->Write(BlockKind::kData, 0, Content(0));
    const absl::Status closed = (*full)->Close();
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_THAT(std::string(closed.message()), testing::AllOf(HasSubstr("File too large"), HasSubstr("is as it was")));
    EXPECT_EQ(ReadAll().contents.size(), static_cast<size_t>(kBlocks)) << "a disk that is full from its second on";
    EXPECT_EQ(NamesBeside(), 1);
  }
  auto writer = RecordingWriter::Create(path_, R"({"run":2})", 0, /*force=*/true);
  ASSERT_THAT(writer, IsOk());
  (*writer)->Write(BlockKind::kData, 0, Content(0));
  // The writing thread puts it into place.
  while (NamesBeside() > 1) ::sched_yield();
  EXPECT_EQ(ReadAll().contents.size(), 1u);
  EXPECT_EQ(RecordingReader::Open(path_)->run_json(), R"({"run":2})") << "it is seen while it grows";
  struct stat status {};
  ASSERT_EQ(::fstat(old.get(), &status), 0);
  EXPECT_EQ(static_cast<uintmax_t>(status.st_size), old_bytes) << "who reads the old one goes on reading it";
  EXPECT_THAT((*writer)->Close(), IsOk());
  EXPECT_EQ(NamesBeside(), 1) << "nothing is left beside it";
}

// A disk without space, played by a limit on the size of files: what fits is whole, what does not is told, nothing
// hangs.
TEST_F(DamageTest, AFullDiskLosesWhatDoesNotFitAndSaysSo) {
  std::filesystem::remove(path_);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto writer = RecordingWriter::Create(path_, R"({"run":1})", 0, false);
  ASSERT_THAT(writer, IsOk());
  const rlimit little = {.rlim_cur = 500, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  for (int i = 0; i < kBlocks; ++i) (*writer)->Write(BlockKind::kData, i, Content(i));
  const absl::Status closed = (*writer)->Close();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(closed.ok());
  EXPECT_THAT(std::string(closed.message()), HasSubstr("File too large"));
  const Read read = ReadAll();
  ASSERT_THAT(read.status, IsOk());
  EXPECT_EQ(read.contents.size(), 3u);  // 65 + 3 x 141 bytes
  EXPECT_EQ((*writer)->state().lost_blocks, static_cast<uint64_t>(kBlocks - 3));
  EXPECT_THAT(read.damage, IsEmpty()) << "half a block is cut off";
}

// Space that comes back is used, and nothing is lost.
TEST_F(DamageTest, ADiskThatHasSpaceAgainTakesWhatWaited) {
  std::filesystem::remove(path_);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto writer = RecordingWriter::Create(path_, R"({"run":1})", 0, false);
  ASSERT_THAT(writer, IsOk());
  const rlimit little = {.rlim_cur = 300, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  for (int i = 0; i < kBlocks; ++i) (*writer)->Write(BlockKind::kData, i, Content(i));
  while ((*writer)->state().error.empty()) ::sched_yield();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT((*writer)->Close(), IsOk());
  const Read read = ReadAll();
  EXPECT_EQ(read.contents.size(), static_cast<size_t>(kBlocks));
  EXPECT_THAT(read.damage, IsEmpty());
}

}  // namespace
}  // namespace vrapl
