// The positions of mirrors, wired: this region's links say how far they are to the regions that
// they pull from, and what other regions say about the topics here is kept, exported as
// atoll_region_applied_offset and shown by GET /v1/positions. Joins the control plane's rooms
// before it starts; outlives it.
#pragma once

#include <map>
#include <memory>

#include "base/metrics.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/control/positions.h"
#include "mirror/control/rooms.h"
#include "mirror/links.h"

namespace atl::mirror {

class RegionPositions {
 public:
  // A change is said within this time.
  static constexpr Duration kSayEvery = std::chrono::milliseconds(250);

  // All outlive this. Above `most_series` partitions the metric is given per topic.
  RegionPositions(const Links& links, const broker::Catalog& catalog, ControlPlane& plane,
                  Metrics& metrics, const Clock& clock, size_t most_series);
  ~RegionPositions();

  void Join(ControlRooms& rooms);
  std::vector<PositionBook::Region> regions() { return book_.regions(); }

 private:
  void Say();
  std::vector<MirrorPositions::Row> RowsOf(const RegionName& source) const;
  void Collect(std::vector<MetricFamily>& out);

  const Links& links_;
  const broker::Catalog& catalog_;
  ControlPlane& plane_;
  const size_t most_series_;
  PositionBook book_;
  std::map<RegionName, PositionNews> news_;  // On the control reactor, by connected source.
  std::shared_ptr<void> collector_;          // Goes first.
};

}  // namespace atl::mirror
