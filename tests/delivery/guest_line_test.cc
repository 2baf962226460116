#include "delivery/guest_line.h"

#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Random = std::mt19937_64;

GuestLine Example() {
  GuestLine line;
  line.seq = 1042;
  line.unix_ms = 1763767882271;
  line.dt_us = 2000013;
  line.power_mw = 12431;
  line.active_power_mw = 9870;
  line.energy_uj = 31842118000;
  line.active_uj = 20111222000;
  line.run_time_ns = 803441827712;
  line.vcpus = 4;
  line.model = "base-share";
  line.source = "msr";
  line.run_time_method = "bpf";
  line.epoch = 0x9f3a61c2;
  return line;
}

std::string WithCrc(const std::string& body) {
  return absl::StrCat(body, " *", absl::Hex(GuestLineCrc(body), absl::kZeroPad8));
}

int64_t Below(Random& random, int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit)(random); }

// Small and huge values alike: the number of bits is even, not the value.
int64_t AnyCount(Random& random) { return Below(random, (int64_t{1} << Below(random, 62)) - 1); }

GuestLine AnyLine(Random& random) {
  const auto maybe = [&random]() -> std::optional<int64_t> {
    if (Below(random, 3) == 0) return std::nullopt;
    return AnyCount(random);
  };
  GuestLine line;
  line.seq = random();
  line.unix_ms = AnyCount(random);
  line.dt_us = AnyCount(random);
  line.power_mw = maybe();
  line.active_power_mw = maybe();
  line.energy_uj = maybe();
  line.active_uj = maybe();
  line.err_uj = maybe();
  line.run_time_ns = maybe();
  line.vcpus = maybe();
  line.model = std::vector<std::string>{"", "base-share", "share", "capacity", "A.b_c+d-9"}[random() % 5];
  line.source = std::vector<std::string>{"", "msr", "sysfs", "perf", "emulated"}[random() % 5];
  line.run_time_method = std::vector<std::string>{"", "bpf", "raw-tp-ktime", "schedstat"}[random() % 4];
  line.epoch = static_cast<uint32_t>(random());
  line.state = static_cast<uint32_t>(random() % 32);
  return line;
}

TEST(GuestLineTest, LooksAsDocumented) {
  EXPECT_EQ(FormatGuestLine(Example()),
            "VRAPL1 seq=1042 unix_s=1763767882.271 dt_s=2.000013 power_w=12.431 active_power_w=9.870 "
            "energy_uj=31842118000 active_uj=20111222000 run_time_ns=803441827712 vcpus=4 model=base-share source=msr "
            "run_time_method=bpf epoch=9f3a61c2 st=ok *b97ef98a\n");
}

TEST(GuestLineTest, WhatIsNotKnownIsLeftOut) {
  GuestLine line;
  line.seq = 1;
  line.dt_us = 1;
  line.state = kLineWarm | kLineNoEnergy;
  const std::string text = FormatGuestLine(line);
  EXPECT_THAT(text, testing::StartsWith("VRAPL1 seq=1 unix_s=0.000 dt_s=0.000001 epoch=00000000 st=warm,noenergy *"));
  EXPECT_THAT(ParseGuestLine(text), IsOkAndHolds(line));
}

TEST(GuestLineTest, CrcIsThatOfZlib) {
  EXPECT_EQ(GuestLineCrc("123456789"), 0xcbf43926u);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(GuestLineCrc(""), 0u);
}

TEST(GuestLineTest, RoundTrip) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const GuestLine line = AnyLine(random);
    const std::string text = FormatGuestLine(line);
    ASSERT_LE(text.size(), kTypicalGuestLine) << text;
    ASSERT_EQ(text.find('\n'), text.size() - 1);
    for (const char c : text.substr(0, text.size() - 1)) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << text;
    ASSERT_THAT(ParseGuestLine(text), IsOkAndHolds(line)) << text;
  }
}

TEST(GuestLineTest, WordsCannotBreakTheLine) {
  GuestLine line = Example();
  line.model = "two words\nVRAPL1 seq=9 *00000000";
  line.source = "\x03\x11=é";
  const std::string text = FormatGuestLine(line);
  EXPECT_LE(text.size(), kTypicalGuestLine);
  EXPECT_THAT(text, HasSubstr(" model=two_words_VRAPL1_seq_9__00000000 "));
  EXPECT_THAT(text, HasSubstr(" source=_____ "));
  EXPECT_THAT(ParseGuestLine(text), IsOk());
}

TEST(GuestLineTest, LineEndsDoNotMatter) {
  const std::string text = FormatGuestLine(Example());
  const std::string bare = text.substr(0, text.size() - 1);
  EXPECT_THAT(ParseGuestLine(bare), IsOkAndHolds(Example()));
  EXPECT_THAT(ParseGuestLine(bare + "\r\n"), IsOkAndHolds(Example()));
  EXPECT_THAT(ParseGuestLine(bare + " \n"), StatusIs(absl::StatusCode::kDataLoss));
}

