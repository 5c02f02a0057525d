// A partition with everything it leans on in memory: files that lose what was not synced, a store
// with the same habit, a clock turned by hand, a gate that says what the test wants, and inline
// shards. Crash() is a power cut; Start() is the next process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failpoint.h"
#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "core-broker/partition/partition.h"
#include "kafka/record/batch_builder.h"
#include "kafka/record/record_reader.h"

#include <catch2/catch.hpp>

namespace atl::broker::test {

class SettableGate final : public OwnershipGate {
 public:
  GateAnswer AdmitClient(const TopicId&) const override { return answer; }
  GateAnswer AdmitMirror(const TopicId&, const LinkName&) const override { return answer; }
  GateAnswer answer{.message = {}, .epoch = LeaderEpoch(257)};
};

struct BatchSpec {
  std::vector<std::string> values;
  Timestamp timestamp{1'000};
  kafka::BatchBuilder::Options options{};
};

inline Bytes MakeBatch(const BatchSpec& spec) {
  kafka::BatchBuilder builder(spec.options);
  for (const std::string& value : spec.values) {
    builder.Add(spec.timestamp, {}, AsBytes(value));
  }
  StatusOr<Bytes> batch = builder.Build();
  REQUIRE(batch.ok());
  return *std::move(batch);
}

inline BatchSpec Idempotent(std::vector<std::string> values, int32_t sequence, int64_t producer = 7,
                            int16_t epoch = 0) {
  BatchSpec spec{.values = std::move(values)};
  spec.options.producer_id = ProducerId(producer);
  spec.options.producer_epoch = ProducerEpoch(epoch);
  spec.options.base_sequence = Sequence(sequence);
  return spec;
}

struct StoredRecord {
  Offset offset;
  std::string value;
  LeaderEpoch epoch = kNoEpoch;
  friend bool operator==(const StoredRecord&, const StoredRecord&) = default;
};

struct World {
  explicit World(uint64_t seed = 1) : files(seed), random(seed) {
    config.log.index_interval = ByteCount(64);
    clock.JumpWall(std::chrono::hours(1));
  }

  PartitionContext context() { return {files, clock, metrics, states, gate}; }
  Partition::Identity identity() const { return {TopicName("orders"), topic_id, PartitionId(0)}; }

  StatusOr<std::shared_ptr<Partition>> TryStart() {
    shards = std::make_unique<runtime::StorageShards>(0, files, "/data", metrics);
    return Partition::Open(context(), identity(), folder, config);
  }
  void Start() {
    StatusOr<std::shared_ptr<Partition>> opened = TryStart();
    INFO(StatusMessage(opened.status()));
    REQUIRE(opened.ok());
    partition = *std::move(opened);
  }
  // A power cut at this very moment.
  void Crash(MemoryFileSystem::Unsynced unsynced) {
    files.Crash(unsynced);
    store.Crash(random);
  }
  void Restart(MemoryFileSystem::Unsynced unsynced = MemoryFileSystem::Unsynced::kLost) {
    Crash(unsynced);
    partition.reset();
    Start();
  }

  // One job in one turn; several within Hold() and Release() share theirs.
  template <class Work>
  void OnShard(Work work);
  void Hold() { shards->Hold(); }
  void Release() { shards->Release(); }

  AppendOutcome Append(const BatchSpec& spec) {
    AppendOutcome outcome;
    Bytes batch = MakeBatch(spec);
    OnShard([&](Partition& p) { p.StageAppend(batch, outcome); });
    return outcome;
  }
  AppendOutcome Append(std::vector<std::string> values) {
    return Append(BatchSpec{.values = std::move(values)});
  }
  MirrorOutcome Mirror(const std::vector<Bytes>& batches) {
    MirrorOutcome outcome;
    std::vector<kafka::BatchView> views;
    for (const Bytes& batch : batches) {
      const StatusOr<kafka::BatchView> view = kafka::BatchView::Parse(batch);
      REQUIRE(view.ok());
      views.push_back(*view);
    }
    OnShard([&](Partition& p) { p.StageMirrorAppend(LinkName("from-us"), views, outcome); });
    return outcome;
  }

