#include "checkpoint/event_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::Event ToMessage(const Event& event) {
  state::Event message;
  message.set_id(event.id);
  message.set_kind(static_cast<state::Event::Kind>(event.kind));
  message.set_time_ns(ToNanoseconds(event.time));
  message.set_link(event.link.value());
  message.set_topic(event.topic.value());
  message.set_topic_id(IdBytes(event.topic_id));
  message.set_partition(event.partition.value());
  message.set_first(event.first.value());
  message.set_end(event.end.value());
  message.set_cause(event.cause);
  message.set_source_epoch(event.source_epoch.value());
  return message;
}

StatusOr<Event> FromMessage(const state::Event& message) {
  if (message.kind() == state::Event::NONE || !state::Event::Kind_IsValid(message.kind()))
    return Corrupt("event kind {} is unknown", static_cast<int>(message.kind()));
  Event event;
  event.id = message.id();
  event.kind = static_cast<EventKind>(message.kind());
  event.time = FromNanoseconds(message.time_ns());
  event.link = LinkName(message.link());
  event.topic = TopicName(message.topic());
  ASSIGN_OR_RETURN(event.topic_id, IdFromBytes(message.topic_id()));
  event.partition = PartitionId(message.partition());
  event.first = Offset(message.first());
  event.end = Offset(message.end());
  event.cause = message.cause();
  event.source_epoch = LeaderEpoch(message.source_epoch());
  return event;
}

template <class T>
bool Fits(const std::optional<T>& wanted, const T& value) {
  return !wanted || *wanted == value;
}

bool Fits(const EventFilter& filter, const Event& event) {
  return Fits(filter.kind, event.kind) && Fits(filter.link, event.link) &&
         Fits(filter.topic, event.topic) && Fits(filter.topic_id, event.topic_id) &&
         Fits(filter.partition, event.partition);
}

}  // namespace

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kGap:
      return "gap";
    case EventKind::kGeneration:
      return "generation";
    case EventKind::kDivergence:
      return "divergence";
    case EventKind::kHalted:
      return "halted";
    case EventKind::kConflict:
      return "conflict";
    case EventKind::kRetired:
      return "retired";
    case EventKind::kRollback:
      return "rollback";
    case EventKind::kSkipped:
      return "skipped";
    case EventKind::kQuarantined:
      return "quarantined";
    case EventKind::kMismatch:
      return "mismatch";
  }
  return "unknown";
}

StatusOr<std::unique_ptr<EventTable>> EventTable::Open(Store& store) {
  // From the key, not the value: a damaged newest event must not make its id be used again.
  int64_t last = 0;
  RETURN_IF_ERROR(store.Scan(TablePrefix(TableId::kEvent), ScanOrder::kDescending,
                             [&](std::string_view key, std::string_view) -> StatusOr<ScanStep> {
                               ASSIGN_OR_RETURN(last, EventIdOf(key));
                               return ScanStep::kStop;
                             }));
  return std::unique_ptr<EventTable>(new EventTable(store, last + 1));
}

StatusOr<int64_t> EventTable::Append(Event event, Sync sync) {
  event.id = next_id_.fetch_add(1);
  WriteBatch batch;
  StageRow(batch, EventKey(event.id), ToMessage(event));
  if (event.id > kMaxEvents) batch.Delete(EventKey(event.id - kMaxEvents));
  RETURN_IF_ERROR(store_.Write(batch, sync));
  return event.id;
}

StatusOr<std::vector<Event>> EventTable::List(const EventFilter& filter,
                                              std::vector<Status>* damaged) {
  std::vector<Event> events;
  if (filter.limit == 0) return events;
  RETURN_IF_ERROR(VisitRows(store_, TablePrefix(TableId::kEvent), ScanOrder::kDescending,
                            FromMessage, damaged, [&](Event event) {
                              if (Fits(filter, event)) events.push_back(std::move(event));
                              return events.size() < filter.limit ? ScanStep::kContinue
                                                                  : ScanStep::kStop;
                            }));
  return events;
}

}  // namespace atl::checkpoint
