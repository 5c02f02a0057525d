// The catalogue's start and stop: what the table says, what the folders say, and the partitions of
// both.
#include <algorithm>
#include <charconv>

#include "base/logging.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/catalog/shard_work.h"
#include "core-broker/catalog/topic_order.h"

namespace atl::broker {
namespace {

std::string PartitionFolder(const std::string& topic_folder, int32_t partition) {
  return JoinPath(topic_folder, fmt::format("{}", partition));
}

}  // namespace

Status Catalog::Load(bool unclean, const std::set<TopicId>& kept) {
  {
    MutexLock change(&change_);
    std::vector<Status> damaged;
    ASSIGN_OR_RETURN(std::vector<checkpoint::TopicRecord> records, table_.List(&damaged));
    for (const Status& row : damaged) LogError("catalog", "{}", StatusMessage(row));
    RETURN_IF_ERROR(context_.files.CreateFolders(topics_folder()));
    RETURN_IF_ERROR(context_.files.SyncFolder(options_.data_folder));
    if (unclean) RETURN_IF_ERROR(RaiseEpochs(records, kept));
    auto next = std::make_shared<CatalogView>();
    next->version = 1;
    const auto add = [&](const checkpoint::TopicRecord& record, Partitions partitions) {
      const std::shared_ptr<const Topic> topic = MakeTopic(record, std::move(partitions));
      next->by_id[record.id] = topic;
      if (!record.frozen) next->by_name[record.name] = topic;
    };
    for (const checkpoint::TopicRecord& record : records) {
      ASSIGN_OR_RETURN(Partitions partitions, OpenPartitions(record, 0, false));
      add(record, std::move(partitions));
      records_[record.id] = record;
    }
    const std::vector<StrayFolder> strays = SweepFolders(records);
    if (records.empty() && damaged.empty()) {
      // A store without a topic over folders with logs was lost: the log wins.
      for (const StrayFolder& stray : strays) {
        ASSIGN_OR_RETURN(std::optional<Adopted> adopted, Adopt(stray, strays));
        if (!adopted) continue;
        store_was_lost_ = true;
        records_[adopted->record.id] = adopted->record;
        add(adopted->record, std::move(adopted->partitions));
      }
    }
    MutexLock lock(&mutex_);
    view_ = std::move(next);
  }
  Changed();
  return OkStatus();
}

// An owner that stopped uncleanly may have acknowledged nothing that is lost, but it can't know
// what it sent: what comes now is another epoch.
Status Catalog::RaiseEpochs(std::vector<checkpoint::TopicRecord>& records,
                            const std::set<TopicId>& kept) {
  std::vector<checkpoint::TopicRecord*> own;
  for (checkpoint::TopicRecord& record : records) {
    if (record.link.empty() && !record.frozen && !kept.contains(record.id)) own.push_back(&record);
  }
  for (checkpoint::TopicRecord* record : own) {
    record->epoch = record->epoch.Next(options_.region);
    // Batches become durable in order: the last one takes the others with it.
    const bool last = record == own.back();
    RETURN_IF_ERROR(table_.Put(*record, last ? checkpoint::Sync::kNow : checkpoint::Sync::kLazy));
  }
  return OkStatus();
}

// Removes what a deletion left, and answers the folders that no record names.
std::vector<Catalog::StrayFolder> Catalog::SweepFolders(
    const std::vector<checkpoint::TopicRecord>& records) {
  std::vector<StrayFolder> strays;
  const StatusOr<std::vector<std::string>> names = context_.files.List(topics_folder());
  if (!names.ok()) {
    LogWarning("catalog", "{}", StatusMessage(names.status()));
    return strays;
  }
  for (const std::string& name : *names) {
    const std::string path = JoinPath(topics_folder(), name);
    const bool known = std::ranges::any_of(records, [&](const checkpoint::TopicRecord& record) {
      return TopicFolder(options_.data_folder, record.name, record.id) == path;
    });
    if (known) continue;
    if (name.ends_with(kDeletedTopicSuffix)) {
      const Status removed = context_.files.RemoveTree(path);
      if (!removed.ok()) LogWarning("catalog", "{}", StatusMessage(removed));
      continue;
    }
    LogWarning("catalog", "{}: no topic of the catalogue", path);
    const size_t dot = name.rfind('.');
    if (dot == std::string::npos || dot == 0) continue;
    const std::optional<Uuid> id = Uuid::Parse(std::string_view(name).substr(dot + 1));
    if (id && !id->is_zero()) strays.push_back({TopicName(name.substr(0, dot)), *id, path});
  }
  return strays;
}

int32_t Catalog::CountPartitionFolders(const std::string& folder) const {
  const StatusOr<std::vector<std::string>> names = context_.files.List(folder);
  if (!names.ok()) return 0;
  int32_t count = 0;
  for (const std::string& name : *names) {
    int32_t number = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool whole = error == std::errc() && end == name.data() + name.size();
    if (whole && number >= 0 && number < kMostTopicPartitions) count = std::max(count, number + 1);
  }
  return count;
}

// A topic's folder after the store was lost. Ours, by the last epoch in its logs: listed again, one
// epoch higher. Another region's: left to the link, whose Create attaches to it. Of two folders of
// one name nobody can tell which was served: both are left.
StatusOr<std::optional<Catalog::Adopted>> Catalog::Adopt(const StrayFolder& stray,
                                                         const std::vector<StrayFolder>& all) {
  const auto same = std::ranges::count(all, stray.name, &StrayFolder::name);
  Adopted adopted{.record = {.name = stray.name,
                             .id = stray.id,
                             .partition_count = CountPartitionFolders(stray.path),
                             .config = {},
                             .epoch = kNoEpoch,
                             .owner = options_.region,
                             .link = {},
                             .frozen = false,
                             .generation = 1,
                             .created = context_.clock.WallNow()},
                  .partitions = {}};
  if (same > 1 || adopted.record.partition_count == 0) return std::optional<Adopted>();
  ASSIGN_OR_RETURN(adopted.partitions, OpenPartitions(adopted.record, 0, false));
  LeaderEpoch last = kNoEpoch;
  for (const auto& partition : adopted.partitions) last = std::max(last, partition->last_epoch());
  // An epoch below the first one that a region mints comes from a foreign cluster.
  const bool ours = last.owner() == options_.region && last >= LeaderEpoch::First(options_.region);
  if (!ours) {
    LogWarning("catalog", "{}: left for the link that mirrors it (last epoch {})", stray.path,
               last.value());
    return std::optional<Adopted>();
  }
  adopted.record.epoch = last.Next(options_.region);
  RETURN_IF_ERROR(table_.Put(adopted.record, checkpoint::Sync::kNow));
  LogWarning("catalog",
             "{}: the checkpoint store has lost this topic; it is listed again from its logs with "
             "{} partitions and epoch {}. Its configuration overrides are lost",
             stray.path, adopted.record.partition_count, adopted.record.epoch.value());
  return std::optional<Adopted>(std::move(adopted));
}

StatusOr<Catalog::Partitions> Catalog::OpenPartitions(const checkpoint::TopicRecord& record,
                                                      int32_t first, bool create) {
  const std::string folder = TopicFolder(options_.data_folder, record.name, record.id);
  const PartitionConfig config = options_.defaults.With(record.config).ToPartitionConfig();
  const auto count = static_cast<size_t>(std::max(0, record.partition_count - first));
  Partitions partitions(count);
  std::vector<Status> statuses(count);
  const auto open = [&](size_t slot) {
    const int32_t number = first + static_cast<int32_t>(slot);
    const Partition::Identity identity{record.name, record.id, PartitionId(number)};
    const std::string path = PartitionFolder(folder, number);
    StatusOr<bool> there = create ? StatusOr<bool>(true) : context_.files.Exists(path);
    if (there.ok() && !*there) there = NotFound("{}: the folder is missing", path);
    using Opened = StatusOr<std::shared_ptr<Partition>>;
    Opened opened =
        there.ok() ? Partition::Open(context_, identity, path, config) : Opened(there.status());
    statuses[slot] = opened.status();
    partitions[slot] =
        opened.ok() ? *std::move(opened)
                    : Partition::OpenOffline(context_, identity, path, config, statuses[slot]);
  };
  {
    ShardWork work(shards_);
    for (size_t slot = 0; slot < count; ++slot) {
      const auto number = static_cast<size_t>(first) + slot;
      work.Post(shards_.ShardOf(std::hash<TopicId>{}(record.id) + number),
                [&open, slot] { open(slot); });
    }
  }
  if (!create) return partitions;
  for (const Status& status : statuses) RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(context_.files.SyncFolder(folder));
  RETURN_IF_ERROR(context_.files.SyncFolder(topics_folder()));
  return partitions;
}

Status Catalog::Close() {
  MutexLock change(&change_);
  closed_ = true;
  const std::shared_ptr<const CatalogView> last = view();
  std::vector<std::shared_ptr<Partition>> partitions;
  for (const auto& [id, topic] : InOrder(*last)) {
    partitions.insert(partitions.end(), topic->partitions.begin(), topic->partitions.end());
  }
  std::vector<Status> statuses(partitions.size());
  {
    ShardWork work(shards_);
    for (size_t i = 0; i < partitions.size(); ++i) {
      work.Post(ShardOf(*partitions[i]), [&, i] {
        // What is offline has nothing to save; its log is read again at the next start.
        if (!partitions[i]->offline_reason().empty()) return;
        statuses[i] = partitions[i]->SaveState(checkpoint::Sync::kLazy);
      });
    }
  }
  for (const Status& status : statuses) RETURN_IF_ERROR(status);
  return OkStatus();
}

}  // namespace atl::broker
