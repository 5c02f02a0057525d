#include "checkpoint/verify_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::Verified ToMessage(const VerifiedRecord& record) {
  state::Verified message;
  message.set_link(record.link.value());
  message.set_topic_id(IdBytes(record.topic));
  message.set_partition(record.partition.value());
  message.set_verified_to(record.verified_to.value());
  message.set_epoch(record.epoch.value());
  message.set_time_ns(ToNanoseconds(record.time));
  message.set_mismatch_first(record.mismatch_first.value());
  message.set_mismatch_end(record.mismatch_end.value());
  message.set_reason(record.reason);
  return message;
}

StatusOr<VerifiedRecord> FromMessage(const state::Verified& message) {
  VerifiedRecord record;
  record.link = LinkName(message.link());
  ASSIGN_OR_RETURN(record.topic, IdFromBytes(message.topic_id()));
  record.partition = PartitionId(message.partition());
  record.verified_to = Offset(message.verified_to());
  record.epoch = LeaderEpoch(message.epoch());
  record.time = FromNanoseconds(message.time_ns());
  record.mismatch_first = Offset(message.mismatch_first());
  record.mismatch_end = Offset(message.mismatch_end());
  record.reason = message.reason();
  return record;
}

}  // namespace

void VerifyTable::StagePut(WriteBatch& batch, const VerifiedRecord& record) {
  StageRow(batch, VerifiedKey(record.link, record.topic, record.partition), ToMessage(record));
}

void VerifyTable::StageDelete(WriteBatch& batch, const LinkName& link, const TopicId& topic,
                              PartitionId partition) {
  batch.Delete(VerifiedKey(link, topic, partition));
}

StatusOr<std::vector<VerifiedRecord>> VerifyTable::List(const LinkName& link,
                                                        std::vector<Status>* damaged) {
  return ListRows(store_, LinkKey(TableId::kVerified, link), FromMessage, damaged);
}

}  // namespace atl::checkpoint
