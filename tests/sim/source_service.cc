#include "tests/sim/source_service.h"

namespace atl::sim {

using kafka::ErrorCode;

std::shared_ptr<broker::Partition> PartitionOf(Region& region, const TopicId& topic,
                                               PartitionId partition) {
  const auto found = region.process().catalog.view()->Find(topic);
  if (!found || partition.value() >= static_cast<int32_t>(found->partitions.size())) return nullptr;
  return found->partitions[static_cast<size_t>(partition.value())];
}

std::vector<SourceTopicInfo> ListTopics(Region& region) {
  std::vector<SourceTopicInfo> topics;
  for (const auto view = region.process().catalog.view();
       const auto& [name, topic] : view->by_name) {
    topics.push_back({.topic = {.name = name,
                                .id = topic->id,
                                .leader_node = NodeId(region.ordinal().value()),
                                .epoch = topic->epoch},
                      .partitions = static_cast<int32_t>(topic->partitions.size()),
                      .config = topic->config.overrides()});
  }
  return topics;
}

namespace {

StatusOr<Bytes> ReadSlices(const broker::ReadOutcome& outcome) {
  Bytes all;
  for (const FileSlice& slice : outcome.slices) {
    const size_t before = all.size();
    all.resize(before + static_cast<size_t>(slice.length.value()));
    ASSIGN_OR_RETURN(const size_t read,
                     slice.file->ReadAt(slice.position, MutableBytes(all).subspan(before)));
    if (read != all.size() - before) return Corrupt("short read of {} bytes", read);
  }
  return all;
}

}  // namespace

StatusOr<Bytes> ReadRecords(const broker::Partition& partition, Offset from, size_t max_bytes) {
  const broker::ReadOutcome outcome =
      partition.Read({.offset = from,
                      .max_bytes = ByteCount(static_cast<int64_t>(max_bytes)),
                      .whole_first_batch = true,
                      .isolation = broker::Isolation::kReadUncommitted});
  if (outcome.error != ErrorCode::kNone) return Corrupt("{}", kafka::ErrorName(outcome.error));
  return ReadSlices(outcome);
}

SourceAnswer FetchRecords(Region& region, const TopicId& topic, PartitionId partition,
                          Offset offset, size_t max_bytes, bool cut) {
  const Region::Running running(region);
  SourceAnswer answer;
  const auto found = PartitionOf(region, topic, partition);
  if (!found) {
    answer.error = ErrorCode::kUnknownTopicId;
    return answer;
  }
  const broker::ReadOutcome outcome =
      found->Read({.offset = offset,
                   .max_bytes = ByteCount(static_cast<int64_t>(max_bytes)),
                   .whole_first_batch = true,
                   .isolation = broker::Isolation::kReadUncommitted});
  answer.error = outcome.error;
  answer.offsets = {.log_start = outcome.offsets.log_start,
                    .high_watermark = outcome.offsets.high_watermark};
  if (outcome.error != ErrorCode::kNone) return answer;
  StatusOr<Bytes> bytes = ReadSlices(outcome);
  if (!bytes.ok()) {
    answer.error = ErrorCode::kKafkaStorageError;
    return answer;
  }
  if (cut && bytes->size() > max_bytes) bytes->resize(max_bytes);
  *answer.records = *std::move(bytes);
  return answer;
}

EpochAnswer EndOfEpoch(Region& region, const TopicId& topic, PartitionId partition,
                       LeaderEpoch epoch) {
  const Region::Running running(region);
  const auto found = PartitionOf(region, topic, partition);
  if (!found) return {.error = ErrorCode::kUnknownTopicId, .end = {}};
  return {.error = ErrorCode::kNone, .end = found->EndOfEpoch(epoch)};
}

OffsetAnswer FirstOffset(Region& region, const TopicId& topic, PartitionId partition, bool latest) {
  const Region::Running running(region);
  const auto found = PartitionOf(region, topic, partition);
  if (!found) return {.error = ErrorCode::kUnknownTopicId};
  const broker::PartitionOffsets offsets = found->offsets();
  return {.error = ErrorCode::kNone, .offset = latest ? offsets.high_watermark : offsets.log_start};
}

}  // namespace atl::sim
