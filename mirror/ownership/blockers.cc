#include "mirror/ownership/blockers.h"

#include <algorithm>
#include <set>
#include <utility>

namespace atl::mirror {

std::array<int64_t, kBlockerReasons.size()> CountBlockers(const FailoverPlan& plan,
                                                          const BlockerInput& input) {
  std::array<int64_t, kBlockerReasons.size()> counts{};
  const auto count = [&counts](std::string_view reason) {
    const auto place = std::ranges::find(kBlockerReasons, reason);
    const bool known = place != kBlockerReasons.end();
    ++counts[known ? static_cast<size_t>(place - kBlockerReasons.begin()) : counts.size() - 1];
  };
  std::set<std::pair<TopicName, std::string>> seen;  // A topic has a finding per partition.
  for (const PlanFinding& finding : plan.findings) {
    const bool counts_here = finding.blocking || (finding.code == "unverified" && input.verifies);
    if (counts_here && seen.emplace(finding.topic, finding.code).second) count(finding.code);
  }
  for (const PlanRow& row : plan.rows) {
    if (row.groups_placed < row.groups_total) count("groups_waiting");
  }
  if (!input.rpo_seconds) {
    count("lag_unknown");
  } else if (input.rpo_target > Duration::zero() &&
             *input.rpo_seconds > ToSeconds(input.rpo_target)) {
    count("over_objective");
  }
  return counts;
}

}  // namespace atl::mirror
