// The oracle's part about consumer groups (S13): wherever a group goes on, it has been given all
// that lies before; and what it had committed when a planned move asked for it is not read again.
#include <algorithm>

#include "kafka/record/record_reader.h"
#include "tests/sim/oracle.h"

namespace atl::sim {

void Oracle::OnDelivered(const TopicId& topic, PartitionId partition, std::string value) {
  groups_[{topic, partition}].delivered.insert(std::move(value));
}

void Oracle::OnCommitted(const Region& region, const TopicId& topic, PartitionId partition,
                         Offset offset) {
  Group& group = groups_[{topic, partition}];
  group.committed_in = region.ordinal().value();
  group.committed = offset;
}

// A group's position is one in the log that it was read from, not one of a tail that is gone.
void Oracle::OnPositionStored(const Region& region, const TopicId& topic, PartitionId partition,
                              Offset offset, const BatchKey& last_read) {
  const Place place{topic, partition};
  const Copy& copy = copies_[{region.ordinal().value(), place}];
  // What lies before this log's start is not here, whoever wrote it: nothing is skipped by it.
  if (offset <= copy.start || truths_[place].history.Has(copy.tip, last_read)) return;
  world_.Fail("S13",
              fmt::format("{}: the offset {} of partition {} is stored, and the batch that was "
                          "read before it is not in this log any more",
                          region.name(), offset.value(), partition.value()));
}

// A planned move asks the old owner what its groups have committed.
void Oracle::OnGroupsRead(const Region& source, const std::vector<TopicId>& topics) {
  for (auto& [place, group] : groups_) {
    if (std::ranges::find(topics, place.first) == topics.end()) continue;
    const bool here = group.committed_in == source.ordinal().value();
    group.read_by_move = here ? group.committed : kNoOffset;
  }
}

void Oracle::OnGroupGoesOn(Region& region, const TopicId& topic, PartitionId partition,
                           Offset position) {
  const Place place{topic, partition};
  Group& group = groups_[place];
  const Truth& truth = truths_[place];
  const Copy& copy = copies_[{region.ordinal().value(), place}];
  const Stint& stint = stints_[topic];
  const bool planned = stint.planned && stint.region == region.ordinal().value();
  if (planned && group.floor_epoch == stint.epoch && position < group.floor) {
    world_.Fail("S13", fmt::format("{}: after a planned move the group of partition {} goes on at "
                                   "{}, it had committed {}",
                                   region.name(), partition.value(), position.value(),
                                   group.floor.value()));
    return;
  }
  if (position > copy.end) {
    world_.Fail("S13",
                fmt::format("{}: the group of partition {} goes on at {}, the log ends at {}",
                            region.name(), partition.value(), position.value(), copy.end.value()));
    return;
  }
  const Offset from = std::max(copy.start, truth.start);
  for (const BatchKey& key : truth.history.Beyond(copy.tip, from)) {
    if (key.base >= position) continue;
    const auto batch = kafka::BatchView::Parse(truth.history.Find(key)->bytes);
    StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(*batch);
    kafka::Record record;
    while (reader.ok() && *reader->Next(record)) {
      if (record.offset < from || record.offset >= position) continue;
      if (group.delivered.contains(std::string(AsText(*record.value)))) continue;
      world_.Fail("S13", fmt::format("{}: the group of partition {} goes on at {} and was never "
                                     "given offset {} (epoch {})",
                                     region.name(), partition.value(), position.value(),
                                     record.offset.value(), key.epoch.value()));
      return;
    }
  }
}

// Once the log is cut no group has an offset in what went: records of the new owner would be there.
void Oracle::CheckClamped(Region& region, const Place& place, Offset end) {
  Group& group = groups_[place];
  if (group.committed_in == region.ordinal().value()) {
    group.committed = std::min(group.committed, end);
  }
  const auto topic = region.process().catalog.view()->Find(place.first);
  const auto same = [&](const TopicName& name) { return name == topic->name; };
  for (const broker::CommittedOffset& stored : region.process().groups.Committed(same)) {
    if (stored.partition != place.second || stored.offset <= end) continue;
    world_.Fail("S13", fmt::format("{}: partition {} was cut at {}, and {} keeps the offset {}",
                                   region.name(), place.second.value(), end.value(),
                                   stored.group.value(), stored.offset.value()));
    return;
  }
}

}  // namespace atl::sim
