#include "sampler/reader_cpus.h"

#include <gmock/gmock.h>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Reads where it is told to, or on the CPU that the kernel names.
class MovableSource final : public EnergySource {
 public:
  MovableSource(int package_id, std::vector<int> cpus, bool movable = true) : movable_(movable) {
    info_.package_id = package_id;
    info_.reader_cpu = next_ = cpus.front();
    info_.cpus = std::move(cpus);
  }
  absl::string_view backend() const override { return "made"; }
  const PackageInfo& package() const override { return info_; }
  void Read(EnergySample&) override { info_.reader_cpu = next_; }
  void StartAnew() override {}
  void CoverCpus(absl::Span<const int> cpus) override {
    if (movable_) next_ = cpus.front();
  }

 private:
  PackageInfo info_;
  int next_ = 0;
  bool movable_;
};

class ReaderCpusTest : public testing::Test {
 protected:
  void Add(int package_id, std::vector<int> cpus, bool movable = true) {
    sources_.push_back(std::make_unique<MovableSource>(package_id, std::move(cpus), movable));
  }
  std::vector<int> Readers() const {
    std::vector<int> readers;
    for (const auto& source : sources_) readers.push_back(source->package().reader_cpu);
    return readers;
  }
  std::vector<std::unique_ptr<EnergySource>> sources_;
};

TEST_F(ReaderCpusTest, EachPackageIsReadOnTheOneThatIsItsOwn) {
  Add(0, {0, 1, 2, 3});
  Add(1, {4, 5, 6, 7});
  ASSERT_THAT(ChooseReaderCpus({}, sources_), IsOk());
  EXPECT_THAT(Readers(), ElementsAre(0, 4));
  ASSERT_THAT(ChooseReaderCpus({6, 3}, sources_), IsOk());
  EXPECT_THAT(Readers(), ElementsAre(3, 6));
  ASSERT_THAT(ChooseReaderCpus({5}, sources_), IsOk());
  EXPECT_THAT(Readers(), ElementsAre(3, 5)) << "nothing was said about the other";
}

TEST_F(ReaderCpusTest, ACpuOfNoPackageAndTwoOfOneAreRefused) {
  Add(0, {0, 1, 2, 3});
  Add(1, {4, 5, 6, 7});
  EXPECT_THAT(ChooseReaderCpus({1, 9}, sources_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--cpu=9"), HasSubstr("package 0 has 0-3; package 1 has 4-7"))));
  EXPECT_THAT(ChooseReaderCpus({4, 6}, sources_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4 and 6 are CPUs of package 1")));
  EXPECT_THAT(Readers(), ElementsAre(0, 4));
}

TEST_F(ReaderCpusTest, WhereTheKernelNamesTheCpuNoOtherIsClaimed) {
  Add(0, {0, 1}, /*movable=*/false);
  EXPECT_THAT(ChooseReaderCpus({0}, sources_), IsOk());
  EXPECT_THAT(ChooseReaderCpus({1}, sources_),
              StatusIs(absl::StatusCode::kUnimplemented, AllOf(HasSubstr("on CPU 0"), HasSubstr("--backend=msr"))));
}

TEST(WantedFirstTest, KeepsTheOrderOfTheRest) {
  EXPECT_THAT(WantedFirst({2, 3, 0, 1}, {0, 7}), ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(WantedFirst({2, 3}, {}), ElementsAre(2, 3));
}

}  // namespace
}  // namespace vrapl
