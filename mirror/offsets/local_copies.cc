#include "mirror/offsets/local_copies.h"

#include <algorithm>

#include "base/logging.h"
#include "mirror/offsets/partition_of.h"
#include "mirror/pull/history_end.h"
#include "mirror/pull/naming.h"

namespace atl::mirror {
namespace {

constexpr size_t kAllEvents = static_cast<size_t>(checkpoint::EventTable::kMaxEvents);

}  // namespace

LocalCopies::LocalCopies(const broker::Catalog& catalog, const Owners& owners, Events& events,
                         const FanIn& fan_in, std::vector<config::Link> links,
                         IsDiverged is_diverged)
    : catalog_(catalog),
      owners_(owners),
      events_(events),
      fan_in_(fan_in),
      is_diverged_(std::move(is_diverged)) {
  SetLinks(std::move(links));
}

void LocalCopies::SetLinks(std::vector<config::Link> links) {
  std::map<LinkName, std::shared_ptr<const config::Link>> by_name;
  for (config::Link& link : links) {
    const LinkName name = link.name;
    by_name.emplace(name, std::make_shared<const config::Link>(std::move(link)));
  }
  MutexLock lock(&mutex_);
  links_.swap(by_name);
}

std::shared_ptr<const config::Link> LocalCopies::Find(const LinkName& link) const {
  MutexLock lock(&mutex_);
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second;
}

StatusOr<LocalCopies::Book> LocalCopies::ReadEvents() const {
  std::map<std::pair<TopicId, PartitionId>, Known> book;
  using Kind = checkpoint::EventKind;
  for (const Kind kind : {Kind::kGap, Kind::kSkipped, Kind::kDivergence}) {
    checkpoint::EventFilter filter;
    filter.kind = kind;
    filter.limit = kAllEvents;
    ASSIGN_OR_RETURN(const auto events, events_.List(filter));
    for (const checkpoint::Event& event : events) {
      Known& known = book[{event.topic_id, event.partition}];
      if (kind != Kind::kDivergence) {
        known.gaps.push_back({event.first, event.end});
      } else if (!known.diverged_from) {
        known.diverged_from = event.first;  // The newest comes first.
      }
    }
  }
  for (auto& [key, known] : book) known.gaps = JoinRanges(std::move(known.gaps));
  return book;
}

std::shared_ptr<const LocalCopies::Book> LocalCopies::Recorded() const {
  const uint64_t version = events_.version();
  {
    MutexLock lock(&mutex_);
    if (version_ == version) return book_;
  }
  StatusOr<Book> read = ReadEvents();
  if (!read.ok()) {
    LogError("offsets", "events can't be read: {}", StatusMessage(read.status()));
    return nullptr;
  }
  auto fresh = std::make_shared<const Book>(*std::move(read));
  MutexLock lock(&mutex_);
  version_ = version;
  book_ = fresh;
  return fresh;
}

Translation LocalCopies::TranslateMirror(const config::Link& link, const broker::Topic& topic,
                                         PartitionId partition, Offset offset,
                                         LeaderEpoch epoch) const {
  const std::shared_ptr<broker::Partition> log = PartitionOf(topic, partition);
  if (log == nullptr) {
    return UnknownTranslation(
        fmt::format("`{}` has no partition {} here", topic.name.value(), partition.value()));
  }
  const std::shared_ptr<const Book> book = Recorded();
  if (book == nullptr) return UnknownTranslation("the events of this mirror can't be read");
  IdentityCopy copy{.start = log->offsets().log_start,
                    .applied_end = EndInHistory(owners_, topic, partition),
                    .gaps = {},
                    .diverged_from = {}};
  if (const auto known = book->find({topic.id, partition}); known != book->end()) {
    copy.gaps = known->second.gaps;
    const bool diverged =
        known->second.diverged_from && is_diverged_(link.name, topic.id, partition);
    if (diverged) copy.diverged_from = known->second.diverged_from;
  }
  const Translation translation = mirror::Translate(copy, offset);
  const auto position = log->PositionOf(offset, epoch, topic.epoch);
  if (translation.exact() && position && *position < offset) {
    return UnknownTranslation(
        fmt::format("epoch {} ends at {} here: this copy has another history from there on",
                    epoch.value(), position->value()));
  }
  return translation;
}

TranslatedOffset LocalCopies::Translate(const LinkName& link, const TopicName& topic,
                                        PartitionId partition, Offset offset,
                                        LeaderEpoch epoch) const {
  TranslatedOffset out;
  const std::shared_ptr<const config::Link> config = Find(link);
  if (config == nullptr) {
    out.translation = UnknownTranslation(fmt::format("no link `{}`", link.value()));
    return out;
  }
  const TopicName name = LocalTopicName(*config, topic);
  const auto local = catalog_.view()->Find(name);
  if (local == nullptr) {
    out.translation = UnknownTranslation(fmt::format("`{}` is not mirrored here", topic.value()));
    return out;
  }
  if (!IsFanIn(*config)) {
    out.ours = !local->is_mirror();
    if (local->link != link) {
      out.translation = UnknownTranslation(
          fmt::format("`{}` is no mirror of link `{}`", name.value(), link.value()));
      return out;
    }
    out.topic = name;
    out.partition = partition;
    out.translation = TranslateMirror(*config, *local, partition, offset, epoch);
    return out;
  }
  const PartitionId into = fan_in_.PartitionFor(local->id, link, topic, partition,
                                                static_cast<int32_t>(local->partitions.size()));
  const std::shared_ptr<broker::Partition> log = PartitionOf(*local, into);
  const FanInSource source{{local->id, into}, link, topic, partition};
  if (log == nullptr || partition < PartitionId(0)) {
    out.translation = UnknownTranslation("no such partition");
    return out;
  }
  const broker::PartitionOffsets offsets = log->offsets();
  const bool known = fan_in_.Look(
      source, offsets.log_start, offsets.high_watermark,
      [&](const MappedCopy& copy) { out.translation = mirror::Translate(copy, offset); });
  if (!known) {
    out.translation =
        UnknownTranslation(fmt::format("partition {} of `{}` does not flow into `{}` yet",
                                       partition.value(), topic.value(), name.value()));
    return out;
  }
  out.topic = name;
  out.partition = into;
  out.mapped = true;
  return out;
}

std::vector<SourceOffset> LocalCopies::TranslateBack(const LinkName& link, const TopicName& topic,
                                                     PartitionId partition, Offset offset) const {
  std::vector<SourceOffset> out;
  const std::shared_ptr<const config::Link> config = Find(link);
  const auto local = catalog_.view()->Find(topic);
  if (config == nullptr || local == nullptr) return out;
  if (!IsFanIn(*config)) {
    const auto source = SourceTopicName(*config, topic);
    if (local->link != link || !source) return out;
    out.push_back(
        {*source, partition, TranslateMirror(*config, *local, partition, offset, kNoEpoch)});
    return out;
  }
  const std::shared_ptr<broker::Partition> log = PartitionOf(*local, partition);
  if (log == nullptr || config->target_topic != topic) return out;
  for (const FanInSource& source : fan_in_.SourcesOf({local->id, partition})) {
    if (source.link != link) continue;
    const broker::PartitionOffsets offsets = log->offsets();
    SourceOffset& one = out.emplace_back();
    one.topic = source.topic;
    one.partition = source.partition;
    (void)fan_in_.Look(
        source, offsets.log_start, offsets.high_watermark,
        [&](const MappedCopy& copy) { one.translation = mirror::TranslateBack(copy, offset); });
  }
  return out;
}

}  // namespace atl::mirror
