#include "schedstat/kernel_config.h"

#include <sys/utsname.h>
#include <zlib.h>

#include <array>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vrapl {

std::vector<std::string> KernelConfigPaths() {
  std::vector<std::string> paths = {"/proc/config.gz"};
  utsname name{};
  if (::uname(&name) == 0) paths.push_back(absl::StrCat("/boot/config-", name.release));
  return paths;
}

std::optional<bool> KernelHas(absl::string_view option, const std::vector<std::string>& paths) {
  struct Close {
    void operator()(gzFile file) const { ::gzclose(file); }
  };
  for (const std::string& path : paths) {
    // gzopen reads files that are not compressed as they are.
    const std::unique_ptr<gzFile_s, Close> file(::gzopen(path.c_str(), "re"));
    if (file == nullptr) continue;
    const std::string wanted = absl::StrCat(option, "=y");
    std::array<char, 4096> line;
    while (::gzgets(file.get(), line.data(), line.size()) != nullptr) {
      absl::string_view text(line.data());
      if (absl::StartsWith(text, wanted) && text.size() <= wanted.size() + 1) return true;
    }
    return false;
  }
  return std::nullopt;
}

}  // namespace vrapl
