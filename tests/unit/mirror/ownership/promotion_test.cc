#include "mirror/ownership/promotion.h"

#include <span>
#include <vector>

#include "mirror/ownership/move_rules.h"

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

TEST_CASE("S21 Only a fenced owner's loss is bounded when the epoch is minted") {
  const Mode mode = GENERATE(Mode::kPromote, Mode::kFailover);
  checkpoint::FailoverRecord record;
  record.mode = mode;
  record.topics.resize(1);
  record.topics[0].partitions.resize(2);
  record.topics[0].partitions[0].source_end = Offset(110);
  checkpoint::OwnershipRecord minted;
  minted.epoch = LeaderEpoch(514);
  minted.cut = {Offset(100), Offset(7), Offset(0)};
  NoteMinted(std::span(&minted, 1), record);
  const checkpoint::FailoverTopic& topic = record.topics[0];
  REQUIRE(topic.new_epoch == LeaderEpoch(514));
  REQUIRE(topic.partitions.size() == 3);  // Grown meanwhile.
  REQUIRE(topic.partitions[0].cut == Offset(100));
  REQUIRE(topic.partitions[0].lost_known == 10);
  REQUIRE(topic.partitions[0].lost_at_most ==
          (mode == Mode::kPromote ? std::optional<int64_t>(10) : std::nullopt));
  REQUIRE_FALSE(topic.partitions[1].lost_known.has_value());  // Never heard: unknown, not 0.
  REQUIRE_FALSE(topic.partitions[1].lost_at_most.has_value());
}

}  // namespace
}  // namespace atl::mirror
