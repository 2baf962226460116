#include "tests/guest/guest.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"
#include "tests/guest/child.h"

namespace vrapl {
namespace {

std::string Script(absl::string_view name) { return absl::StrCat(VRAPL_SCRIPTS, "/", name); }

std::vector<std::string> VirshCommand(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"virsh", "--quiet", "--connect", "qemu:///system"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// tcg, or kvm where a guest has booted under it. Makes the image first, which takes a moment when it is there.
absl::StatusOr<std::string> Accelerator() {
  static const absl::StatusOr<std::string> found = []() -> absl::StatusOr<std::string> {
    if (absl::StatusOr<std::string> image = OutputOf({Script("guest-image")}); !image.ok()) return image.status();
    return OutputOf({Script("kvm-works")}).ok() ? "kvm" : "tcg";
  }();
  return found;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Guest>> Guest::Start(const std::string& name,
                                                    const std::vector<std::string>& xml_options) {
  const absl::StatusOr<std::string> accelerator = Accelerator();
  if (!accelerator.ok()) return accelerator.status();
  std::vector<std::string> words = {Script("guest-xml"), name, "--accel", *accelerator};
  words.insert(words.end(), xml_options.begin(), xml_options.end());
  const absl::StatusOr<std::string> xml = OutputOf(words);
  if (!xml.ok()) return xml.status();

  const std::string file = absl::StrCat(std::getenv("VRAPL_PRIVATE_LIBVIRT_DIR"), "/", name, ".xml");
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr) return absl::InternalError("cannot write " + file);
  std::fwrite(xml->data(), 1, xml->size(), out);
  std::fclose(out);
  const absl::StatusOr<std::string> defined = OutputOf(VirshCommand({"define", file}));
  ::unlink(file.c_str());
  if (!defined.ok()) return defined.status();
  std::unique_ptr<Guest> guest(new Guest(name));
  if (absl::Status started = guest->StartAgain(); !started.ok()) return started;
  return guest;
}

Guest::~Guest() {
  (void)PullThePlug();
  (void)OutputOf(VirshCommand({"undefine", name_}));
}

absl::Status Guest::Booted() { return OutputOf({Script("guest-ctl"), name_, "--timeout", "120", "wait"}).status(); }

absl::Status Guest::Do(const std::string& command) {
  std::vector<std::string> words = {Script("guest-ctl"), name_};
  for (absl::string_view word : absl::StrSplit(command, ' ')) words.emplace_back(word);
  return OutputOf(words).status();
}

absl::StatusOr<std::string> Guest::Virsh(const std::string& verb, const std::vector<std::string>& words) {
  std::vector<std::string> all = {verb, name_};
  all.insert(all.end(), words.begin(), words.end());
  return OutputOf(VirshCommand(all));
}

absl::Status Guest::PullThePlug() { return OutputOf(VirshCommand({"destroy", name_})).status(); }

absl::Status Guest::StartAgain() { return OutputOf(VirshCommand({"start", name_})).status(); }

absl::StatusOr<std::string> Guest::Uuid() const {
  absl::StatusOr<std::string> text = OutputOf(VirshCommand({"domuuid", name_}));
  if (text.ok()) absl::StripTrailingAsciiWhitespace(&*text);
  return text;
}

absl::StatusOr<pid_t> Guest::Pid() const {
  const absl::StatusOr<int64_t> pid = ReadNumberFile(absl::StrCat("/run/libvirt/qemu/", name_, ".pid"));
  if (!pid.ok()) return pid.status();
  return static_cast<pid_t>(*pid);
}

absl::StatusOr<std::string> Guest::TtyS1() const {
  const absl::StatusOr<std::string> xml = OutputOf(VirshCommand({"dumpxml", name_}));
  if (!xml.ok()) return xml.status();
  // libvirt prints an element a line: <serial ...>, <source .../>, <target ... port='1'/>.
  std::string path;
  for (absl::string_view line : absl::StrSplit(*xml, '\n')) {
    if (const size_t at = line.find(" path='"); absl::StrContains(line, "<source ") && at != line.npos) {
      path = std::string(line.substr(at + 7, line.find('\'', at + 7) - at - 7));
    }
    if (absl::StrContains(line, "<target ") && absl::StrContains(line, " port='1'")) return path;
  }
  return absl::NotFoundError(name_ + " has no serial port 1");
}

std::string Guest::Console() const {
  std::ifstream file(absl::StrCat("/var/log/libvirt/", name_, "-console.log"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Received ReceivedBy(absl::string_view port, absl::string_view console) {
  Received received;
  const std::string prefix = absl::StrCat(port, ": ");
  std::vector<absl::string_view> lines = absl::StrSplit(console, '\n');
  lines.pop_back();  // after the last newline: nothing, or a line that is being printed
  bool first = true;
  for (absl::string_view line : lines) {
    if (!absl::ConsumePrefix(&line, prefix)) continue;
    const bool before_first_newline = std::exchange(first, false);
    if (absl::StartsWith(line, "#")) {
      ++received.comments;
    } else if (absl::StatusOr<GuestLine> value = ParseGuestLine(line); value.ok()) {
      received.lines.emplace_back(line);
      received.values.push_back(*std::move(value));
    } else if (before_first_newline) {
      received.first_broken = std::string(line);
    } else {
      received.bad.emplace_back(line);
    }
  }
  return received;
}

}  // namespace vrapl