// The vectors are for whoever writes another reader: their CRCs were made by another program.
TEST(GuestLineTest, Vectors) {
  std::ifstream file(VRAPL_SOURCE_DIR "/docs/guest-line-vectors.txt");
  ASSERT_TRUE(file.is_open());
  int vectors = 0;
  for (std::string record; std::getline(file, record);) {
    if (record.empty() || record[0] == '#') continue;
    const std::pair<std::string, std::string> parts = absl::StrSplit(record, absl::MaxSplits(": ", 1));
    const auto& [verdict, text] = parts;
    const absl::StatusOr<GuestLine> line = ParseGuestLine(text);
    ++vectors;
    if (verdict == "exact") {
      ASSERT_THAT(line, IsOk()) << text;
      EXPECT_EQ(FormatGuestLine(*line), text + "\n");
    } else if (verdict == "good") {
      EXPECT_THAT(line, IsOk()) << text;
    } else if (verdict == "broken") {
      EXPECT_THAT(line, StatusIs(absl::StatusCode::kDataLoss)) << text;
    } else if (verdict == "foreign") {
      EXPECT_THAT(line, StatusIs(absl::StatusCode::kInvalidArgument)) << text;
    } else {
      ADD_FAILURE() << record;
    }
  }
  EXPECT_GT(vectors, 30);
}

TEST(GuestLineTest, ALaterVersionMayAddKeysAndWords) {
  const absl::StatusOr<GuestLine> line = ParseGuestLine(
      WithCrc("VRAPL1 seq=5 colour=blue unix_s=1.5 dt_s=2 st=ok,strange,gap epoch=00000001 dram_w=1.5x"));
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->unix_ms, 1500);
  EXPECT_EQ(line->dt_us, 2000000);
  EXPECT_EQ(line->state, kLineGap | kLineOther);
}

TEST(GuestLineTest, ErrorsNeverQuoteControlCharacters) {
  for (const std::string& body : {std::string("\x1b[2J\x07 seq=1"), std::string("VRAPL1 \x1b[2J=1 seq=2")}) {
    const absl::StatusOr<GuestLine> line = ParseGuestLine(WithCrc(body));
    EXPECT_THAT(line, StatusIs(absl::StatusCode::kInvalidArgument));
    for (const char c : line.status().message()) EXPECT_GE(c, 0x20);
  }
}

// Whatever happens to the bytes, a reader gets the line that was sent or none.
TEST(GuestLineTest, DamageIsNeverAccepted) {
  Random random(2);
  for (int i = 0; i < 200000; ++i) {
    const std::string sent = FormatGuestLine(i % 2 == 0 ? Example() : AnyLine(random));
    std::string text = sent;
    for (int64_t n = Below(random, 3); n >= 0; --n) {
      const size_t at = static_cast<size_t>(Below(random, static_cast<int64_t>(text.size()) - 1));
      switch (random() % 6) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
          break;
        case 2:
          text.erase(at, random() % 20 + 1);
          break;
        case 3:
          text.insert(at, text.substr(at / 2, random() % 20 + 1));
          break;
        case 4:
          text.resize(at + 1);
          break;
        case 5:
          std::swap(text[at], text[text.size() - 1 - at]);
          break;
      }
      if (text.empty()) text = "x";
    }
    const absl::StatusOr<GuestLine> line = ParseGuestLine(text);
    if (line.ok()) {
      ASSERT_EQ(FormatGuestLine(*line), sent) << text;
    }
  }
}

TEST(GuestLineTest, AnythingAtAllCanBeFedToTheParser) {
  Random random(3);
  const std::string alphabet = "VRAPL1 =.*,0123456789abcdef seq unix_s dt_s st ok epoch\n\r\t#\x80\xff";
  for (int i = 0; i < 100000; ++i) {
    std::string body = i % 2 == 0 ? "VRAPL1 seq=1 unix_s=1.000 dt_s=2.000000 epoch=00000000 st=ok " : "";
    for (int64_t n = Below(random, 60); n > 0; --n) body += alphabet[random() % alphabet.size()];
    // With a right CRC, so that the fields are reached.
    const absl::StatusOr<GuestLine> line = ParseGuestLine(WithCrc(body));
    if (line.ok()) {
      ASSERT_THAT(ParseGuestLine(FormatGuestLine(*line)), IsOkAndHolds(*line));
    }
  }
}

std::vector<uint64_t> Feed(GuestLineReader& reader, const std::string& bytes) {
  std::vector<GuestLine> lines;
  reader.Feed(bytes, lines);
  std::vector<uint64_t> seqs;
  for (const GuestLine& line : lines) seqs.push_back(line.seq);
  return seqs;
}

std::string Numbered(uint64_t seq) {
  GuestLine line = Example();
  line.seq = seq;
  return FormatGuestLine(line);
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
  std::vector<GuestLine> lines;
  const std::string stream = absl::StrCat(GuestLineComment(), Numbered(1), "\r\n", Numbered(2));
  for (const char c : stream) reader.Feed(absl::string_view(&c, 1), lines);
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
  std::vector<GuestLine> lines;
  for (const char c : Numbered(9)) reader.Feed(absl::string_view(&c, 1), lines);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].seq, 9u);
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

TEST(GuestLineTest, TheCommentIsAComment) {
  const std::string comment(GuestLineComment());
  EXPECT_EQ(comment.find('\n'), comment.size() - 1);
  EXPECT_LE(comment.size(), kTypicalGuestLine);
  EXPECT_THAT(comment, testing::StartsWith("# VRAPL1"));
  for (const char* key : {"power_w", "energy_uj", "dt_s", "run_time_ns", "st", "CRC-32"}) {
    EXPECT_THAT(comment, HasSubstr(key));
  }
}

}  // namespace
}  // namespace vrapl
