// What the steps of a move hold to, whoever carries them out (failovers.h, or the simulator's
// stand-in): how long a request may take, and when a mirror is drained.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "checkpoint/failover_table.h"
#include "core-broker/catalog/catalog.h"

namespace atl::mirror {

// Answers of another region.
inline constexpr Duration kFenceAnswer = std::chrono::seconds(5);
inline constexpr Duration kTellAnswer = std::chrono::seconds(2);
inline constexpr Duration kLiftAnswer = std::chrono::seconds(1);
// The fence outlives our own deadline, so that what we release in time is still there.
inline constexpr Duration kFenceMargin = std::chrono::seconds(5);
inline constexpr Duration kDrainLook = std::chrono::milliseconds(2);

// Every partition here is served to the end that the fenced owner answered.
bool IsDrained(const broker::Catalog& catalog, const checkpoint::FailoverRecord& record);

}  // namespace atl::mirror
