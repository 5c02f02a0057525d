#include "checkpoint/mirror_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::MirrorPosition ToMessage(const MirrorPosition& position) {
  state::MirrorPosition message;
  message.set_link(position.link.value());
  message.set_topic_id(IdBytes(position.topic));
  message.set_partition(position.partition.value());
  message.set_applied_end(position.applied_end.value());
  message.set_source_end(position.source_end.value());
  message.set_source_epoch(position.source_epoch.value());
  message.set_source_topic_id(IdBytes(position.source_topic));
  message.set_time_ns(ToNanoseconds(position.time));
  message.set_state(static_cast<state::MirrorPosition::State>(position.state));
  message.set_reason(position.reason);
  return message;
}

StatusOr<MirrorPosition> FromMessage(const state::MirrorPosition& message) {
  if (!state::MirrorPosition::State_IsValid(message.state()))
    return Corrupt("mirror state {} is unknown", static_cast<int>(message.state()));
  MirrorPosition position;
  position.link = LinkName(message.link());
  ASSIGN_OR_RETURN(position.topic, IdFromBytes(message.topic_id()));
  position.partition = PartitionId(message.partition());
  position.applied_end = Offset(message.applied_end());
  position.source_end = Offset(message.source_end());
  position.source_epoch = LeaderEpoch(message.source_epoch());
  ASSIGN_OR_RETURN(position.source_topic, IdFromBytes(message.source_topic_id()));
  position.time = FromNanoseconds(message.time_ns());
  position.state = static_cast<MirrorState>(message.state());
  position.reason = message.reason();
  return position;
}

state::Link ToMessage(const LinkState& link) {
  state::Link message;
  message.set_link(link.link.value());
  message.set_paused(link.paused);
  message.set_source_cluster_id(link.source_cluster_id);
  return message;
}

StatusOr<LinkState> LinkFromMessage(const state::Link& message) {
  return LinkState{LinkName(message.link()), message.paused(), message.source_cluster_id()};
}

state::LinkTopic ToMessage(const LinkTopicState& topic) {
  state::LinkTopic message;
  message.set_link(topic.link.value());
  message.set_topic(topic.topic.value());
  message.set_paused(topic.paused);
  return message;
}

StatusOr<LinkTopicState> LinkTopicFromMessage(const state::LinkTopic& message) {
  return LinkTopicState{LinkName(message.link()), TopicName(message.topic()), message.paused()};
}

}  // namespace

std::string_view MirrorStateName(MirrorState state) {
  switch (state) {
    case MirrorState::kLocating:
      return "locating";
    case MirrorState::kMirroring:
      return "mirroring";
    case MirrorState::kCaughtUp:
      return "caught_up";
    case MirrorState::kPaused:
      return "paused";
    case MirrorState::kSourceUnavailable:
      return "source_unavailable";
    case MirrorState::kHalted:
      return "halted";
    case MirrorState::kGap:
      return "gap";
    case MirrorState::kDiverged:
      return "diverged";
    case MirrorState::kConflict:
      return "conflict";
    case MirrorState::kRetired:
      return "retired";
    case MirrorState::kPromoted:
      return "promoted";
  }
  return "unknown";
}

void MirrorTable::StagePosition(WriteBatch& batch, const MirrorPosition& position) {
  StageRow(batch, MirrorPositionKey(position.link, position.topic, position.partition),
           ToMessage(position));
}

void MirrorTable::StageDeletePosition(WriteBatch& batch, const LinkName& link, const TopicId& topic,
                                      PartitionId partition) {
  batch.Delete(MirrorPositionKey(link, topic, partition));
}

Status MirrorTable::PutPosition(const MirrorPosition& position, Sync sync) {
  WriteBatch batch;
  StagePosition(batch, position);
  return store_.Write(batch, sync);
}

StatusOr<std::optional<MirrorPosition>> MirrorTable::Position(const LinkName& link,
                                                              const TopicId& topic,
                                                              PartitionId partition) {
  return GetRow(store_, MirrorPositionKey(link, topic, partition), FromMessage);
}

StatusOr<std::vector<MirrorPosition>> MirrorTable::Positions(const LinkName& link,
                                                             std::vector<Status>* damaged) {
  return ListRows(store_, LinkKey(TableId::kMirrorPosition, link), FromMessage, damaged);
}

Status MirrorTable::PutLink(const LinkState& state, Sync sync) {
  return PutRow(store_, LinkKey(TableId::kLinkState, state.link), ToMessage(state), sync);
}

StatusOr<std::optional<LinkState>> MirrorTable::Link(const LinkName& link) {
  return GetRow(store_, LinkKey(TableId::kLinkState, link), LinkFromMessage);
}

StatusOr<std::vector<LinkState>> MirrorTable::Links(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kLinkState), LinkFromMessage, damaged);
}

Status MirrorTable::PutLinkTopic(const LinkTopicState& state, Sync sync) {
  return PutRow(store_, LinkTopicKey(state.link, state.topic), ToMessage(state), sync);
}

StatusOr<std::optional<LinkTopicState>> MirrorTable::LinkTopic(const LinkName& link,
                                                               const TopicName& topic) {
  return GetRow(store_, LinkTopicKey(link, topic), LinkTopicFromMessage);
}

StatusOr<std::vector<LinkTopicState>> MirrorTable::LinkTopics(const LinkName& link,
                                                              std::vector<Status>* damaged) {
  return ListRows(store_, LinkKey(TableId::kLinkTopicState, link), LinkTopicFromMessage, damaged);
}

}  // namespace atl::checkpoint
