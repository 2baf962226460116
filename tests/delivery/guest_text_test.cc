#include "delivery/guest_text.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "guest_line/crc32.h"

namespace vrapl {
namespace {

GuestLine SomeLine() {
  return {.seq = 7,
          .unix_ms = 1763767882271,
          .dt_us = 2000013,
          .power_mw = 12450,
          .energy_uj = 31842100000,
          .quantum_uj = 100000,
          .vcpus = 4,
          .model = "base-share",
          .source = "emulated",
          .epoch = 0x9f3a61c2,
          .state = kLineWarm | kLineGap};
}

TEST(GuestTextTest, ALineIsItself) {
  EXPECT_EQ(FormatGuestText(SomeLine(), GuestFormat::kLine), FormatGuestLine(SomeLine()));
}

TEST(GuestTextTest, JsonHasTheSameKeysAndValues) {
  const std::string text = FormatGuestText(SomeLine(), GuestFormat::kJson);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const nlohmann::json json = nlohmann::json::parse(text);
  EXPECT_EQ(json, nlohmann::json::parse(R"({"version": 1, "seq": 7, "unix_s": 1763767882.271, "dt_s": 2.000013,
      "power_w": 12.450, "energy_uj": 31842100000, "quantum_uj": 100000, "vcpus": 4, "model": "base-share",
      "source": "emulated", "epoch": "9f3a61c2", "st": ["warm", "gap"], "crc": )" +
                                        json["crc"].dump() + "}"));
  // What is not known is left out.
  EXPECT_FALSE(json.contains("active_uj"));
  const std::string before = text.substr(0, text.find(",\"crc\""));
  EXPECT_EQ(std::stoul(json["crc"].get<std::string>(), nullptr, 16), Crc32(before));
}

TEST(GuestTextTest, TheLongestJsonFitsIntoALine) {
  GuestLine line = SomeLine();
  line.seq = UINT64_MAX;
  line.unix_ms = line.dt_us = INT64_MAX;
  line.power_mw = line.active_power_mw = line.energy_uj = line.active_uj = line.err_uj = line.quantum_uj = INT64_MAX;
  line.run_time_ns = line.vcpus = INT64_MAX;
  line.model = line.source = line.run_time_method = std::string(40, 'm');
  line.state = kLineWarm | kLineGap | kLineNoEnergy | kLineCoarse;
  EXPECT_LE(FormatGuestText(line, GuestFormat::kJson).size(), kMaxGuestLine);
}

TEST(GuestTextTest, WattsAreANumberAndSayWhatIsNotMeasured) {
  GuestLine line = SomeLine();
  EXPECT_EQ(FormatGuestText(line, GuestFormat::kWatts), "12.450 emulated\n");
  line.source = "msr";
  EXPECT_EQ(FormatGuestText(line, GuestFormat::kWatts), "12.450\n");
  line.power_mw.reset();
  EXPECT_EQ(FormatGuestText(line, GuestFormat::kWatts), "nan\n") << "what is not known is no zero";
}

}  // namespace
}  // namespace vrapl
