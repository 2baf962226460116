#include "sampler/measure_at_start.h"

#include <gtest/gtest.h>

namespace vrapl {
namespace {

PackageInfo Server() {
  PackageInfo info;
  for (const RaplDomain domain : {RaplDomain::kPackage, RaplDomain::kUncore, RaplDomain::kDram, RaplDomain::kPsys}) {
    info.domains.push_back({.id = {domain}, .unit = {1}});
  }
  return info;
}

std::vector<UpdateSummary> Edges(std::vector<uint64_t> edges) {
  std::vector<UpdateSummary> updates;
  for (const uint64_t count : edges) updates.push_back({.reads = 1000, .edges = count});
  return updates;
}

TEST(StandsStillTest, MemoryThatNeverMovesWhileThePackageDoesIsNoCounter) {
  const PackageInfo server = Server();
  const std::vector<UpdateSummary> updates = Edges({200, 0, 0, 0});
  EXPECT_FALSE(StandsStill(server, 0, updates));
  EXPECT_FALSE(StandsStill(server, 1, updates)) << "an idle graphics unit may draw nothing";
  EXPECT_TRUE(StandsStill(server, 2, updates));
  EXPECT_TRUE(StandsStill(server, 3, updates));
  EXPECT_FALSE(StandsStill(server, 2, Edges({200, 0, 1, 0})));
}

TEST(StandsStillTest, WithoutAMovingPackageNobodyCanTell) {
  EXPECT_FALSE(StandsStill(Server(), 2, Edges({1, 0, 0, 0})));
  EXPECT_FALSE(StandsStill(Server(), 2, {}));
}

}  // namespace
}  // namespace vrapl
