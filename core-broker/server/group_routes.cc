#include "core-broker/server/group_routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "core-broker/group/subscription.h"
#include "core-broker/server/group_lag.h"

namespace atl::broker {
namespace {

namespace json = boost::json;

// Client-chosen names may be any bytes, JSON may not.
std::string Printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

json::object DescribeMember(const GroupView& group, const GroupState::Member& member) {
  json::object out;
  out["memberId"] = Printable(member.id);
  out["instanceId"] =
      member.instance_id ? json::value(Printable(*member.instance_id)) : json::value(nullptr);
  out["clientId"] = Printable(member.client_id);
  out["host"] = Printable(member.client_host);
  json::array assigned;
  if (group.activity.protocol_type == kConsumerProtocolType) {
    for (const AssignedTopic& topic :
         AssignedPartitions(member.assignment).value_or(std::vector<AssignedTopic>())) {
      json::object entry;
      entry["topic"] = Printable(topic.topic.value());
      json::array partitions;
      for (const PartitionId partition : topic.partitions) partitions.push_back(partition.value());
      entry["partitions"] = std::move(partitions);
      assigned.push_back(std::move(entry));
    }
  }
  out["assignment"] = std::move(assigned);
  return out;
}

json::object DescribeOffset(const CatalogView& view, const CommittedOffset& committed,
                            WallTime now) {
  json::object out;
  out["topic"] = committed.topic.value();
  out["partition"] = committed.partition.value();
  out["committed"] = committed.offset.value();
  out["leaderEpoch"] = committed.epoch.value();
  out["committedAt"] = FormatTime(committed.committed);
  out["synced"] = committed.synced;
  const std::optional<GroupLag> lag = LagOf(view, committed, now);
  out["logEnd"] = lag ? json::value(lag->log_end.value()) : json::value(nullptr);
  out["lagRecords"] = lag ? json::value(lag->records.value()) : json::value(nullptr);
  out["lagSeconds"] = lag && lag->seconds ? json::value(*lag->seconds) : json::value(nullptr);
  return out;
}

json::object Summary(const Broker& broker, const GroupView& group) {
  const auto view = broker.catalog.view();
  const WallTime now = broker.clock.WallNow();
  std::set<TopicName> topics;
  int64_t records = 0;
  std::optional<double> seconds;
  for (const CommittedOffset& committed : group.offsets) {
    topics.insert(committed.topic);
    const auto lag = LagOf(*view, committed, now);
    if (!lag) continue;
    records += lag->records.value();
    if (lag->seconds) seconds = std::max(seconds.value_or(0), *lag->seconds);
  }
  json::object out;
  out["group"] = Printable(group.activity.group.value());
  out["state"] = group.activity.state;
  out["protocolType"] = Printable(group.activity.protocol_type);
  out["memberCount"] = group.activity.member_count;
  out["topicCount"] = topics.size();
  out["lagRecords"] = records;
  out["lagSeconds"] = seconds ? json::value(*seconds) : json::value(nullptr);
  return out;
}

HttpReply ListGroups(const Broker& broker) {
  json::array groups;
  for (const GroupView& group : broker.groups.Views()) groups.push_back(Summary(broker, group));
  json::object body;
  body["groups"] = std::move(groups);
  return {.status = 200, .body = json::serialize(body)};
}

HttpReply DescribeGroup(const Broker& broker, const std::string& name) {
  const std::optional<GroupView> group = broker.groups.View(GroupId(name));
  if (!group) {
    return ErrorReply(404, fmt::format("there is no group \"{}\" in this region", Printable(name)),
                      "`atoll group list` names those there are");
  }
  json::object body = Summary(broker, *group);
  body["generation"] = group->generation;
  body["protocol"] = Printable(group->protocol);
  body["leader"] = Printable(group->leader);
  json::array members;
  for (const auto& member : group->members) members.push_back(DescribeMember(*group, member));
  body["members"] = std::move(members);
  const auto view = broker.catalog.view();
  const WallTime now = broker.clock.WallNow();
  json::array offsets;
  for (const auto& committed : group->offsets) {
    offsets.push_back(DescribeOffset(*view, committed, now));
  }
  body["offsets"] = std::move(offsets);
  return {.status = 200, .body = json::serialize(body)};
}

}  // namespace

void RegisterGroupRoutes(Router& router, const Broker& broker) {
  router.Add("GET", "/v1/groups", [&broker](const HttpCall& call) {
    const auto named = call.query.find("group");
    return named == call.query.end() ? ListGroups(broker) : DescribeGroup(broker, named->second);
  });
  router.Add("GET", "/v1/groups/{group}", [&broker](const HttpCall& call) {
    return DescribeGroup(broker, call.params.at("group"));
  });
}

void AddGroupSection(StateStream& stream, const Broker& broker) {
  stream.AddSection("groups", [&broker] {
    StateRows rows;
    for (const GroupView& group : broker.groups.Views()) {
      rows[Printable(group.activity.group.value())] = json::serialize(Summary(broker, group));
    }
    return rows;
  });
}

}  // namespace atl::broker
