#include "mirror/ownership/promotion.h"

#include <vector>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using Mode = Promotion::Mode;
using Step = Promotion::Step;
using Outcome = Promotion::Outcome;

const std::vector<Step> kPlanned{Step::kFence,   Step::kDrain,       Step::kGroups,
                                 Step::kRelease, Step::kMint,        Step::kTell,
                                 Step::kAbort,   Step::kPlaceGroups, Step::kServe};
const std::vector<Step> kForced{Step::kDrain, Step::kMint,        Step::kTell,
                                Step::kAbort, Step::kPlaceGroups, Step::kServe};

Promotion At(Mode mode, Step step) {
  Promotion promotion(mode);
  while (promotion.next() != step) {
    REQUIRE(promotion.outcome() == Outcome::kRunning);
    promotion.OnDone();
  }
  return promotion;
}

TEST_CASE("A move takes its steps in order and is done") {
  for (const auto& [mode, steps] :
       {std::pair(Mode::kPromote, kPlanned), std::pair(Mode::kFailover, kForced)}) {
    Promotion promotion(mode);
    for (const Step step : steps) {
      REQUIRE(promotion.next() == step);
      REQUIRE(promotion.minted() == (step > Step::kMint));
      promotion.OnDone();
    }
    REQUIRE(promotion.next() == Step::kOver);
    REQUIRE(promotion.outcome() == Outcome::kDone);
  }
}

TEST_CASE("A planned move that fails before the mint is rolled back by lifting the fence") {
  for (const Step step : kPlanned) {
    if (step > Step::kMint) break;
    Promotion promotion = At(Mode::kPromote, step);
    promotion.OnFailed("why");
    REQUIRE(promotion.next() == Step::kLift);
    REQUIRE_FALSE(promotion.minted());
    promotion.OnDone();
    REQUIRE(promotion.next() == Step::kOver);
    REQUIRE(promotion.outcome() == Outcome::kRolledBack);
    REQUIRE(promotion.reason() == "why");
  }
}

TEST_CASE("A forced move that fails before the mint has changed nothing") {
  for (const Step step : {Step::kDrain, Step::kMint}) {
    Promotion promotion = At(Mode::kFailover, step);
    promotion.OnFailed("why");
    REQUIRE(promotion.next() == Step::kOver);
    REQUIRE(promotion.outcome() == Outcome::kRolledBack);
  }
}

TEST_CASE("After the mint a failed step is done again") {
  for (const Step step : kForced) {
    if (step <= Step::kMint) continue;
    for (const Mode mode : {Mode::kPromote, Mode::kFailover}) {
      Promotion promotion = At(mode, step);
      promotion.OnFailed("why");
      REQUIRE(promotion.next() == step);
      REQUIRE(promotion.outcome() == Outcome::kRunning);
    }
  }
}

TEST_CASE("An old owner that can't be told of the way back does not keep the move open") {
  Promotion promotion(Mode::kPromote);
  promotion.OnFailed("refused");
  promotion.OnFailed("no connection");
  REQUIRE(promotion.outcome() == Outcome::kRolledBack);
  REQUIRE(promotion.reason().find("no connection") != std::string::npos);
}

TEST_CASE("After a crash a move goes back before the mint and forward behind it") {
  for (const Step step : kPlanned) {
    const Promotion planned = Promotion::Resume(Mode::kPromote, step);
    REQUIRE(planned.next() == (step <= Step::kMint ? Step::kLift : step));
    REQUIRE(planned.outcome() == Outcome::kRunning);
  }
  for (const Step step : kForced) {
    const Promotion forced = Promotion::Resume(Mode::kFailover, step);
    const bool back = step <= Step::kMint;
    REQUIRE(forced.next() == (back ? Step::kOver : step));
    REQUIRE(forced.outcome() == (back ? Outcome::kRolledBack : Outcome::kRunning));
  }
  Promotion lifting = Promotion::Resume(Mode::kPromote, Step::kLift);
  REQUIRE(lifting.next() == Step::kLift);
  lifting.OnDone();
  REQUIRE(lifting.outcome() == Outcome::kRolledBack);
}

TEST_CASE("A move that lost its topics to a higher epoch ends, and nothing revives it") {
  Promotion promotion = At(Mode::kFailover, Step::kServe);
  promotion.OnLost("eu-north has them");
  REQUIRE(promotion.outcome() == Outcome::kFailed);
  promotion.OnDone();
  promotion.OnFailed("late");
  REQUIRE(promotion.outcome() == Outcome::kFailed);
  REQUIRE(promotion.next() == Step::kOver);
  REQUIRE(promotion.reason() == "eu-north has them");
}

}  // namespace
}  // namespace atl::mirror
