#include "guest_line/crc32.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace vrapl {
namespace {

TEST(Crc32Test, CheckValue) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);  // of CRC-32/ISO-HDLC
  EXPECT_EQ(Crc32(""), 0u);
}

TEST(Crc32Test, IsThatOfZlib) {
  std::mt19937_64 random(1);
  for (size_t length = 0; length < 2000; ++length) {
    std::string bytes(length, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    ASSERT_EQ(Crc32(bytes), ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())) << length;
  }
}

}  // namespace
}  // namespace vrapl
