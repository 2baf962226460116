#include "guest_line/guest_line_reader.h"

#include <random>

#include "tests/guest_line/example_line.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Random = std::mt19937_64;

int64_t Below(Random& random, int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit)(random); }

std::vector<uint64_t> Feed(GuestLineReader& reader, const std::string& bytes) {
  std::vector<ReceivedGuestLine> lines;
  reader.Feed(bytes, lines);
  std::vector<uint64_t> seqs;
  for (const ReceivedGuestLine& received : lines) {
    EXPECT_THAT(DecodeGuestLine(received.text), Holds(received.line));
    seqs.push_back(received.line.seq);
  }
  return seqs;
}

TEST(GuestLineReaderTest, BeginsInTheMiddleOfALine) {
  const std::string stream = Numbered(1) + Numbered(2) + Numbered(3);
  for (size_t skipped = 1; skipped < Numbered(1).size(); ++skipped) {
    GuestLineReader reader;
    // Losing the first bytes is what a UART's FIFO does when it is first opened.
    EXPECT_THAT(Feed(reader, stream.substr(skipped)), ElementsAre(2, 3)) << skipped;
    EXPECT_LE(reader.rejected(), 1u);
  }
}

TEST(GuestLineReaderTest, BytesMayComeOneByOne) {
  GuestLineReader reader;
  std::vector<ReceivedGuestLine> lines;
  const std::string stream = GuestLineComment() + Numbered(1) + "\r\n" + Numbered(2);
  for (const char c : stream) reader.Feed(std::string_view(&c, 1), lines);
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(reader.rejected(), 0u);
}

TEST(GuestLineReaderTest, ALineThatBrokeOffCostsOnlyItself) {
  const std::string whole = Numbered(1);
  GuestLineReader ended;
  EXPECT_THAT(Feed(ended, whole.substr(0, 77) + "\n" + Numbered(2)), ElementsAre(2));
  EXPECT_EQ(ended.rejected(), 1u);
  GuestLineReader run_on;
  EXPECT_THAT(Feed(run_on, whole.substr(0, 77) + Numbered(2) + Numbered(3)), ElementsAre(2, 3));
}

TEST(GuestLineReaderTest, EndlessLinesTakeNoMemory) {
  GuestLineReader reader;
  const std::string noise(100000, 'x');
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(Feed(reader, noise), IsEmpty());
    EXPECT_LT(reader.pending_bytes(), kMaxGuestLine);
  }
  EXPECT_THAT(Feed(reader, "\n" + Numbered(7)), ElementsAre(7));
  EXPECT_EQ(reader.rejected(), 1u);
  // A good line at the end of a bad one is found, however it comes.
  EXPECT_THAT(Feed(reader, noise + Numbered(8)), ElementsAre(8));
  for (const char c : std::string(5000, 'y')) Feed(reader, std::string(1, c));
  std::vector<ReceivedGuestLine> lines;
  for (const char c : Numbered(9)) reader.Feed(std::string_view(&c, 1), lines);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].line.seq, 9u);
  EXPECT_THAT(Feed(reader, Numbered(10)), ElementsAre(10));
}

TEST(GuestLineReaderTest, SurvivesAnythingAndComesBack) {
  Random random(4);
  GuestLineReader reader;
  for (int i = 0; i < 2000; ++i) {
    std::string noise(static_cast<size_t>(Below(random, 1500)), '\0');
    for (char& c : noise) c = static_cast<char>(random());
    EXPECT_THAT(Feed(reader, noise), IsEmpty());
    EXPECT_THAT(Feed(reader, "\n" + Numbered(9)), ElementsAre(9));
  }
}

// A word of the host's choice may hold the magic itself.
TEST(GuestLineReaderTest, TheMagicInAWordIsNoBeginning) {
  GuestLine line = Example();
  line.model = "not-VRAPL1";
  GuestLineReader reader;
  EXPECT_THAT(Feed(reader, FormatGuestLine(line)), ElementsAre(1042));
}

// What came of a connection that broke must not be joined to the next one's first bytes.
TEST(GuestLineReaderTest, ResetForgetsTheUnfinishedLine) {
  GuestLineReader reader;
  const std::string whole = Numbered(3);
  EXPECT_THAT(Feed(reader, whole.substr(0, 50)), IsEmpty());
  reader.Reset();
  EXPECT_THAT(Feed(reader, whole.substr(50)), IsEmpty());
  EXPECT_EQ(reader.rejected(), 1u);
  EXPECT_THAT(Feed(reader, Numbered(4)), ElementsAre(4));
}

TEST(GuestLineReaderTest, AnotherVersionIsToldFromDamage) {
  GuestLineReader reader;
  EXPECT_THAT(Feed(reader, "VRAPL2 seq=1 unix_s=1.000 dt_s=2.000000 epoch=00000001 st=ok *f70a150a\n"), IsEmpty());
  EXPECT_EQ(reader.foreign(), 1u);
  EXPECT_THAT(Feed(reader, "VRAPL2 seq=2 unix_s=1.000 dt_s=2.000000 epoch=00000001 st=ok *f70a150a\n"), IsEmpty());
  EXPECT_EQ(reader.foreign(), 1u);
  EXPECT_EQ(reader.rejected(), 2u);
}

}  // namespace
}  // namespace vrapl
