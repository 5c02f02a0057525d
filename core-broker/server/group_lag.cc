#include "core-broker/server/group_lag.h"

#include <algorithm>
#include <map>

#include "base/partition_family.h"
#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

// The batch's first record is the oldest that may be unread; a timestamp inside the batch would
// need its records, which are not opened here.
std::optional<double> AgeOf(const Partition& partition, Offset offset, WallTime now) {
  const StatusOr<kafka::BatchHeader> batch = partition.BatchAt(offset);
  if (!batch.ok() || batch->base_timestamp == kNoTimestamp) return std::nullopt;
  return std::max(0.0, ToSeconds(now - FromTimestamp(batch->base_timestamp)));
}

struct Lags {
  FamilyBuilder records{"atoll_group_lag_records", "Records that the group has not consumed"};
  FamilyBuilder seconds{"atoll_group_lag_seconds", "Age of the next record for the group"};

  void Add(const Labels& labels, const GroupLag& lag) {
    records.Add(labels, static_cast<double>(lag.records.value()));
    if (lag.seconds) seconds.Add(labels, *lag.seconds);
  }
};

void AddByPartition(const CatalogView& view, const GroupView& group, WallTime now, Lags& out) {
  for (const CommittedOffset& committed : group.offsets) {
    const std::optional<GroupLag> lag = LagOf(view, committed, now);
    if (!lag) continue;
    out.Add({{"group", committed.group.value()},
             {"topic", committed.topic.value()},
             {"partition", fmt::format("{}", committed.partition.value())}},
            *lag);
  }
}

void AddByTopic(const CatalogView& view, const GroupView& group, WallTime now, Lags& out) {
  std::map<TopicName, GroupLag> topics;
  for (const CommittedOffset& committed : group.offsets) {
    const std::optional<GroupLag> lag = LagOf(view, committed, now);
    if (!lag) continue;
    GroupLag& sum = topics[committed.topic];
    sum.records += lag->records;
    if (lag->seconds) sum.seconds = std::max(sum.seconds.value_or(0), *lag->seconds);
  }
  for (const auto& [topic, lag] : topics) {
    out.Add({{"group", group.activity.group.value()}, {"topic", topic.value()}}, lag);
  }
}

}  // namespace

std::optional<GroupLag> LagOf(const CatalogView& view, const CommittedOffset& committed,
                              WallTime now) {
  const FoundPartition found = FindPartition(view, committed.topic, committed.partition);
  if (found.partition == nullptr) return std::nullopt;
  const PartitionOffsets offsets = found.partition->offsets();
  if (offsets.high_watermark == kNoOffset) return std::nullopt;
  GroupLag lag{.log_end = offsets.high_watermark, .records = RecordCount(0), .seconds = 0.0};
  const Offset next = std::max(committed.offset, offsets.log_start);
  if (next >= offsets.high_watermark) return lag;
  lag.records = offsets.high_watermark - next;
  lag.seconds = AgeOf(*found.partition, next, now);
  return lag;
}

std::optional<RecordCount> RecordsBehind(const CatalogView& view,
                                         const CommittedOffset& committed) {
  const FoundPartition found = FindPartition(view, committed.topic, committed.partition);
  if (found.partition == nullptr) return std::nullopt;
  const PartitionOffsets offsets = found.partition->offsets();
  if (offsets.high_watermark == kNoOffset) return std::nullopt;
  const Offset next = std::max(committed.offset, offsets.log_start);
  return std::max(offsets.high_watermark - next, RecordCount(0));
}

std::shared_ptr<void> AddGroupMetrics(Metrics& metrics, const Catalog& catalog,
                                      const Coordinator& groups, const Clock& clock,
                                      size_t max_series) {
  return metrics.AddCollector(
      [&catalog, &groups, &clock, max_series](std::vector<MetricFamily>& out) {
        Lags lags;
        FamilyBuilder members("atoll_group_members", "Members of the group");
        FamilyBuilder states("atoll_group_state", "Groups in this state");
        std::map<std::string, int> counts;
        for (const GroupPhase phase : {GroupPhase::kEmpty, GroupPhase::kPreparingRebalance,
                                       GroupPhase::kCompletingRebalance, GroupPhase::kStable}) {
          counts[std::string(PhaseName(phase))] = 0;
        }
        const auto view = catalog.view();
        const WallTime now = clock.WallNow();
        const std::vector<GroupView> all = groups.Views();
        size_t series = 0;
        for (const GroupView& group : all) series += group.offsets.size();
        for (const GroupView& group : all) {
          ++counts[group.activity.state];
          members.Add({{"group", group.activity.group.value()}}, group.activity.member_count);
          if (series <= max_series)
            AddByPartition(*view, group, now, lags);
          else
            AddByTopic(*view, group, now, lags);
        }
        for (const auto& [state, count] : counts) states.Add({{"state", state}}, count);
        AppendAggregated("group", series > max_series, out);
        std::move(lags.records).AppendTo(out);
        std::move(lags.seconds).AppendTo(out);
        std::move(members).AppendTo(out);
        std::move(states).AppendTo(out);
      });
}

}  // namespace atl::broker
