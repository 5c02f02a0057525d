#include "core-broker/catalog/catalog.h"

#include <algorithm>

#include "base/logging.h"
#include "core-broker/catalog/shard_work.h"

namespace atl::broker {

std::string CheckTopicName(std::string_view name) {
  if (name.empty()) return "the topic name is empty";
  if (name == "." || name == "..") return fmt::format("'{}' is no topic name", name);
  if (name.size() > 249) return fmt::format("the topic name has {} characters of 249", name.size());
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '.' || c == '_' || c == '-') continue;
    return fmt::format("'{}' holds a character other than letters, digits, '.', '_' and '-'", name);
  }
  return {};
}

std::shared_ptr<const Topic> CatalogView::Find(const TopicName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

std::shared_ptr<const Topic> CatalogView::Find(const TopicId& id) const {
  const auto found = by_id.find(id);
  return found == by_id.end() ? nullptr : found->second;
}

Catalog::Catalog(Options options, const PartitionContext& context, checkpoint::TopicTable& table,
                 runtime::StorageShards& shards)
    : options_(std::move(options)),
      context_(context),
      table_(table),
      shards_(shards),
      random_(options_.seed),
      view_(std::make_shared<const CatalogView>()),
      ticking_(std::make_shared<std::atomic<int>>(0)),
      collector_(context_.metrics.AddCollector(
          [this](std::vector<MetricFamily>& out) { CollectMetrics(out); })) {
  // Present from the start: the first damage is a rise that an alert can see.
  context_.metrics.GetCounter("atoll_storage_corruptions_total", "Damage found in files of the log",
                              {{"volume", "data"}});
}

std::string Catalog::TopicFolder(const std::string& data_folder, const TopicName& name,
                                 const TopicId& id) {
  return JoinPath(JoinPath(data_folder, "topics"),
                  fmt::format("{}.{}", name.value(), id.ToString()));
}

std::string Catalog::topics_folder() const { return JoinPath(options_.data_folder, "topics"); }

int Catalog::ShardOf(const Partition& partition) const {
  const Partition::Identity& identity = partition.identity();
  const auto number = static_cast<size_t>(identity.partition.value());
  return shards_.ShardOf(std::hash<TopicId>{}(identity.topic_id) + number);
}

std::shared_ptr<const CatalogView> Catalog::view() const {
  MutexLock lock(&mutex_);
  return view_;
}

void Catalog::OnChange(std::function<void()> listener) {
  MutexLock lock(&mutex_);
  listeners_.push_back(std::move(listener));
}

void Catalog::Changed() const {
  std::vector<std::function<void()>> listeners;
  {
    MutexLock lock(&mutex_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener();
}

// --- Changes ---

CatalogOutcome Catalog::Refuse(kafka::ErrorCode error, std::string message) const {
  return {.error = error, .message = std::move(message), .topic = nullptr};
}

CatalogOutcome Catalog::StorageError(const TopicName& name, const Status& status) const {
  LogError("catalog", "{}: {}", name.value(), StatusMessage(status));
  return Refuse(kafka::ErrorCode::kKafkaStorageError, std::string(StatusMessage(status)));
}

CatalogOutcome Catalog::CheckConfig(const std::map<std::string, std::string>& config) const {
  for (const auto& [name, value] : config) {
    const Status checked = CheckTopicConfig(name, value);
    if (!checked.ok()) {
      return Refuse(kafka::ErrorCode::kInvalidConfig, std::string(StatusMessage(checked)));
    }
  }
  return {};
}

CatalogOutcome Catalog::CheckCreate(const TopicSpec& spec) const {
  if (std::string wrong = CheckTopicName(spec.name.value()); !wrong.empty()) {
    return Refuse(kafka::ErrorCode::kInvalidTopicException, std::move(wrong));
  }
  const std::shared_ptr<const CatalogView> now = view();
  if (now->Find(spec.name) != nullptr || now->Find(spec.id) != nullptr) {
    return Refuse(kafka::ErrorCode::kTopicAlreadyExists,
                  fmt::format("topic '{}' already exists", spec.name.value()));
  }
  if (spec.partition_count < 1 || spec.partition_count > kMostTopicPartitions) {
    return Refuse(kafka::ErrorCode::kInvalidPartitions,
                  fmt::format("{} partitions: 1 to {} are possible", spec.partition_count,
                              kMostTopicPartitions));
  }
  return CheckConfig(spec.config);
}

CatalogOutcome Catalog::Create(const TopicSpec& spec) {
  CatalogOutcome outcome;
  {
    MutexLock change(&change_);
    if (closed_) return Refuse(kafka::ErrorCode::kBrokerNotAvailable, "the region is stopping");
    if (CatalogOutcome checked = CheckCreate(spec); !checked.ok()) return checked;
    const bool own = spec.link.empty();
    checkpoint::TopicRecord record{.name = spec.name,
                                   .id = spec.id.is_zero() ? Uuid::Generate(random_) : spec.id,
                                   .partition_count = spec.partition_count,
                                   .config = spec.config,
                                   .epoch = spec.epoch,
                                   .owner = own ? options_.region : spec.owner,
                                   .link = spec.link,
                                   .frozen = false,
                                   .generation = 1,
                                   .created = context_.clock.WallNow()};
    if (own && record.epoch == kNoEpoch) record.epoch = LeaderEpoch::First(options_.region);
    for (const auto& [id, other] : records_) {
      if (other.name != record.name) continue;
      record.generation = std::max(record.generation, other.generation + 1);
    }
    // The folders first: a row must never name what a crash took back.
    // A folder of this very id is there when the store was lost: its logs are attached.
    const std::string folder = TopicFolder(options_.data_folder, record.name, record.id);
    const StatusOr<bool> attached = context_.files.Exists(folder);
    if (!attached.ok()) return StorageError(record.name, attached.status());
    if (*attached) {
      record.partition_count = std::max(record.partition_count, CountPartitionFolders(folder));
    }
    StatusOr<Partitions> opened = OpenPartitions(record, 0, true);
    if (!opened.ok() && !*attached) {
      const Status removed = context_.files.RemoveTree(folder);
      if (!removed.ok()) LogWarning("catalog", "{}", StatusMessage(removed));
    }
    if (!opened.ok()) return StorageError(record.name, opened.status());
    outcome = Commit(record, *std::move(opened));
  }
  if (outcome.ok()) Changed();
  return outcome;
}

CatalogOutcome Catalog::Commit(const checkpoint::TopicRecord& record, Partitions partitions) {
  const Status put = table_.Put(record, checkpoint::Sync::kNow);
  if (!put.ok()) return StorageError(record.name, put);
  records_[record.id] = record;
  std::shared_ptr<const Topic> topic = MakeTopic(record, std::move(partitions));
  Show(record.id, topic);
  return {.message = {}, .topic = std::move(topic)};
}

std::shared_ptr<const Topic> Catalog::MakeTopic(const checkpoint::TopicRecord& record,
                                                Partitions partitions) const {
  return std::make_shared<const Topic>(Topic{.name = record.name,
                                             .id = record.id,
                                             .config = options_.defaults.With(record.config),
                                             .epoch = record.epoch,
                                             .owner = record.owner,
                                             .link = record.link,
                                             .frozen = record.frozen,
                                             .partitions = std::move(partitions)});
}

// Null: the topic is gone.
void Catalog::Show(const TopicId& id, std::shared_ptr<const Topic> topic) {
  auto next = std::make_shared<CatalogView>(*view());
  ++next->version;
  if (const std::shared_ptr<const Topic> before = next->Find(id); before != nullptr) {
    if (next->Find(before->name) == before) next->by_name.erase(before->name);
    next->by_id.erase(id);
  }
  if (topic != nullptr) {
    next->by_id[id] = topic;
    if (!topic->frozen) next->by_name[topic->name] = topic;
  }
  MutexLock lock(&mutex_);
  view_ = std::move(next);
}

CatalogOutcome Catalog::Delete(const TopicId& id) {
  std::shared_ptr<const Topic> topic;
  {
    MutexLock change(&change_);
    CatalogOutcome found = FindForChange(id);
    if (!found.ok()) return found;
    topic = std::move(found.topic);
    const Status deleted = table_.Delete(id, checkpoint::Sync::kNow);
    if (!deleted.ok()) return StorageError(topic->name, deleted);
    records_.erase(id);
    Show(id, nullptr);
    {
      ShardWork work(shards_);
      for (const auto& partition : topic->partitions) {
        work.Post(ShardOf(*partition), [partition] { partition->Close(); });
      }
    }
    checkpoint::WriteBatch states;
    for (const auto& partition : topic->partitions) {
      checkpoint::PartitionStateTable::StageDelete(states, id, partition->identity().partition);
    }
    const std::string folder = TopicFolder(options_.data_folder, topic->name, id);
    const std::string doomed = folder + std::string(kDeletedTopicSuffix);
    Status removed = context_.states.Write(states, checkpoint::Sync::kLazy);
    if (removed.ok()) removed = context_.files.Rename(folder, doomed);
    if (removed.ok()) removed = context_.files.SyncFolder(topics_folder());
    if (removed.ok()) removed = context_.files.RemoveTree(doomed);
    // The topic is gone all the same; the next start sweeps what is marked.
    if (!removed.ok()) LogWarning("catalog", "{}: {}", folder, StatusMessage(removed));
  }
  Changed();
  return {.message = {}, .topic = std::move(topic)};
}

CatalogOutcome Catalog::Grow(const TopicId& id, int32_t partition_count) {
  CatalogOutcome outcome;
  {
    MutexLock change(&change_);
    CatalogOutcome found = FindForChange(id);
    if (!found.ok()) return found;
    checkpoint::TopicRecord record = records_.at(id);
    if (partition_count <= record.partition_count || partition_count > kMostTopicPartitions) {
      return Refuse(
          kafka::ErrorCode::kInvalidPartitions,
          fmt::format("topic '{}' has {} partitions; {} is no growth up to {}", record.name.value(),
                      record.partition_count, partition_count, kMostTopicPartitions));
    }
    const int32_t first = record.partition_count;
    record.partition_count = partition_count;
    StatusOr<Partitions> opened = OpenPartitions(record, first, true);
    if (!opened.ok()) return StorageError(record.name, opened.status());
    Partitions partitions = found.topic->partitions;
    partitions.insert(partitions.end(), opened->begin(), opened->end());
    outcome = Commit(record, std::move(partitions));
  }
  if (outcome.ok()) Changed();
  return outcome;
}

CatalogOutcome Catalog::FindForChange(const TopicId& id) const {
  if (closed_) return Refuse(kafka::ErrorCode::kBrokerNotAvailable, "the region is stopping");
  std::shared_ptr<const Topic> topic = view()->Find(id);
  if (topic == nullptr) {
    return Refuse(kafka::ErrorCode::kUnknownTopicId, fmt::format("no topic {}", id.ToString()));
  }
  return {.message = {}, .topic = std::move(topic)};
}

CatalogOutcome Catalog::SetConfig(const TopicId& id,
                                  const std::map<std::string, std::string>& overrides) {
  CatalogOutcome outcome;
  {
    MutexLock change(&change_);
    CatalogOutcome found = FindForChange(id);
    if (!found.ok()) return found;
    if (CatalogOutcome checked = CheckConfig(overrides); !checked.ok()) return checked;
    checkpoint::TopicRecord record = records_.at(id);
    if (record.config == overrides) return found;
    record.config = overrides;
    outcome = Commit(record, found.topic->partitions);
    if (!outcome.ok()) return outcome;
    const PartitionConfig config = outcome.topic->config.ToPartitionConfig();
    ShardWork work(shards_);
    for (const auto& partition : outcome.topic->partitions) {
      work.Post(ShardOf(*partition), [partition, config] { partition->SetConfig(config); });
    }
  }
  Changed();
  return outcome;
}

CatalogOutcome Catalog::SetEpoch(const TopicId& id, LeaderEpoch epoch) {
  CatalogOutcome outcome;
  {
    MutexLock change(&change_);
    CatalogOutcome found = FindForChange(id);
    if (!found.ok()) return found;
    checkpoint::TopicRecord record = records_.at(id);
    if (!found.topic->is_mirror()) {
      return Refuse(kafka::ErrorCode::kPolicyViolation,
                    fmt::format("topic '{}' is this region's own", record.name.value()));
    }
    if (epoch == record.epoch) return found;
    if (epoch < record.epoch) {
      return Refuse(kafka::ErrorCode::kFencedLeaderEpoch,
                    fmt::format("topic '{}' is at epoch {}, not {}", record.name.value(),
                                record.epoch.value(), epoch.value()));
    }
    record.epoch = epoch;
    outcome = Commit(record, found.topic->partitions);
  }
  if (outcome.ok()) Changed();
  return outcome;
}

CatalogOutcome Catalog::Freeze(const TopicId& id) {
  CatalogOutcome outcome;
  {
    MutexLock change(&change_);
    CatalogOutcome found = FindForChange(id);
    if (!found.ok() || found.topic->frozen) return found;
    checkpoint::TopicRecord record = records_.at(id);
    record.frozen = true;
    outcome = Commit(record, found.topic->partitions);
  }
  if (outcome.ok()) Changed();
  return outcome;
}

}  // namespace atl::broker
