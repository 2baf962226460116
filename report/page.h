// The page around the data: HTML, CSS and JavaScript from this folder, in one file that needs no other. Threads: any.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace vrapl {

// As they stand in the page; made of page.html, page.css and charts/*.js when the program is built (embed.cmake).
extern const char kPageHtml[];  // with @POLICY@, @STYLE@, @DATA@ and @SCRIPT@
extern const char kPageCss[];
extern const char kPageScript[];
extern const char kPagePolicy[];  // Content-Security-Policy: this style, this script, and nothing else

// `data` is what PageData() gave.
std::string MakePage(absl::string_view data);

}  // namespace vrapl
