#include "mirror/offsets/fan_in.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"

namespace atl::mirror {
namespace {

using checkpoint::ExtentRow;
using checkpoint::ExtentTable;
using checkpoint::WriteBatch;

Failpoint fan_in_written("fanin.written");
Failpoint fan_in_noted("fanin.noted");
Failpoint fan_in_flushed("fanin.flushed");

ExtentRow ToRow(const FanInSource& source, const Extent& extent) {
  return {.source = source, .from = extent.source, .to = extent.target, .length = extent.length};
}

// Joins it to the last one where both sides go on without a hole; true: it did.
bool Join(Extent& last, const Extent& next) {
  if (last.source_end() != next.source || last.target_end() != next.target) return false;
  last.length += next.length;
  return true;
}

void AppendExtent(std::vector<Extent>& extents, const Extent& next) {
  if (extents.empty() || !Join(extents.back(), next)) extents.push_back(next);
}

// Cuts what lies at or behind `log_end` off a source; the source's position follows.
void CutSource(FanInSourceRow& row, std::vector<Extent>& extents, Offset log_end,
               WriteBatch& batch) {
  bool cut = false;
  while (!extents.empty() && extents.back().target_end() > log_end) {
    Extent& last = extents.back();
    cut = true;
    const Offset kept_to = std::max(last.target, log_end);
    row.next = std::min(row.next, last.source + (kept_to - last.target));
    last.length = kept_to - last.target;
    if (last.length > RecordCount(0)) {
      ExtentTable::StageExtent(batch, ToRow(row.source, last));
      break;
    }
    ExtentTable::StageDeleteExtent(batch, ToRow(row.source, last));
    extents.pop_back();
  }
  if (!cut) return;
  row.epoch = kNoEpoch;  // The batch that ends there is not known any more.
  row.last_batch.reset();
  std::erase_if(row.gaps, [&](const FanInSourceRow::Range& gap) { return gap.first >= row.next; });
  ExtentTable::StageSource(batch, row);
}

}  // namespace

Status FanIn::Load() {
  ASSIGN_OR_RETURN(const auto rows, table_.Targets());
  std::map<FanInTarget, Target> targets;
  for (const checkpoint::FanInTargetRow& row : rows) {
    ASSIGN_OR_RETURN(Target target, Read(row.at, row.base));
    targets.emplace(row.at, std::move(target));
  }
  MutexLock lock(&mutex_);
  targets_ = std::move(targets);
  return OkStatus();
}

Status FanIn::DropGone(const std::function<bool(const TopicId&)>& exists) {
  std::vector<FanInTarget> gone;
  {
    MutexLock lock(&mutex_);
    for (const auto& [at, target] : targets_) {
      if (!exists(at.topic)) gone.push_back(at);
    }
    for (const FanInTarget& at : gone) targets_.erase(at);
  }
  WriteBatch batch;
  for (const FanInTarget& at : gone) RETURN_IF_ERROR(table_.StageDelete(batch, at));
  return batch.empty() ? OkStatus() : table_.Write(batch);
}

Status FanIn::Flush() {
  RETURN_IF_ERROR(table_.Flush());
  return fan_in_flushed.Hit();
}

StatusOr<FanIn::Target> FanIn::Read(const FanInTarget& at, Offset base) {
  Target target;
  target.base = base;
  ASSIGN_OR_RETURN(const auto sources, table_.Sources(at));
  for (const FanInSourceRow& row : sources) {
    Source& source = target.sources[row.source];
    source.row = source.written = row;
    source.staged = row.next;
  }
  ASSIGN_OR_RETURN(const auto extents, table_.Extents(at));
  for (const ExtentRow& row : extents) {
    const auto source = target.sources.find(row.source);
    if (source == target.sources.end())
      return Corrupt("an extent of {}-{} by link {} has no position", row.source.topic.value(),
                     row.source.partition.value(), row.source.link.value());
    std::vector<Extent>& list = source->second.extents;
    if (!list.empty() && (list.back().source_end() > row.from || list.back().target_end() > row.to))
      return Corrupt("extents of {}-{} by link {} overlap at {}", row.source.topic.value(),
                     row.source.partition.value(), row.source.link.value(), row.from.value());
    list.push_back({row.from, row.to, row.length});
  }
  return target;
}

StatusOr<Offset> FanIn::Settle(const TopicId& topic, PartitionId partition, Offset log_end) {
  const FanInTarget at{topic, partition};
  Offset base = kNoOffset;
  {
    MutexLock lock(&mutex_);
    const auto found = targets_.find(at);
    if (found == targets_.end()) return log_end;
    base = found->second.base;
  }
  // The store is the truth: what was noted and never published may be there or not.
  ASSIGN_OR_RETURN(Target target, Read(at, base));
  WriteBatch batch;
  if (base > log_end) {
    base = log_end;
    ExtentTable::StageTarget(batch, {at, base});
  }
  target.base = base;
  Offset end = base;
  for (auto& [key, source] : target.sources) {
    CutSource(source.row, source.extents, log_end, batch);
    source.written = source.row;
    source.staged = source.row.next;
    if (!source.extents.empty()) end = std::max(end, source.extents.back().target_end());
  }
  if (!batch.empty()) {
    LogWarning("fan-in",
               "partition {} of topic id {}: the log ends at {}, before what was noted of it; the "
               "rest is pulled again",
               partition.value(), topic.ToString(), log_end.value());
    RETURN_IF_ERROR(table_.Write(batch));
  }
  RETURN_IF_ERROR(table_.Flush());
  if (end < log_end) {
    LogWarning("fan-in", "partition {} of topic id {}: records {} to {} have no extents; cut off",
               partition.value(), topic.ToString(), end.value(), log_end.value() - 1);
  }
  MutexLock lock(&mutex_);
  targets_[at] = std::move(target);
  return end;
}

FanIn::Source* FanIn::Find(const FanInSource& source) {
  const auto target = targets_.find(source.into);
  if (target == targets_.end()) return nullptr;
  const auto found = target->second.sources.find(source);
  return found == target->second.sources.end() ? nullptr : &found->second;
}

const FanIn::Source* FanIn::Find(const FanInSource& source) const {
  const auto target = targets_.find(source.into);
  if (target == targets_.end()) return nullptr;
  const auto found = target->second.sources.find(source);
  return found == target->second.sources.end() ? nullptr : &found->second;
}

PartitionId FanIn::PartitionFor(const TopicId& topic, const LinkName& link, const TopicName& source,
                                PartitionId source_partition, int32_t partition_count) const {
  MutexLock lock(&mutex_);
  for (auto it = targets_.lower_bound({topic, PartitionId(0)});
       it != targets_.end() && it->first.topic == topic; ++it) {
    if (it->second.sources.contains({it->first, link, source, source_partition})) {
      return it->first.partition;
    }
  }
  return PartitionId(source_partition.value() % std::max(1, partition_count));
}

std::optional<FanInSourceRow> FanIn::Position(const FanInSource& source) const {
  MutexLock lock(&mutex_);
  const Source* const found = Find(source);
  return found == nullptr ? std::nullopt : std::optional(found->row);
}

bool FanIn::Knows(const FanInTarget& target) const {
  MutexLock lock(&mutex_);
  return targets_.contains(target);
}

std::vector<FanInSource> FanIn::SourcesOf(const FanInTarget& target) const {
  std::vector<FanInSource> sources;
  MutexLock lock(&mutex_);
  const auto found = targets_.find(target);
  if (found == targets_.end()) return sources;
  for (const auto& [key, source] : found->second.sources) sources.push_back(key);
  return sources;
}

std::vector<KnownFlow> FanIn::Flows(const LinkName& link) const {
  std::map<std::pair<TopicName, TopicId>, KnownFlow> flows;
  MutexLock lock(&mutex_);
  for (const auto& [at, target] : targets_) {
    for (const auto& [key, source] : target.sources) {
      if (key.link != link) continue;
      KnownFlow& flow = flows[{key.topic, source.row.topic_id}];
      flow.name = key.topic;
      flow.id = source.row.topic_id;
      flow.target_id = at.topic;
      flow.partition_count = std::max(flow.partition_count, key.partition.value() + 1);
    }
  }
  std::vector<KnownFlow> list;
  for (auto& [key, flow] : flows) list.push_back(std::move(flow));
  return list;
}

bool FanIn::Look(const FanInSource& source, Offset log_start, Offset log_end,
                 const std::function<void(const MappedCopy&)>& look) const {
  MutexLock lock(&mutex_);
  const Source* const found = Find(source);
  if (found == nullptr) return false;
  std::vector<OffsetRange> gaps;
  for (const FanInSourceRow::Range& gap : found->row.gaps) gaps.push_back({gap.first, gap.end});
  gaps = JoinRanges(std::move(gaps));
  // The caller looked at the log a moment before.
  if (!found->extents.empty()) log_end = std::max(log_end, found->extents.back().target_end());
  look({.start = found->row.start,
        .applied_end = found->row.next,
        .target_start = log_start,
        .target_end = log_end,
        .extents = found->extents,
        .gaps = gaps});
  return true;
}

Status FanIn::Begin(const FanInSource& source, const TopicId& source_id, Offset log_end) {
  WriteBatch batch;
  Target target;
  target.base = log_end;
  bool known_target = false;
  {
    MutexLock lock(&mutex_);
    if (const Source* const found = Find(source); found && found->row.topic_id == source_id) {
      return OkStatus();
    }
    const auto found = targets_.find(source.into);
    known_target = found != targets_.end();
    if (known_target) target = found->second;
  }
  if (const auto old = target.sources.find(source); old != target.sources.end()) {
    // Its records stay; where they came from says nothing about the new generation.
    for (const Extent& extent : old->second.extents) {
      target.base = std::max(target.base, extent.target_end());
      ExtentTable::StageDeleteExtent(batch, ToRow(source, extent));
    }
  }
  ExtentTable::StageTarget(batch, {source.into, target.base});
  Source fresh;
  fresh.row.source = source;
  fresh.row.topic_id = source_id;
  fresh.written = fresh.row;
  ExtentTable::StageSource(batch, fresh.row);
  RETURN_IF_ERROR(table_.Write(batch));
  RETURN_IF_ERROR(table_.Flush());
  target.sources[source] = std::move(fresh);
  MutexLock lock(&mutex_);
  targets_[source.into] = std::move(target);
  return OkStatus();
}

Status FanIn::Restart(const FanInSource& source, Offset at) {
  FanInSourceRow row;
  {
    MutexLock lock(&mutex_);
    const Source* const found = Find(source);
    if (found == nullptr || !found->unpublished.empty()) {
      return FailedPrecondition("appends are under way");
    }
    row = found->written;
  }
  const bool began = row.last_batch.has_value() || row.next > row.start;
  if (!began) {
    // The batch that holds the first record may begin before it.
    row.start = at < row.start ? row.start : at;
  } else if (at > row.next) {
    row.gaps.push_back({row.next, at});
  }
  row.next = at;
  row.last_batch.reset();
  WriteBatch batch;
  ExtentTable::StageSource(batch, row);
  RETURN_IF_ERROR(table_.Write(batch));
  RETURN_IF_ERROR(table_.Flush());
  MutexLock lock(&mutex_);
  Source* const found = Find(source);
  found->row = row;
  found->staged = row.next;
  found->written = std::move(row);
  return OkStatus();
}

Offset FanIn::Written(const FanInSource& source) const {
  MutexLock lock(&mutex_);
  const Source* const found = Find(source);
  return found == nullptr ? kNoOffset : found->written.next;
}

Status FanIn::Stage(const FanInSource& source, Offset from, Offset to) {
  MutexLock lock(&mutex_);
  Source* const found = Find(source);
  if (found == nullptr || found->staged != from) {
    return FailedPrecondition("what is here of {}-{} ends at {}, not at {}", source.topic.value(),
                              source.partition.value(), found ? found->staged.value() : 0,
                              from.value());
  }
  found->staged = to;
  return OkStatus();
}

Status FanIn::Note(const FanInSource& source, const FanInTaken& taken, Offset base) {
  RETURN_IF_ERROR(fan_in_written.Hit());
  FanInSourceRow row;
  std::vector<Extent> fresh;
  {
    MutexLock lock(&mutex_);
    const Source* const found = Find(source);
    row = found->written;
    // The last extent may grow.
    const std::vector<Extent>& last =
        found->unpublished.empty() ? found->extents : found->unpublished;
    if (!last.empty()) fresh.push_back(last.back());
  }
  const bool has_last = !fresh.empty();
  const Extent last_before = has_last ? fresh.front() : Extent{};
  Offset target = base;
  for (const FanInTaken::Run& run : taken.runs) {
    AppendExtent(fresh, {run.source, target, run.length});
    target = target + run.length;
  }
  row.next = taken.next;
  row.epoch = taken.epoch;
  row.last_batch = taken.last_batch;
  WriteBatch batch;
  ExtentTable::StageSource(batch, row);
  const bool grew = has_last && fresh.front() != last_before;
  for (size_t i = has_last && !grew ? 1 : 0; i < fresh.size(); ++i) {
    ExtentTable::StageExtent(batch, ToRow(source, fresh[i]));
  }
  RETURN_IF_ERROR(table_.Write(batch));
  RETURN_IF_ERROR(fan_in_noted.Hit());
  MutexLock lock(&mutex_);
  Source* const found = Find(source);
  found->written = std::move(row);
  std::vector<Extent>& unpublished = found->unpublished;
  if (has_last && !unpublished.empty()) unpublished.pop_back();
  unpublished.insert(unpublished.end(), fresh.begin(), fresh.end());
  return OkStatus();
}

void FanIn::Publish(const FanInSource& source) {
  MutexLock lock(&mutex_);
  Source* const found = Find(source);
  if (found == nullptr) return;
  found->row = found->written;
  std::vector<Extent>& extents = found->extents;
  for (const Extent& extent : found->unpublished) {
    // The first one may be the last published one, grown.
    if (!extents.empty() && extents.back().source == extent.source) {
      extents.back() = extent;
    } else {
      extents.push_back(extent);
    }
  }
  found->unpublished.clear();
}

Status FanIn::Trim(const FanInSource& source, Offset source_start, Offset target_start) {
  WriteBatch batch;
  size_t gone = 0;
  Offset base;
  FanInSourceRow row;
  {
    MutexLock lock(&mutex_);
    const Source* const found = Find(source);
    if (found == nullptr || !found->unpublished.empty()) return OkStatus();
    base = targets_.at(source.into).base;
    row = found->written;
    const std::vector<Extent>& extents = found->extents;
    // The last one stays: it may grow.
    while (gone + 1 < extents.size() && extents[gone].source_end() <= source_start &&
           extents[gone].target_end() <= target_start) {
      base = std::max(base, extents[gone].target_end());
      ExtentTable::StageDeleteExtent(batch, ToRow(source, extents[gone]));
      ++gone;
    }
    if (gone == 0) return OkStatus();
    row.start = std::max(row.start, extents[gone - 1].source_end());
  }
  ExtentTable::StageTarget(batch, {source.into, base});
  ExtentTable::StageSource(batch, row);
  RETURN_IF_ERROR(table_.Write(batch));
  MutexLock lock(&mutex_);
  targets_.at(source.into).base = base;
  Source* const found = Find(source);
  found->extents.erase(found->extents.begin(),
                       found->extents.begin() + static_cast<std::ptrdiff_t>(gone));
  found->row = row;
  found->written = std::move(row);
  return OkStatus();
}

}  // namespace atl::mirror
