// The catalogue's part in a change of owner: who owns what, durable in one write, and the points
// that partitions must pass before and after it.
#include <algorithm>

#include "core-broker/catalog/catalog.h"
#include "core-broker/catalog/shard_work.h"

namespace atl::broker {

CatalogOutcome Catalog::StageTransfer(const TopicTransfer& transfer,
                                      std::vector<checkpoint::TopicRecord>& records) const {
  const auto found = records_.find(transfer.id);
  if (found == records_.end()) {
    return Refuse(kafka::ErrorCode::kUnknownTopicId,
                  fmt::format("no topic {}", transfer.id.ToString()));
  }
  checkpoint::TopicRecord record = found->second;
  if (record.frozen) {
    return Refuse(kafka::ErrorCode::kInvalidRequest,
                  fmt::format("topic '{}' of id {} is an earlier generation", record.name.value(),
                              record.id.ToString()));
  }
  if (transfer.epoch < record.epoch) {
    return Refuse(kafka::ErrorCode::kFencedLeaderEpoch,
                  fmt::format("topic '{}' is at epoch {}, not {}", record.name.value(),
                              record.epoch.value(), transfer.epoch.value()));
  }
  record.epoch = transfer.epoch;
  record.owner = transfer.owner;
  record.link = transfer.link;
  records.push_back(std::move(record));
  return {};
}

CatalogOutcome Catalog::Transfer(const std::vector<TopicTransfer>& transfers,
                                 checkpoint::WriteBatch also) {
  {
    MutexLock change(&change_);
    if (closed_) return Refuse(kafka::ErrorCode::kBrokerNotAvailable, "the region is stopping");
    std::vector<checkpoint::TopicRecord> records;
    for (const TopicTransfer& transfer : transfers) {
      if (CatalogOutcome staged = StageTransfer(transfer, records); !staged.ok()) return staged;
    }
    for (const auto& record : records) checkpoint::TopicTable::StagePut(also, record);
    const Status written = table_.Write(also, checkpoint::Sync::kNow);
    if (!written.ok()) return StorageError(TopicName("topics that change their owner"), written);
    auto next = std::make_shared<CatalogView>(*view());
    ++next->version;
    for (const checkpoint::TopicRecord& record : records) {
      records_[record.id] = record;
      std::shared_ptr<const Topic> topic = MakeTopic(record, next->Find(record.id)->partitions);
      next->by_id[record.id] = topic;
      next->by_name[record.name] = std::move(topic);
    }
    MutexLock lock(&mutex_);
    view_ = std::move(next);
  }
  Changed();
  return {};
}

StatusOr<std::vector<std::shared_ptr<const Topic>>> Catalog::OnShards(
    std::span<const TopicId> topics, const ShardStep& step) {
  const std::shared_ptr<const CatalogView> now = view();
  std::vector<std::shared_ptr<const Topic>> found;
  for (const TopicId& id : topics) {
    found.push_back(now->Find(id));
    if (found.back() == nullptr) return NotFound("no topic {}", id.ToString());
  }
  {
    ShardWork work(shards_);
    for (const auto& topic : found) {
      for (const auto& partition : topic->partitions) {
        work.PostStaging(ShardOf(*partition), [&](runtime::ShardTurn& turn) {
          turn.Touch(partition);
          step(*topic, *partition);
        });
      }
    }
  }
  for (const auto& topic : found) {
    for (const auto& partition : topic->partitions) {
      const std::string offline = partition->offline_reason();
      if (offline.empty()) continue;
      return Unavailable("{}-{} is offline: {}", topic->name.value(),
                         partition->identity().partition.value(), offline);
    }
  }
  return found;
}

StatusOr<std::vector<std::vector<Offset>>> Catalog::SettledEnds(std::span<const TopicId> topics) {
  Mutex mutex;
  Status first;
  // What is staged in the turn of the first step was staged before the gate shut, and is written
  // when that turn is over; with `os` durability the save after it is the sync.
  RETURN_IF_ERROR(OnShards(topics, [](const Topic&, Partition&) {}).status());
  const ShardStep settle = [&](const Topic&, Partition& partition) {
    const Status saved = partition.SaveState(checkpoint::Sync::kLazy);
    MutexLock lock(&mutex);
    if (first.ok()) first = saved;
  };
  ASSIGN_OR_RETURN(const auto settled, OnShards(topics, settle));
  RETURN_IF_ERROR(first);
  std::vector<std::vector<Offset>> ends;
  for (const auto& topic : settled) {
    std::vector<Offset>& of_topic = ends.emplace_back();
    for (const auto& partition : topic->partitions) {
      of_topic.push_back(partition->offsets().log_end);
    }
  }
  return ends;
}

StatusOr<int> Catalog::AbortOpenTransactions(std::span<const TopicId> topics) {
  std::atomic<int> sum = 0;
  const ShardStep abort = [&sum](const Topic& topic, Partition& partition) {
    sum += partition.StageAborts(topic.epoch);
  };
  RETURN_IF_ERROR(OnShards(topics, abort).status());
  return sum.load();
}

}  // namespace atl::broker
