// The frame of a recording: a file is a row of blocks, each with what it needs to be found, checked and read alone.
// The bytes are specified in docs/recording-format.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

inline constexpr absl::string_view kRecordingMagic = "VRAPLREC";
inline constexpr uint16_t kRecordingVersion = 1;
inline constexpr uint32_t kBlockMagic = 0x4b425256;  // "VRBK"
inline constexpr size_t kBlockFrameBytes = 40;
// No block is longer, so that a reader need not believe a length that was damaged.
inline constexpr uint32_t kMaxBlockBytes = 16 << 20;

enum class BlockKind : uint16_t {
  kRun = 0,   // JSON text that identifies the run; the first block of a file, and again later
  kData = 1,  // records
};

struct BlockFrame {
  uint16_t version = kRecordingVersion;
  BlockKind kind = BlockKind::kData;
  uint32_t bytes = 0;  // of the content that follows
  uint32_t content_crc = 0;
  uint64_t sequence = 0;  // 0, 1, 2...: what is missing shows
  int64_t first_ns = 0;   // CLOCK_MONOTONIC at which the block begins
};

// CRC-32 as of zlib.
uint32_t Crc32(absl::string_view bytes);

// The frame with its own CRC, and the content's.
std::array<char, kBlockFrameBytes> EncodeFrame(BlockKind kind, uint64_t sequence, int64_t first_ns,
                                               absl::string_view content);

// nullopt: these bytes are no frame, or were damaged. A frame of a later version is one; its content is not for us.
std::optional<BlockFrame> DecodeFrame(absl::string_view bytes);

}  // namespace vrapl
