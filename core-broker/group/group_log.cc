#include "core-broker/group/group_log.h"

#include <utility>

#include "base/logging.h"

namespace atl::broker {

class GroupLog::WriteJob final : public runtime::ShardJob {
 public:
  explicit WriteJob(GroupLog& log) : log_(log) {}
  void Run(runtime::ShardTurn&) override { log_.WriteAll(); }
  void Complete() override {}
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }

 private:
  GroupLog& log_;
};

GroupLog::GroupLog(checkpoint::Store& store, runtime::StorageShards& shard, Owner owner)
    : store_(store), shard_(shard), owner_(std::move(owner)) {}

GroupLog::~GroupLog() { Drain(); }

void GroupLog::Kick() {
  {
    MutexLock lock(&mutex_);
    ++kicks_;
    if (std::exchange(posted_, true)) return;
  }
  shard_.Post(0, std::make_unique<WriteJob>(*this));
}

void GroupLog::Drain() {
  MutexLock lock(&mutex_);
  while (posted_) idle_.Wait(&mutex_);
}

// Whatever came while a batch was written is the next batch.
void GroupLog::WriteAll() {
  uint64_t seen = 0;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (seen == kicks_) {
        posted_ = false;
        idle_.SignalAll();
        return;
      }
      seen = kicks_;
    }
    WriteEntries(owner_.take());
  }
}

// An entry that is prepared begins a batch of its own: it looks at what came before it.
void GroupLog::WriteEntries(std::vector<LogEntry> entries) {
  size_t begin = 0;
  while (begin < entries.size()) {
    if (entries[begin].prepare) entries[begin].prepare(entries[begin]);
    size_t end = begin + 1;
    while (end < entries.size() && !entries[end].prepare) ++end;
    WriteTogether(std::span(entries).subspan(begin, end - begin));
    begin = end;
  }
}

void GroupLog::WriteTogether(std::span<LogEntry> entries) {
  using checkpoint::GroupTable;
  checkpoint::WriteBatch batch;
  for (const LogEntry& entry : entries) {
    for (const OffsetChange& change : entry.offsets) {
      if (change.value)
        GroupTable::StageOffset(batch, change.ToRecord());
      else
        GroupTable::StageDeleteOffset(batch, change.group, change.topic, change.partition);
    }
    for (const checkpoint::GroupRecord& group : entry.groups) GroupTable::StageGroup(batch, group);
    for (const GroupId& group : entry.removed_groups) GroupTable::StageDeleteGroup(batch, group);
  }
  Status written;
  if (!batch.empty()) written = store_.Write(batch, checkpoint::Sync::kNow);
  if (written.ok())
    owner_.apply(entries);
  else
    LogError("groups", "{} changes can't be stored: {}", batch.changes.size(),
             StatusMessage(written));
  for (LogEntry& entry : entries) {
    if (entry.done) entry.done(written);
  }
}

}  // namespace atl::broker
