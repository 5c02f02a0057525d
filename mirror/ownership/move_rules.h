// What the steps of a move hold to, whoever carries them out (failovers.h, or the simulator's
// stand-in): how long a request may take, and what the mint says. When a mirror is drained:
// pull/history_end.h.
#pragma once

#include <chrono>
#include <span>

#include "base/clock.h"
#include "checkpoint/failover_table.h"
#include "checkpoint/ownership_table.h"

namespace atl::mirror {

// Answers of another region.
inline constexpr Duration kFenceAnswer = std::chrono::seconds(5);
inline constexpr Duration kTellAnswer = std::chrono::seconds(2);
inline constexpr Duration kLiftAnswer = std::chrono::seconds(1);
// The fence outlives our own deadline, so that what we release in time is still there.
inline constexpr Duration kFenceMargin = std::chrono::seconds(5);
inline constexpr Duration kDrainLook = std::chrono::milliseconds(2);

// What the mint says of the move's topics (in its order): new epochs, cuts, and what is lost. An
// owner that nobody fenced accepts until it hears of the new epoch: what it adds is unknown until
// it tells after its return (CompleteReports), also when it was heard a moment ago (S21).
void NoteMinted(std::span<const checkpoint::OwnershipRecord> minted,
                checkpoint::FailoverRecord& record);

}  // namespace atl::mirror
