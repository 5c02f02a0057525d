#include "checkpoint/topic_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::Topic ToMessage(const TopicRecord& topic) {
  state::Topic message;
  message.set_name(topic.name.value());
  message.set_topic_id(IdBytes(topic.id));
  message.set_partition_count(topic.partition_count);
  for (const auto& [key, value] : topic.config) {
    state::ConfigEntry& entry = *message.add_config();
    entry.set_key(key);
    entry.set_value(value);
  }
  message.set_epoch(topic.epoch.value());
  message.set_owner(topic.owner.value());
  message.set_link(topic.link.value());
  message.set_frozen(topic.frozen);
  message.set_generation(topic.generation);
  message.set_created_ns(ToNanoseconds(topic.created));
  return message;
}

StatusOr<TopicRecord> FromMessage(const state::Topic& message) {
  TopicRecord topic;
  topic.name = TopicName(message.name());
  ASSIGN_OR_RETURN(topic.id, IdFromBytes(message.topic_id()));
  topic.partition_count = message.partition_count();
  for (const state::ConfigEntry& entry : message.config())
    topic.config[entry.key()] = entry.value();
  topic.epoch = LeaderEpoch(message.epoch());
  topic.owner = RegionOrdinal(message.owner());
  topic.link = LinkName(message.link());
  topic.frozen = message.frozen();
  topic.generation = message.generation();
  topic.created = FromNanoseconds(message.created_ns());
  return topic;
}

}  // namespace

void TopicTable::StagePut(WriteBatch& batch, const TopicRecord& topic) {
  StageRow(batch, TopicKey(TableId::kTopic, topic.id), ToMessage(topic));
}

void TopicTable::StageDelete(WriteBatch& batch, const TopicId& id) {
  batch.Delete(TopicKey(TableId::kTopic, id));
}

Status TopicTable::Put(const TopicRecord& topic, Sync sync) {
  WriteBatch batch;
  StagePut(batch, topic);
  return store_.Write(batch, sync);
}

Status TopicTable::Delete(const TopicId& id, Sync sync) {
  WriteBatch batch;
  StageDelete(batch, id);
  return store_.Write(batch, sync);
}

StatusOr<std::optional<TopicRecord>> TopicTable::Get(const TopicId& id) {
  return GetRow(store_, TopicKey(TableId::kTopic, id), FromMessage);
}

StatusOr<std::vector<TopicRecord>> TopicTable::List(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kTopic), FromMessage, damaged);
}

}  // namespace atl::checkpoint
