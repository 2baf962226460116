#include "recording/block.h"

#include <zlib.h>

#include <bit>
#include <cstring>

namespace vrapl {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little endian, as every x86");

// Where each field lies.
constexpr size_t kMagicAt = 0;
constexpr size_t kVersionAt = 4;
constexpr size_t kKindAt = 6;
constexpr size_t kBytesAt = 8;
constexpr size_t kContentCrcAt = 12;
constexpr size_t kSequenceAt = 16;
constexpr size_t kFirstAt = 24;
constexpr size_t kReservedAt = 32;
constexpr size_t kFrameCrcAt = 36;

template <typename T>
T Load(absl::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

uint32_t Crc32(absl::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::array<char, kBlockFrameBytes> EncodeFrame(BlockKind kind, uint64_t sequence, int64_t first_ns,
                                               absl::string_view content) {
  std::array<char, kBlockFrameBytes> frame{};
  const auto store = [&](size_t at, auto value) { std::memcpy(frame.data() + at, &value, sizeof value); };
  store(kMagicAt, kBlockMagic);
  store(kVersionAt, kRecordingVersion);
  store(kKindAt, static_cast<uint16_t>(kind));
  store(kBytesAt, static_cast<uint32_t>(content.size()));
  store(kContentCrcAt, Crc32(content));
  store(kSequenceAt, sequence);
  store(kFirstAt, first_ns);
  store(kReservedAt, uint32_t{0});
  store(kFrameCrcAt, Crc32({frame.data(), kFrameCrcAt}));
  return frame;
}

std::optional<BlockFrame> DecodeFrame(absl::string_view bytes) {
  if (bytes.size() < kBlockFrameBytes || Load<uint32_t>(bytes, kMagicAt) != kBlockMagic) return std::nullopt;
  if (Load<uint32_t>(bytes, kFrameCrcAt) != Crc32(bytes.substr(0, kFrameCrcAt))) return std::nullopt;
  const BlockFrame frame{.version = Load<uint16_t>(bytes, kVersionAt),
                         .kind = static_cast<BlockKind>(Load<uint16_t>(bytes, kKindAt)),
                         .bytes = Load<uint32_t>(bytes, kBytesAt),
                         .content_crc = Load<uint32_t>(bytes, kContentCrcAt),
                         .sequence = Load<uint64_t>(bytes, kSequenceAt),
                         .first_ns = Load<int64_t>(bytes, kFirstAt)};
  if (frame.bytes > kMaxBlockBytes) return std::nullopt;
  return frame;
}

}  // namespace vrapl
