// Arrays as NumPy stores them in files (.npy, format 1.0): a header, then the bytes.
// Source: NumPy's documentation, "numpy.lib.format".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vrapl {

// `descr`: "<i8", "<f8", "<i4", ... One dimension of `size`.
std::string NpyHeader(absl::string_view descr, uint64_t size);

// A whole array of texts, fixed width, "<U". What is not UTF-8 becomes U+FFFD.
std::string NpyTexts(const std::vector<std::string>& texts);
// One text, an array without dimensions.
std::string NpyText(const std::string& text);

}  // namespace vrapl
