// Failovers: the step before the mint. A planned move waits until everything that the owner had is
// durable here; the link pulls it. A forced move pulls what another region has more of.
#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "mirror/failovers.h"
#include "mirror/ownership/move_rules.h"
#include "mirror/pull/catch_up.h"
#include "mirror/pull/history_end.h"
#include "mirror/pull/kafka_source.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

Failpoint drained("own.drained");

constexpr ByteCount kKeptBuffers{int64_t{64} << 20};

// The broker to ask for all of `wanted`: a region is one.
StatusOr<NodeId> NodeOf(const ClusterAtSource& cluster, const TopicId& id, const TopicName& name) {
  const auto topic = std::ranges::find(cluster.topics, name, &TopicAtSource::name);
  if (topic == cluster.topics.end() || topic->id != id || topic->partitions.empty()) {
    return FailedPrecondition("it does not have the topic `{}` of id {} (any more)", name.value(),
                              id.ToString());
  }
  return topic->partitions.front().leader;
}

}  // namespace

awaitable<Status> Failovers::Drain(OperationPtr operation) {
  const bool planned = operation->record.mode == Mode::kPromote;
  while (planned && !IsDrained(room_.catalog, room_.owners, operation->record)) {
    if (room_.clock.Now() >= operation->deadline) {
      co_return DeadlineExceeded("the mirror did not reach the old owner's end in time");
    }
    (void)co_await runtime::Sleep(kDrainLook);
  }
  while (planned && operation->foreign) {
    const StatusOr<bool> still = StandsStill(*operation);
    CO_RETURN_IF_ERROR(still.status());
    if (*still) break;
    if (room_.clock.Now() >= operation->deadline) {
      co_return DeadlineExceeded("the source was not heard again in time");
    }
    (void)co_await runtime::Sleep(kDrainLook);
  }
  std::set<RegionName> regions;
  for (const Ahead& ahead : operation->ahead) regions.insert(ahead.region);
  for (const RegionName& region : regions) {
    const Status pulled = co_await DrainFrom(operation, region);
    if (!pulled.ok()) {
      co_return Unavailable(
          "{} has more of the records and they could not be pulled from there: {}; nothing has "
          "changed, make the plan again",
          region.value(), StatusMessage(pulled));
    }
  }
  const Status passed = drained.Hit();
  co_return passed;
}

// Nobody was fenced: were all partitions heard once more since the plan, and had none moved on?
StatusOr<bool> Failovers::StandsStill(const Operation& operation) const {
  const std::shared_ptr<const Link> link = room_.links.Find(operation.record.link.value());
  if (link == nullptr) return NotFound("no link `{}`", operation.record.link.value());
  bool heard = true;
  for (const auto snapshot = link->snapshot(); const MirrorRow& row : snapshot->sample.rows) {
    const auto topic =
        std::ranges::find(operation.record.topics, row.topic_id, &checkpoint::FailoverTopic::id);
    const auto partition = static_cast<size_t>(row.partition.value());
    if (topic == operation.record.topics.end() || partition >= topic->partitions.size()) continue;
    heard = heard && row.last_contact.has_value() && *row.last_contact > operation.record.started;
    if (row.source_end.value_or(kNoOffset) > topic->partitions[partition].source_end) {
      return FailedPrecondition("`{}` is still written in {}: stop its producers there first",
                                topic->name.value(), operation.record.source.value());
    }
  }
  return heard;
}

void Failovers::NoteAhead(const PlanInput& input, Operation& operation) {
  for (size_t t = 0; t < input.topics.size(); ++t) {
    const std::vector<PlanPartition>& partitions = input.topics[t].partitions;
    for (size_t p = 0; p < partitions.size(); ++p) {
      if (partitions[p].ahead_end <= partitions[p].local_end) continue;
      operation.ahead.push_back({t, p, partitions[p].ahead, partitions[p].ahead_end});
    }
  }
}

awaitable<Status> Failovers::DrainFrom(OperationPtr operation, RegionName region) {
  const std::shared_ptr<const Link> link = LinkFrom(region);
  if (link == nullptr) co_return NotFound("no link from there");
  checkpoint::FailoverRecord& record = operation->record;
  const auto partitions = std::make_shared<std::vector<CatchUpPartition>>();
  std::vector<const Ahead*> asked;
  for (const Ahead& ahead : operation->ahead) {
    if (ahead.region != region) continue;
    const checkpoint::FailoverTopic& topic = record.topics[ahead.topic];
    const PartitionId partition(static_cast<int32_t>(ahead.partition));
    auto sink = room_.sink.Open(record.link, topic.id, partition);
    CO_RETURN_IF_ERROR(sink.status());
    CatchUpPartition& one = partitions->emplace_back();
    one.at.topic = topic.name;
    one.at.partition = partition;
    one.sink = *std::move(sink);
    one.end = ahead.end;
    asked.push_back(&ahead);
  }
  KafkaSource source(room_.reactor, room_.clock, kafka::BufferPool::Create(kKeptBuffers),
                     ClientOptions(link->config(), "drain"));
  const auto cluster = co_await source.Describe();
  CO_RETURN_IF_ERROR(cluster.status());
  NodeId node{-1};
  for (const Ahead* ahead : asked) {
    const checkpoint::FailoverTopic& topic = record.topics[ahead->topic];
    const auto leader = NodeOf(*cluster, topic.id, topic.name);
    CO_RETURN_IF_ERROR(leader.status());
    node = *leader;
  }
  const auto channel = co_await source.Open(node);
  CO_RETURN_IF_ERROR(channel.status());
  const Status pulled = co_await CatchUp(room_.reactor, room_.clock, **channel, room_.sink,
                                         partitions, operation->deadline);
  for (size_t i = 0; i < asked.size(); ++i) {
    checkpoint::FailoverPartition& report =
        record.topics[asked[i]->topic].partitions[asked[i]->partition];
    report.drained_from = region;
    report.drained = (*partitions)[i].pulled;
  }
  LogInfo("failover", "move {}: {} partitions are drained from {}: {}", record.id, asked.size(),
          region.value(), pulled.ok() ? "done" : StatusMessage(pulled));
  co_return pulled;
}

std::shared_ptr<const Link> Failovers::LinkFrom(const RegionName& region) const {
  for (const std::shared_ptr<Link>& link : room_.links.all()) {
    const config::LinkSource& source = link->config().source;
    if (source.region == region && source.kind == config::SourceKind::kAtoll) return link;
  }
  return nullptr;
}

}  // namespace atl::mirror
