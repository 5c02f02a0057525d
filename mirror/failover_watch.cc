#include "mirror/failover_watch.h"

#include "mirror/ownership/blockers.h"

namespace atl::mirror {

std::shared_ptr<void> WatchFailover(Metrics& metrics, const Links& links,
                                    const Failovers& failovers) {
  return metrics.AddCollector([&links, &failovers](std::vector<MetricFamily>& out) {
    FamilyBuilder blockers("atoll_failover_blockers",
                           "Topics that speak against a failover of the link now, by reason (1 "
                           "where it is about the whole link). All 0: go.");
    for (const auto& link : links.all()) {
      const std::string& name = link->config().name.value();
      Failovers::Request request;
      request.mode = Failovers::Mode::kFailover;
      request.link = link->config().name;
      request.all = true;
      request.force = true;
      request.ask_others = false;
      const StatusOr<FailoverPlan> plan = failovers.Plan(request);
      if (!plan.ok()) continue;
      const auto snapshot = link->snapshot();
      const LinkView view =
          ViewLink(snapshot->sample.facts, snapshot->sample.rows, links.clock().WallNow());
      const auto counts = CountBlockers(*plan, {.rpo_seconds = view.rpo_seconds,
                                                .rpo_target = link->config().rpo,
                                                .verifies = snapshot->sample.facts.verifies});
      for (size_t i = 0; i < counts.size(); ++i) {
        blockers.Add({{"link", name}, {"reason", std::string(kBlockerReasons[i])}},
                     static_cast<double>(counts[i]));
      }
    }
    std::move(blockers).AppendTo(out);
  });
}

}  // namespace atl::mirror
