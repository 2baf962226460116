#include "guest_line/guest_line.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "guest_line/crc32.h"
#include "tests/guest_line/example_line.h"

namespace vrapl {
namespace {

using testing::HasSubstr;

using Random = std::mt19937_64;

std::string WithCrc(const std::string& body) {
  return absl::StrCat(body, " *", absl::Hex(Crc32(body), absl::kZeroPad8));
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
  line.quantum_uj = maybe();
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
            "energy_uj=31842118000 active_uj=20111222000 quantum_uj=1000 run_time_ns=803441827712 vcpus=4 "
            "model=base-share source=msr "
            "run_time_method=bpf epoch=9f3a61c2 st=ok *2b2bb7d9\n");
}

TEST(GuestLineTest, WhatIsNotKnownIsLeftOut) {
  GuestLine line;
  line.seq = 1;
  line.dt_us = 1;
  line.state = kLineWarm | kLineNoEnergy;
  const std::string text = FormatGuestLine(line);
  EXPECT_THAT(text, testing::StartsWith("VRAPL1 seq=1 unix_s=0.000 dt_s=0.000001 epoch=00000000 st=warm,noenergy *"));
  EXPECT_THAT(DecodeGuestLine(text), Holds(line));
}

TEST(GuestLineTest, RoundTrip) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const GuestLine line = AnyLine(random);
    const std::string text = FormatGuestLine(line);
    ASSERT_LE(text.size(), kTypicalGuestLine) << text;
    ASSERT_EQ(text.find('\n'), text.size() - 1);
    for (const char c : text.substr(0, text.size() - 1)) ASSERT_TRUE(c >= 0x20 && c < 0x7f) << text;
    ASSERT_THAT(DecodeGuestLine(text), Holds(line)) << text;
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
  EXPECT_THAT(DecodeGuestLine(text), HasFault(GuestLineFault::kNone));
}

TEST(GuestLineTest, LineEndsDoNotMatter) {
  const std::string text = FormatGuestLine(Example());
  const std::string bare = text.substr(0, text.size() - 1);
  EXPECT_THAT(DecodeGuestLine(bare), Holds(Example()));
  EXPECT_THAT(DecodeGuestLine(bare + "\r\n"), Holds(Example()));
  EXPECT_THAT(DecodeGuestLine(bare + " \n"), HasFault(GuestLineFault::kDamaged));
}

TEST(GuestLineTest, ALaterVersionMayAddKeysAndWords) {
  const DecodedGuestLine decoded = DecodeGuestLine(
      WithCrc("VRAPL1 seq=5 colour=blue unix_s=1.5 dt_s=2 st=ok,strange,gap epoch=00000001 dram_w=1.5x"));
  ASSERT_THAT(decoded, HasFault(GuestLineFault::kNone));
  EXPECT_EQ(decoded.line.unix_ms, 1500);
  EXPECT_EQ(decoded.line.dt_us, 2000000);
  EXPECT_EQ(decoded.line.state, kLineGap | kLineOther);
}

TEST(GuestLineTest, ErrorsNeverQuoteControlCharacters) {
  for (const std::string& body : {std::string("\x1b[2J\x07 seq=1"), std::string("VRAPL1 \x1b[2J=1 seq=2")}) {
    const DecodedGuestLine decoded = DecodeGuestLine(WithCrc(body));
    EXPECT_THAT(decoded, HasFault(GuestLineFault::kForeign));
    for (const char c : decoded.why) EXPECT_GE(c, 0x20);
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
    const DecodedGuestLine decoded = DecodeGuestLine(text);
    if (decoded.fault == GuestLineFault::kNone) {
      ASSERT_EQ(FormatGuestLine(decoded.line), sent) << text;
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
    const DecodedGuestLine decoded = DecodeGuestLine(WithCrc(body));
    if (decoded.fault == GuestLineFault::kNone) {
      ASSERT_THAT(DecodeGuestLine(FormatGuestLine(decoded.line)), Holds(decoded.line));
    }
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
