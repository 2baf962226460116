#include "probe/sources.h"

#include <gmock/gmock.h>

#include "probe/system.h"

namespace vrapl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(SourcesTest, EachHasAWordARunAlsoKnows) {
  ASSERT_FALSE(SourceKinds().empty());
  EXPECT_EQ(SourceKinds().front().backend, Backend::kMsr) << "auto begins with it";
  EXPECT_EQ(SourceKinds().size(), std::size(kBackends));
  for (size_t i = 0; i < SourceKinds().size() && i < std::size(kBackends); ++i) {
    const SourceKind& kind = SourceKinds()[i];
    EXPECT_EQ(kind.backend, kBackends[i]) << "in the order of auto";
    EXPECT_STREQ(kind.name, BackendName(kind.backend));
    EXPECT_NE(kind.probe, nullptr) << kind.name;
  }
}

TEST(SourcesTest, RemedyByWhatIsWrong) {
  for (const SourceKind& kind : SourceKinds()) {
    EXPECT_THAT(SourceRemedy(kind, absl::OkStatus(), false, "/v"), IsEmpty());
    EXPECT_EQ(SourceRemedy(kind, absl::NotFoundError(""), false, "/v"), kind.absent_remedy);
    // No module that is loaded in a virtual machine gives it counters; root may still be what is missing.
    const std::string in_virtual_machine = SourceRemedy(kind, absl::NotFoundError(""), true, "/v");
    if (std::string(kind.absent_remedy).empty()) {
      EXPECT_THAT(in_virtual_machine, IsEmpty()) << "nothing brings it to any machine that has it not";
    } else {
      EXPECT_THAT(in_virtual_machine, HasSubstr("host"));
    }
    for (const bool inside : {false, true}) {
      const std::string remedy = SourceRemedy(kind, absl::PermissionDeniedError(""), inside, "/opt/vrapl");
      EXPECT_THAT(remedy, HasSubstr(kAllCapabilities));
      EXPECT_THAT(remedy, HasSubstr("/opt/vrapl"));
    }
  }
}

}  // namespace
}  // namespace vrapl
