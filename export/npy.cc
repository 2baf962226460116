#include "export/npy.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

std::string Header(absl::string_view descr, absl::string_view shape) {
  std::string dict = absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, ", }");
  constexpr size_t kBefore = 10;  // magic, version, length
  dict.append((64 - (kBefore + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

// UTF-8 as UTF-32, little end first.
class Utf32 {
 public:
  Utf32() : converter_(::iconv_open("UTF-32LE", "UTF-8")) {}
  ~Utf32() { ::iconv_close(converter_); }
  Utf32(const Utf32&) = delete;
  Utf32& operator=(const Utf32&) = delete;

  std::string operator()(const std::string& text) const {
    std::string out(4 * text.size(), '\0');
    std::string in_copy = text;
    char* in = in_copy.data();
    size_t in_left = in_copy.size();
    char* to = out.data();
    size_t out_left = out.size();
    while (in_left > 0 && ::iconv(converter_, &in, &in_left, &to, &out_left) == static_cast<size_t>(-1)) {
      if (out_left < 4) break;
      for (const char byte : {'\xfd', '\xff', '\0', '\0'}) *to++ = byte;
      out_left -= 4;
      ++in, --in_left;
    }
    out.resize(out.size() - out_left);
    return out;
  }

 private:
  iconv_t converter_;
};

}  // namespace

std::string NpyHeader(absl::string_view descr, uint64_t size) { return Header(descr, absl::StrCat("(", size, ",)")); }

std::string NpyTexts(const std::vector<std::string>& texts) {
  const Utf32 utf32;
  std::vector<std::string> wide;
  size_t width = 4;
  for (const std::string& text : texts) {
    wide.push_back(utf32(text));
    width = std::max(width, wide.back().size());
  }
  std::string array = NpyHeader(absl::StrCat("<U", width / 4), texts.size());
  for (std::string& text : wide) {
    text.resize(width, '\0');
    array += text;
  }
  return array;
}

std::string NpyText(const std::string& text) {
  std::string wide = Utf32()(text);
  wide.resize(std::max<size_t>(4, wide.size()), '\0');
  return Header(absl::StrCat("<U", wide.size() / 4), "()") + wide;
}

}  // namespace vrapl
