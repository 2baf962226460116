#include "report/packed_numbers.h"

#include "absl/strings/escaping.h"

namespace vrapl {
namespace {

void AppendVarint(uint64_t value, std::string& bytes) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<char>(value));
}

}  // namespace

std::string PackNumbers(absl::Span<const int64_t> numbers) {
  std::string bytes;
  for (const int64_t number : numbers) AppendVarint(static_cast<uint64_t>(number), bytes);
  return absl::Base64Escape(bytes);
}

std::string PackAscending(absl::Span<const int64_t> numbers) {
  std::string bytes;
  int64_t before = 0;
  for (const int64_t number : numbers) {
    AppendVarint(static_cast<uint64_t>(number - before), bytes);
    before = number;
  }
  return absl::Base64Escape(bytes);
}

}  // namespace vrapl
