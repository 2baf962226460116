#include "report/page.h"

#include "absl/strings/str_replace.h"

namespace vrapl {

std::string MakePage(absl::string_view data) {
  // In one pass: what is put in is not looked at again.
  return absl::StrReplaceAll(
      kPageHtml, {{"@POLICY@", kPagePolicy}, {"@STYLE@", kPageCss}, {"@DATA@", data}, {"@SCRIPT@", kPageScript}});
}

}  // namespace vrapl
