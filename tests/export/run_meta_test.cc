// What describes an export says how its figures were made, and not only how the run was started.
#include "export/run_meta.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/export/made_recording.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

TEST(RunMetaTest, TellsHowItWasCharged) {
  MadeRecording made = MakeRecording();
  made.run.header = R"({"models":["base-share"],"base_power_w":{"package":20.0,"dram":2.0}})";
  const Json as_recorded = Json::parse(RunMetaJson(made.run, {}))["charged"];
  EXPECT_EQ(as_recorded["base_power_w"], Json::parse(R"({"package":20.0,"dram":2.0})"));
  EXPECT_EQ(as_recorded["models"].size(), made.run.models.size());
  EXPECT_EQ(as_recorded["idle"], "own");
  EXPECT_FALSE(as_recorded.contains("from_ns"));

  const ReplayOptions options{.models = {Model::kFit, Model::kShare},
                              .base_power_w = {{RaplDomain::kPackage, {19, 0.5}}},
                              .idle = IdlePolicy::kEqual,
                              .from_ns = 7};
  const Json meta = Json::parse(RunMetaJson(made.run, {.charged = options}));
  const Json& charged = meta["charged"];
  EXPECT_EQ(charged["models"], Json::parse(R"(["fit","share"])"));
  EXPECT_EQ(charged["base_power_w"], Json::parse(R"({"package":19.0,"dram":2.0})"));
  EXPECT_EQ(charged["base_power_err_w"], Json::parse(R"({"package":0.5})"));
  EXPECT_EQ(charged["idle"], "equal");
  EXPECT_EQ(charged["from_ns"], 7);
  EXPECT_EQ(meta["header"]["base_power_w"]["package"], 20.0) << "what the run was started with stays";
}

TEST(RunMetaTest, AHeaderThatIsNoObjectIsStillText) {
  MadeRecording made = MakeRecording();
  made.run.header = "broken";
  EXPECT_EQ(Json::parse(RunMetaJson(made.run, {}))["header"], "broken");
}

}  // namespace
}  // namespace vrapl
