#include "checkpoint/partition_state_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::Partition ToMessage(const PartitionState& partition) {
  state::Partition message;
  message.set_topic_id(IdBytes(partition.topic));
  message.set_partition(partition.partition.value());
  message.set_log_start(partition.log_start.value());
  message.set_recovery_point(partition.recovery_point.value());
  for (const EpochStart& entry : partition.epochs) {
    state::EpochStart& epoch = *message.add_epochs();
    epoch.set_epoch(entry.epoch.value());
    epoch.set_start(entry.start.value());
  }
  if (partition.truncate_to != kNoOffset) message.set_truncate_to(partition.truncate_to.value());
  return message;
}

StatusOr<PartitionState> FromMessage(const state::Partition& message) {
  PartitionState partition;
  ASSIGN_OR_RETURN(partition.topic, IdFromBytes(message.topic_id()));
  partition.partition = PartitionId(message.partition());
  partition.log_start = Offset(message.log_start());
  partition.recovery_point = Offset(message.recovery_point());
  partition.epochs.reserve(static_cast<size_t>(message.epochs_size()));
  for (const state::EpochStart& epoch : message.epochs())
    partition.epochs.push_back({LeaderEpoch(epoch.epoch()), Offset(epoch.start())});
  if (message.has_truncate_to()) partition.truncate_to = Offset(message.truncate_to());
  return partition;
}

state::Snapshot ToMessage(const PartitionSnapshot& snapshot) {
  state::Snapshot message;
  message.set_offset(snapshot.offset.value());
  message.set_contents(snapshot.bytes.data(), snapshot.bytes.size());
  return message;
}

StatusOr<PartitionSnapshot> SnapshotFromMessage(const state::Snapshot& message) {
  return PartitionSnapshot{Offset(message.offset()), CopyBytes(AsBytes(message.contents()))};
}

}  // namespace

void PartitionStateTable::StagePut(WriteBatch& batch, const PartitionState& state) {
  StageRow(batch, PartitionKey(TableId::kPartitionState, state.topic, state.partition),
           ToMessage(state));
}

void PartitionStateTable::StageProducers(WriteBatch& batch, const TopicId& topic,
                                         PartitionId partition, const PartitionSnapshot& snapshot) {
  StageRow(batch, PartitionKey(TableId::kProducerSnapshot, topic, partition), ToMessage(snapshot));
}

void PartitionStateTable::StageTransactions(WriteBatch& batch, const TopicId& topic,
                                            PartitionId partition,
                                            const PartitionSnapshot& snapshot) {
  StageRow(batch, PartitionKey(TableId::kTransactionSnapshot, topic, partition),
           ToMessage(snapshot));
}

void PartitionStateTable::StageDelete(WriteBatch& batch, const TopicId& topic,
                                      PartitionId partition) {
  for (const TableId table :
       {TableId::kPartitionState, TableId::kProducerSnapshot, TableId::kTransactionSnapshot})
    batch.Delete(PartitionKey(table, topic, partition));
}

Status PartitionStateTable::Put(const PartitionState& state, Sync sync) {
  WriteBatch batch;
  StagePut(batch, state);
  return store_.Write(batch, sync);
}

StatusOr<std::optional<PartitionState>> PartitionStateTable::Get(const TopicId& topic,
                                                                 PartitionId partition) {
  return GetRow(store_, PartitionKey(TableId::kPartitionState, topic, partition), FromMessage);
}

StatusOr<std::optional<PartitionSnapshot>> PartitionStateTable::Producers(const TopicId& topic,
                                                                          PartitionId partition) {
  return GetRow(store_, PartitionKey(TableId::kProducerSnapshot, topic, partition),
                SnapshotFromMessage);
}

StatusOr<std::optional<PartitionSnapshot>> PartitionStateTable::Transactions(
    const TopicId& topic, PartitionId partition) {
  return GetRow(store_, PartitionKey(TableId::kTransactionSnapshot, topic, partition),
                SnapshotFromMessage);
}

StatusOr<std::vector<PartitionState>> PartitionStateTable::List(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kPartitionState), FromMessage, damaged);
}

}  // namespace atl::checkpoint
