// "May I fail over now?", as numbers: what the plan of a forced move says, and what an operator
// would want to know besides (the objective, groups whose place is not known yet). Pure.
// That the source answers is no reason against it: then the move is a planned one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "mirror/ownership/failover_plan.h"

namespace atl::mirror {

// The label `reason` of atoll_failover_blockers; plan findings keep their codes. The last one is
// any finding that blocks and has no place of its own here: it must not look like a yes.
inline constexpr std::array<std::string_view, 15> kBlockerReasons{
    "no_topics",  "link_starting", "lag_unknown",  "over_objective", "diverged",
    "halted",     "gap",           "conflict",     "retired",        "mismatch",
    "unverified", "moving",        "active_group", "groups_waiting", "other"};

struct BlockerInput {
  std::optional<double> rpo_seconds;  // Nothing: unknown.
  Duration rpo_target{};              // 0: none set.
  bool verifies = false;              // Mirrors are compared with the source all the time.
};

// How many topics (1 where it is about the whole link) speak against a failover, by the place of
// the reason above. All 0: go.
std::array<int64_t, kBlockerReasons.size()> CountBlockers(const FailoverPlan& plan,
                                                          const BlockerInput& input);

}  // namespace atl::mirror
