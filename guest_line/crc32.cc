#include "guest_line/crc32.h"

#include <array>

namespace vrapl {
namespace {

constexpr uint32_t kReflectedPolynomial = 0xedb88320;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? kReflectedPolynomial : 0);
    table[byte] = remainder;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

}  // namespace

uint32_t Crc32(std::string_view bytes) {
  uint32_t remainder = 0xffffffff;
  for (const char c : bytes) remainder = remainder >> 8 ^ kTable[(remainder ^ static_cast<uint8_t>(c)) & 0xff];
  return ~remainder;
}

}  // namespace vrapl
