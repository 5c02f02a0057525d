#include "mirror/control_routes.h"

#include <algorithm>
#include <boost/json.hpp>

#include "core-broker/admin/json_body.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;

json::value Time(const std::optional<WallTime>& time) {
  return time ? json::value(json::string(FormatTime(*time))) : json::value();
}

void AddConnection(const PeerStatus& peer, json::object& object) {
  object["connected"] = peer.connected;
  object["reason"] = peer.reason;
  object["rttSeconds"] = peer.rtt ? json::value(ToSeconds(*peer.rtt)) : json::value();
  object["lastHeard"] = Time(peer.last_heard);
}

HttpReply ListPeers(const ControlPlane& plane) {
  json::array peers;
  for (const PeerStatus& peer : plane.peers()) {
    json::object object;
    object["region"] = peer.region.value();
    object["ordinal"] =
        peer.ordinal == kForeignRegion ? json::value() : json::value(peer.ordinal.value());
    object["link"] = peer.link.empty() ? json::value() : json::value(peer.link.value());
    AddConnection(peer, object);
    object["software"] = peer.software.empty() ? json::value() : json::value(peer.software);
    object["clockAheadSeconds"] =
        peer.clock_ahead ? json::value(ToSeconds(*peer.clock_ahead)) : json::value();
    peers.push_back(std::move(object));
  }
  json::object body;
  body["peers"] = std::move(peers);
  return JsonReply(body);
}

json::object DescribeRow(const PositionBook::Row& row, const broker::Topic& topic, WallTime now) {
  json::object object;
  object["topic"] = topic.name.value();
  object["topicId"] = row.topic.ToString();
  object["partition"] = row.partition.value();
  object["appliedEnd"] = row.applied_end.value();
  object["epoch"] = row.epoch == kNoEpoch ? json::value() : json::value(row.epoch.value());
  object["changedSecondsAgo"] = std::max(0.0, ToSeconds(now - row.changed));
  return object;
}

HttpReply ListPositions(const ControlPlane& plane, RegionPositions& positions,
                        const broker::Catalog& catalog, const Clock& clock, const HttpCall& call) {
  const auto wanted = call.query.find("topic");
  const auto view = catalog.view();
  const WallTime now = clock.WallNow();
  const std::vector<PeerStatus> peers = plane.peers();
  json::array regions;
  for (const PositionBook::Region& region : positions.regions()) {
    const auto peer = std::find_if(peers.begin(), peers.end(), [&](const PeerStatus& one) {
      return one.region == region.region;
    });
    json::array rows;
    for (const PositionBook::Row& row : region.rows) {
      const auto topic = view->Find(row.topic);
      if (topic == nullptr) continue;
      if (wanted != call.query.end() && topic->name.value() != wanted->second) continue;
      rows.push_back(DescribeRow(row, *topic, now));
    }
    json::object object;
    object["region"] = region.region.value();
    object["connected"] = !region.lost;
    object["lastHeard"] = Time(peer == peers.end() ? region.lost : peer->last_heard);
    object["partitions"] = std::move(rows);
    regions.push_back(std::move(object));
  }
  json::object body;
  body["regions"] = std::move(regions);
  return JsonReply(body);
}

}  // namespace

json::object DescribeControl(const config::Link& link, const ControlPlane& plane) {
  json::object object;
  object["configured"] = link.source.control.has_value();
  object["address"] = link.source.control
                          ? json::value(json::string(link.source.control->ToString()))
                          : json::value();
  // A region that dials us is connected whatever our YAML says.
  PeerStatus status;
  status.reason = "not configured, polling";
  for (const PeerStatus& peer : plane.peers()) {
    if (peer.region == link.source.region && (peer.connected || link.source.control)) status = peer;
  }
  AddConnection(status, object);
  return object;
}

void AddControlCheck(broker::Health& health, const ControlPlane& plane) {
  if (plane.port() == 0) return;
  health.AddCheck("control-listener", [&plane] { return plane.CheckListener(); });
}

void RegisterControlRoutes(broker::Router& router, const ControlPlane& plane,
                           RegionPositions& positions, const broker::Catalog& catalog,
                           const Clock& clock) {
  router.Add("GET", "/v1/peers", [&plane](const HttpCall&) { return ListPeers(plane); });
  router.Add("GET", "/v1/positions", [&plane, &positions, &catalog, &clock](const HttpCall& call) {
    return ListPositions(plane, positions, catalog, clock, call);
  });
}

}  // namespace atl::mirror
