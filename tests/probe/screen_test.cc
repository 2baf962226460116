#include "probe/screen.h"

#include <gmock/gmock.h>

#include "absl/strings/str_split.h"

namespace vrapl {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::SizeIs;

TEST(ScreenTest, LongTextIsBrokenBesideItsLabel) {
  Screen screen(/*colour=*/false);
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word ";
  screen.Row(2, "label", 10, "NO", 5, Ink::kRed, text);
  const std::vector<std::string> lines = absl::StrSplit(screen.text(), '\n', absl::SkipEmpty());
  EXPECT_THAT(lines, Each(SizeIs(Le(Screen::kWidth))));
  EXPECT_EQ(lines[0].substr(0, 21), "  label     NO   word");
  EXPECT_EQ(lines[1].substr(0, 21), "                 word");
}

TEST(ScreenTest, EachLineOfAParagraphUsesTheWholeWidth) {
  Screen screen(false);
  std::string text;
  for (int i = 0; i < 40; ++i) text += "abc ";
  screen.Paragraph(2, text, 20);
  const std::vector<std::string> lines = absl::StrSplit(screen.text(), '\n', absl::SkipEmpty());
  EXPECT_EQ(lines[0].size(), 2 + 27 * 4 - 1);
  EXPECT_EQ(lines[1].substr(0, 23), std::string(20, ' ') + "abc");
}

TEST(ScreenTest, AWordThatIsTooLongStandsAlone) {
  Screen screen(false);
  const std::string path(200, 'p');
  screen.Paragraph(2, "open " + path + " failed");
  EXPECT_EQ(screen.text(), "  open\n  " + path + "\n  failed\n");
}

TEST(ScreenTest, ColoursDoNotMoveAnything) {
  const auto drawn = [](bool colour) {
    Screen screen(colour);
    screen.Heading("A heading");
    screen.Row(2, "label", 10, "NO", 9, Ink::kRed, "why it is so");
    return screen.text();
  };
  EXPECT_THAT(drawn(false), Not(HasSubstr("\033")));
  std::string coloured = drawn(true);
  EXPECT_THAT(coloured, HasSubstr("\033[31mNO\033[0m"));
  for (size_t escape = 0; (escape = coloured.find('\033')) != std::string::npos;) {
    coloured.erase(escape, coloured.find('m', escape) + 1 - escape);
  }
  EXPECT_EQ(coloured, drawn(false));
}

TEST(ScreenTest, ColumnsAreAsWideAsTheirWidestCell) {
  Screen screen(false);
  screen.Table(1, {{"a", "long head", "c"}, {"longer", "b", "d"}});
  EXPECT_EQ(screen.text(), " a        long head   c\n longer   b           d\n");
}

}  // namespace
}  // namespace vrapl