  // Every record from `from` to the end of what `isolation` may see, by small fetches.
  std::vector<StoredRecord> ReadAll(Offset from = Offset(0), ByteCount max_bytes = ByteCount(200),
                                    Isolation isolation = Isolation::kReadUncommitted) const;
  std::vector<std::string> Values(Offset from = Offset(0)) const {
    std::vector<std::string> values;
    for (const StoredRecord& record : ReadAll(from)) values.push_back(record.value);
    return values;
  }
  std::vector<std::string> Files() const {
    StatusOr<std::vector<std::string>> names = files.List(folder);
    REQUIRE(names.ok());
    return *std::move(names);
  }
  // The active segment's log.
  std::string LastLog() const {
    std::string last;
    for (const std::string& name : Files()) {
      if (name.ends_with(".log")) last = name;
    }
    return JoinPath(folder, last);
  }
  Bytes ReadBytes(const ReadOutcome& outcome) const {
    Bytes bytes;
    for (const FileSlice& slice : outcome.slices) {
      const size_t at = bytes.size();
      bytes.resize(at + static_cast<size_t>(slice.length.value()));
      const StatusOr<size_t> got =
          slice.file->ReadAt(slice.position, MutableBytes(bytes).subspan(at));
      REQUIRE(got.ok());
      REQUIRE(*got == bytes.size() - at);
    }
    return bytes;
  }

  mutable MemoryFileSystem files;
  Random random;
  ManualClock clock;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::PartitionStateTable states{store};
  SettableGate gate;
  TopicId topic_id{Uuid({1, 2, 3})};
  std::string folder = "/data/topics/orders/0";
  PartitionConfig config;
  std::unique_ptr<runtime::StorageShards> shards;
  std::shared_ptr<Partition> partition;
};

template <class Work>
class WorkJob final : public runtime::ShardJob {
 public:
  WorkJob(std::shared_ptr<Partition> partition, Work work)
      : partition_(std::move(partition)), work_(std::move(work)) {}
  void Run(runtime::ShardTurn& turn) override {
    turn.Touch(partition_);
    work_(*partition_);
  }
  void Complete() override {}

 private:
  const std::shared_ptr<Partition> partition_;
  Work work_;
};

template <class Work>
void World::OnShard(Work work) {
  shards->Post(0, std::make_unique<WorkJob<Work>>(partition, std::move(work)));
}

inline std::vector<StoredRecord> World::ReadAll(Offset from, ByteCount max_bytes,
                                                Isolation isolation) const {
  std::vector<StoredRecord> records;
  Offset next = std::max(from, partition->offsets().log_start);
  while (true) {
    const ReadOutcome outcome = partition->Read({.offset = next,
                                                 .max_bytes = max_bytes,
                                                 .whole_first_batch = true,
                                                 .isolation = isolation});
    REQUIRE(outcome.error == kafka::ErrorCode::kNone);
    if (outcome.slices.empty()) return records;
    const Bytes bytes = ReadBytes(outcome);
    REQUIRE(static_cast<int64_t>(bytes.size()) == outcome.bytes.value());
    for (BytesView rest = bytes; !rest.empty();) {
      const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(rest);
      REQUIRE(batch.ok());  // Whole batches only.
      REQUIRE(batch->CrcMatches());
      rest = rest.subspan(batch->bytes().size());
      REQUIRE(batch->header().next_offset() > next);
      StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(*batch);
      REQUIRE(reader.ok());
      kafka::Record record;
      while (*reader->Next(record)) {
        if (record.offset < next) continue;
        records.push_back({record.offset, std::string(AsText(record.value.value_or(BytesView{}))),
                           batch->header().leader_epoch});
      }
      next = batch->header().next_offset();
    }
  }
}

}  // namespace atl::broker::test
