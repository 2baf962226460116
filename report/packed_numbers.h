// Many numbers as few characters, for a page that a browser unpacks (report/charts/data.js): each as a base-128 varint,
// the lowest seven bits first, all of them in base64.
//
// Source: Protocol Buffers, "Encoding", "Base 128 Varints"; RFC 4648, "Base 64 Encoding".   Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace vrapl {

// None may be negative; up to 2^53, beyond which a browser's numbers are not exact.
std::string PackNumbers(absl::Span<const int64_t> numbers);

// Of ascending numbers, the first and the steps from one to the next.
std::string PackAscending(absl::Span<const int64_t> numbers);

}  // namespace vrapl
