// docs/guest-line-vectors.txt is for whoever writes another reader: its CRCs were made by another program.
#include <fstream>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "guest_line/guest_line_reader.h"
#include "tests/guest_line/example_line.h"

namespace vrapl {
namespace {

std::string SeqsIn(const std::string& bytes) {
  GuestLineReader reader;
  std::vector<ReceivedGuestLine> lines;
  reader.Feed(bytes, lines);
  return absl::StrJoin(
      lines, ",", [](std::string* out, const ReceivedGuestLine& received) { absl::StrAppend(out, received.line.seq); });
}

TEST(GuestLineVectorsTest, AllHold) {
  std::ifstream file(VRAPL_SOURCE_DIR "/docs/guest-line-vectors.txt");
  ASSERT_TRUE(file.is_open());
  std::map<std::string, int> vectors;
  for (std::string record; std::getline(file, record);) {
    if (record.empty() || record[0] == '#') continue;
    const std::pair<std::string, std::string> parts = absl::StrSplit(record, absl::MaxSplits(": ", 1));
    const auto& [verdict, text] = parts;
    const std::pair<std::string, std::string> words = absl::StrSplit(verdict, absl::MaxSplits(' ', 1));
    ++vectors[words.first];
    const DecodedGuestLine decoded = DecodeGuestLine(text);
    if (verdict == "exact") {
      ASSERT_THAT(decoded, HasFault(GuestLineFault::kNone)) << text;
      EXPECT_EQ(FormatGuestLine(decoded.line), text + "\n");
    } else if (verdict == "good") {
      EXPECT_THAT(decoded, HasFault(GuestLineFault::kNone)) << text;
    } else if (verdict == "broken") {
      EXPECT_THAT(decoded, HasFault(GuestLineFault::kDamaged)) << text;
    } else if (verdict == "foreign") {
      EXPECT_THAT(decoded, HasFault(GuestLineFault::kForeign)) << text;
    } else if (words.first == "stream") {
      std::string bytes;
      ASSERT_TRUE(absl::CUnescape(text, &bytes)) << text;
      EXPECT_EQ(SeqsIn(bytes), words.second == "none" ? "" : words.second) << text;
    } else {
      ADD_FAILURE() << record;
    }
  }
  EXPECT_GE(vectors["exact"], 8);
  EXPECT_GE(vectors["good"], 10);
  EXPECT_GE(vectors["broken"], 15);
  EXPECT_GE(vectors["foreign"], 20);
  EXPECT_GE(vectors["stream"], 15);
}

}  // namespace
}  // namespace vrapl
