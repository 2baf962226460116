// A .tar.gz in memory, and a file that is written whole or not at all. Knows nothing of energy.
//
// Source of the format: POSIX.1-2017, pax, "ustar Interchange Format"; RFC 1952 for gzip.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

// Path in the archive -> text. Paths are relative.
using FileTree = std::map<std::string, std::string>;

// Every file as an ordinary one, mode 0644, of nobody, of no time: equal trees give equal bytes.
// INVALID_ARGUMENT for a path that ustar cannot hold (255 bytes, 100 after some slash).
absl::StatusOr<std::string> MakeTarGz(const FileTree& files);

// Written beside `path` under another name, synced and renamed. ALREADY_EXISTS when there is something and not `force`.
absl::Status WriteWholeFile(const std::string& path, absl::string_view content, bool force);

}  // namespace vrapl
