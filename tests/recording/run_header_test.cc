// The block that identifies the run: what is read is what was written, and a number that is none of ours is refused.
#include "recording/run_header.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "recording/json_integer.h"
#include "tests/recording/made_recording.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using nlohmann::json;

TEST(JsonIntegerTest, OnlyWhatTheTypeHasRoomFor) {
  const json in = json::parse(R"({"most":18446744073709551615,"least":-9223372036854775808,"whole":7.0})");
  EXPECT_EQ(static_cast<uint64_t>(JsonInteger(in, "most")), ~uint64_t{0});
  EXPECT_EQ(static_cast<int64_t>(JsonInteger(in, "least")), INT64_MIN);
  EXPECT_ANY_THROW(static_cast<int64_t>(JsonInteger(in, "most")));
  EXPECT_ANY_THROW(static_cast<uint64_t>(JsonInteger(in, "least")));
  EXPECT_ANY_THROW(static_cast<int>(JsonInteger(in, "least")));
  EXPECT_ANY_THROW(static_cast<int>(JsonInteger(in, "whole")));
  EXPECT_ANY_THROW(static_cast<int>(JsonInteger(in, "none")));
}

// The path of each integer but those of the host's description, which is handed on as it is.
void FindIntegers(const json& in, const json::json_pointer& at, std::vector<json::json_pointer>& found) {
  if (in.is_number_integer()) found.push_back(at);
  if (!in.is_structured()) return;
  for (const auto& [key, value] : in.items()) {
    if (key != "host") FindIntegers(value, in.is_array() ? at / std::stoul(key) : at / key, found);
  }
}

TEST(RunHeaderTest, ANumberThatIsNoIntegerIsRefusedWhereverItStands) {
  const std::string text = RunHeaderToJson(MadeRunHeader());
  ASSERT_THAT(RunHeaderFromJson(text), IsOk());
  const json whole = json::parse(text);
  std::vector<json::json_pointer> integers;
  FindIntegers(whole, json::json_pointer(), integers);
  EXPECT_GE(integers.size(), 30u);
  for (const json::json_pointer& at : integers) {
    for (const json& bad : {json(4.29497e137), json(-1.5e9), json(0.5), json("7"), json(true), json()}) {
      json changed = whole;
      changed[at] = bad;
      EXPECT_FALSE(RunHeaderFromJson(changed.dump()).ok()) << at.to_string() << " " << bad;
    }
  }
}

TEST(RunHeaderTest, AGivenBaseKeepsItsInterval) {
  RunHeader header = MadeRunHeader();
  header.base_power_w = {{RaplDomain::kPackage, {19.5, 1.3}}, {RaplDomain::kDram, 2}};
  const absl::StatusOr<RunHeader> read = RunHeaderFromJson(RunHeaderToJson(header));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->base_power_w, header.base_power_w);
}

}  // namespace
}  // namespace vrapl
