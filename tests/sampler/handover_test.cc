#include "sampler/handover.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vrapl {
namespace {

// Counts the living, so that one that is lost or freed twice shows.
struct Counted {
  static inline std::atomic<int> alive = 0;
  explicit Counted(int n) : number(n) { ++alive; }
  Counted(const Counted& other) : number(other.number) { ++alive; }
  ~Counted() { --alive; }
  int number;
};

TEST(HandoverTest, TheLatestIsTakenOnce) {
  {
    Handover<Counted> handover;
    std::vector<int> taken;
    const auto take = [&] { handover.Take([&](const Counted& value) { taken.push_back(value.number); }); };
    take();
    handover.Offer(Counted(1));
    handover.Offer(Counted(2));
    take();
    take();
    handover.Offer(Counted(3));
    take();
    handover.Offer(Counted(4));
    EXPECT_EQ(taken, (std::vector<int>{2, 3}));
  }
  EXPECT_EQ(Counted::alive, 0) << "those not taken are freed too";
}

TEST(HandoverTest, TheLastOfferArrivesWhateverTheThreadsDo) {
  constexpr int kOffers = 100'000;
  {
    Handover<Counted> handover;
    int last = 0;
    std::thread taker([&] {
      while (last != kOffers) {
        handover.Take([&](const Counted& value) {
          ASSERT_GT(value.number, last);
          last = value.number;
        });
      }
    });
    for (int i = 1; i <= kOffers; ++i) handover.Offer(Counted(i));
    taker.join();
    EXPECT_EQ(last, kOffers);
  }
  EXPECT_EQ(Counted::alive, 0);
}

}  // namespace
}  // namespace vrapl
