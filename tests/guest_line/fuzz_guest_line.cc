// libFuzzer target: bytes that arrive where guest lines are expected. The first byte says what becomes of the rest:
//
//   0  a text for the parser              3  two good lines, cut and joined where the bytes say, with bits turned over
//   1  a stream, in pieces, for a reader  4  a flood without a newline, then a good line
//   2  a body that is given a right CRC, so that the fields behind it are reached
//
// The laws: what is accepted begins with the magic, ends in the CRC that zlib says it must have, stood in the input as
// it is told, and survives being written and read again; and after anything at all the next good line is found.
//
//   fuzz_guest_line -runs=10000000 corpus/
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "guest_line/guest_line.h"
#include "guest_line/guest_line_reader.h"

namespace {

using namespace vrapl;  // NOLINT(google-build-using-namespace): a program of one file

void Need(bool law) {
  if (!law) std::abort();
}

std::string ZlibCrc(std::string_view bytes) {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08lx",
                ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  return digits;
}

// `text` was accepted as `line`; it has no line end.
void CheckAccepted(std::string_view text, const GuestLine& line) {
  Need(text.size() < kMaxGuestLine && text.size() > 10 && text.starts_with("VRAPL1 "));
  const std::string_view body = text.substr(0, text.size() - 10);
  Need(text.substr(body.size()) == " *" + ZlibCrc(body));
  for (const char c : text) Need(c >= 0x20 && c < 0x7f);
  Need(line.unix_ms >= 0 && line.dt_us >= 0 && line.power_mw.value_or(0) >= 0 && line.energy_uj.value_or(0) >= 0);
  const std::string again = FormatGuestLine(line);
  const DecodedGuestLine decoded = DecodeGuestLine(again);
  Need(decoded.fault == GuestLineFault::kNone && decoded.line == line && FormatGuestLine(decoded.line) == again);
}

// Whether it is one.
bool Parse(std::string_view text) {
  const DecodedGuestLine decoded = DecodeGuestLine(text);
  if (decoded.fault == GuestLineFault::kNone) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    CheckAccepted(text, decoded.line);
    return true;
  }
  Need(!decoded.why.empty());
  for (const char c : decoded.why) Need(c >= 0x20 && c < 0x7f);
  return false;
}

// The lines that a reader finds in it when it comes in pieces of `step` bytes; the last of them was sent to see whether
// it still reads.
std::vector<ReceivedGuestLine> Read(std::string stream, size_t step) {
  static const std::string good = [] {
    GuestLine line;
    line.seq = 4'000'000'000;
    line.dt_us = 2'000'000;
    line.energy_uj = 1;
    return FormatGuestLine(line);
  }();
  stream += '\n';
  GuestLineReader reader;
  std::vector<ReceivedGuestLine> lines;
  for (std::string_view rest = stream; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    reader.Feed(rest.substr(0, step), lines);
    Need(reader.pending_bytes() < kMaxGuestLine);
  }
  for (const ReceivedGuestLine& received : lines) {
    Need(stream.find(received.text) != std::string::npos);
    CheckAccepted(received.text, received.line);
  }
  Need(reader.accepted() == lines.size() && reader.pending_bytes() == 0);
  const size_t before = lines.size();
  reader.Feed(good, lines);
  Need(lines.size() == before + 1 && lines.back().text + "\n" == good);
  return lines;
}

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint64_t Next(int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | (at_ < size_ ? data_[at_++] : 0);
    return value;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

std::string AGoodLine(Bytes& bytes) {
  const uint64_t present = bytes.Next(1);
  const auto some = [&](int bit) -> std::optional<int64_t> {
    if ((present >> bit & 1) == 0) return std::nullopt;
    return static_cast<int64_t>(bytes.Next(8) >> (bytes.Next(1) % 63 + 1));
  };
  GuestLine line;
  line.seq = bytes.Next(8);
  line.unix_ms = static_cast<int64_t>(bytes.Next(6));
  line.dt_us = static_cast<int64_t>(bytes.Next(4));
  line.power_mw = some(0);
  line.energy_uj = some(1);
  line.active_uj = some(2);
  line.err_uj = some(3);
  line.quantum_uj = some(4);
  line.run_time_ns = some(5);
  line.epoch = static_cast<uint32_t>(bytes.Next(4));
  line.state = static_cast<uint32_t>(bytes.Next(1)) & 31;
  return FormatGuestLine(line);
}

// Nothing but one of the two may come out.
void Splice(Bytes bytes) {
  const std::string first = AGoodLine(bytes);
  const std::string second = AGoodLine(bytes);
  std::string joined = first.substr(0, bytes.Next(2) % (first.size() + 1));
  joined += second.substr(bytes.Next(2) % (second.size() + 1));
  for (uint64_t turns = bytes.Next(1) % 4; turns > 0 && !joined.empty(); --turns) {
    const size_t at = bytes.Next(2) % joined.size();
    joined[at] = static_cast<char>(joined[at] ^ 1 << bytes.Next(1) % 8);
  }
  Parse(joined);
  std::vector<ReceivedGuestLine> lines = Read(joined, 1 + bytes.Next(1));
  lines.pop_back();
  for (const ReceivedGuestLine& received : lines) {
    const std::string text = received.text + "\n";
    Need(text == first || text == second);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      Parse(bytes);
      break;
    case 1:
      Read(bytes.substr(1), 1 + static_cast<uint8_t>(bytes[0]));
      break;
    case 2: {
      // What the bytes say of a CRC is cut off where a corpus line has one.
      const std::string body = bytes.substr(0, bytes.rfind(" *"));
      Parse(body + " *" + ZlibCrc(body));
      break;
    }
    case 3:
      Splice(Bytes(data + 1, size - 1));
      break;
    default: {
      while (bytes.size() < 3000) bytes += bytes;
      std::erase(bytes, '\n');
      Read(bytes, 1 + data[1]);
      Bytes seed(data + 1, size - 1);
      const std::string line = AGoodLine(seed);
      Need(Read(bytes + line, 700).size() == 2);
    }
  }
  return 0;
}
