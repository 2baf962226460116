// CRC-32 as of zlib, gzip and PNG ("CRC-32/ISO-HDLC"): polynomial 0x04c11db7, bits reflected, begins with and is
// inverted at the end by 0xffffffff. Pure. Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace vrapl {

uint32_t Crc32(std::string_view bytes);

}  // namespace vrapl
