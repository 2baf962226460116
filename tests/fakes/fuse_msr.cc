#include "tests/fakes/fuse_msr.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

namespace vrapl {

FuseMsr::FuseMsr(HostBuilder& host, const std::vector<int>& cpus) {
  // Mounted beside the host's ordinary files, with a link where /dev belongs.
  const std::string directory = host.root().Path("/fuse");
  std::filesystem::create_directory(directory);
  std::filesystem::create_directory_symlink("fuse/dev", host.root().Path("/dev"));
  HostFsTree tree;
  for (const int cpu : cpus) tree.AddMsr(cpu);
  absl::StatusOr<std::unique_ptr<HostFs>> mounted = HostFs::Mount(directory, std::move(tree), &registers_);
  if (!mounted.ok()) {
    std::cerr << "FuseMsr: " << mounted.status() << "\n";
    std::abort();
  }
  host_fs_ = *std::move(mounted);
}

}  // namespace vrapl
