#include "delivery/guest_line.h"

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

TEST(ParseGuestLineTest, FaultsAreStatuses) {
  GuestLine line;
  line.seq = 7;
  line.dt_us = 2'000'000;
  const std::string text = FormatGuestLine(line);
  EXPECT_THAT(ParseGuestLine(text), IsOkAndHolds(line));
  EXPECT_THAT(ParseGuestLine(text.substr(1)), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseGuestLine("VRAPL2 seq=1 unix_s=1.000 dt_s=2.000000 epoch=00000001 st=ok *f70a150a"),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("VRAPL2")));
}

}  // namespace
}  // namespace vrapl
