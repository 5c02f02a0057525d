// Real files, a real shard thread, and readers that never wait for it: for TSan, and for the
// invariant that no reader ever sees less than it saw before, or a half batch.
#include <atomic>
#include <thread>

#include "tests/support/temp_folder.h"
#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

constexpr int kAppends = 400;

// Catch's assertions are not thread-safe: a reader reports what it saw by its result.
std::string ReadToEnd(const Partition& partition) {
  Offset next(0);
  Offset seen(0);
  while (next < Offset(kAppends)) {
    const PartitionOffsets offsets = partition.offsets();
    if (offsets.high_watermark < seen) return "the high watermark fell";
    if (offsets.high_watermark > offsets.durable_end) return "visible before it was durable";
    seen = offsets.high_watermark;
    const ReadOutcome outcome = partition.Read({.offset = next, .max_bytes = ByteCount(5'000)});
    if (outcome.error != kafka::ErrorCode::kNone) return "a read failed";
    for (const FileSlice& slice : outcome.slices) {
      Bytes bytes(static_cast<size_t>(slice.length.value()));
      if (!slice.file->ReadAt(slice.position, bytes).ok()) return "the file failed";
      for (BytesView rest = bytes; !rest.empty();) {
        const auto batch = kafka::BatchView::Parse(rest);
        if (!batch.ok() || !batch->CrcMatches()) return "half a batch";
        if (batch->header().base_offset != next) return "a hole";
        next = batch->header().next_offset();
        rest = rest.subspan(batch->bytes().size());
      }
    }
    if (next > Offset(0) && partition.BytesFrom(next - RecordCount(1)) <= ByteCount(0) &&
        next < seen) {
      return "bytes are missing";
    }
    const auto found = partition.FindTimestamp(Timestamp(0), Isolation::kReadCommitted);
    if (!found.ok()) return "a look-up failed";
  }
  return {};
}

class AppendJob final : public runtime::ShardJob {
 public:
  AppendJob(std::shared_ptr<Partition> partition, Bytes batch, std::atomic<int>& good)
      : partition_(std::move(partition)), batch_(std::move(batch)), good_(good) {}
  void Run(runtime::ShardTurn& turn) override {
    turn.Touch(partition_);
    partition_->StageAppend(batch_, outcome_);
    if (good_.load() % 50 == 49) partition_->SaveState(checkpoint::Sync::kLazy).IgnoreError();
  }
  void Complete() override {
    if (outcome_.error == kafka::ErrorCode::kNone) good_.fetch_add(1);
  }

 private:
  const std::shared_ptr<Partition> partition_;
  Bytes batch_;
  AppendOutcome outcome_;
  std::atomic<int>& good_;
};

}  // namespace

TEST_CASE("Readers on other threads see whole batches in order while a shard appends",
          "[threads]") {
  const TempFolder folder;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::PartitionStateTable states(store);
  const OpenGate gate;
  PartitionConfig config;
  config.log.segment_bytes = ByteCount(20'000);
  config.log.index_interval = ByteCount(500);
  runtime::StorageShards shards(1, PosixFileSystem(), folder.path(), metrics);
  const auto partition =
      *Partition::Open(PartitionContext{PosixFileSystem(), SystemClock(), metrics, states, gate},
                       {TopicName("orders"), TopicId(Uuid({9})), PartitionId(0)},
                       JoinPath(folder.path(), "0"), config);
  std::atomic<int> good{0};
  std::vector<std::string> faults(3);
  std::vector<std::thread> readers;
  for (std::string& fault : faults) {
    readers.emplace_back([&fault, &partition] { fault = ReadToEnd(*partition); });
  }
  for (int i = 0; i < kAppends; ++i) {
    Bytes batch = test::MakeBatch({.values = {std::string(300, 'x')}});
    shards.Post(0, std::make_unique<AppendJob>(partition, std::move(batch), good));
  }
  for (std::thread& reader : readers) reader.join();
  shards.Stop();
  REQUIRE(good.load() == kAppends);
  for (const std::string& fault : faults) REQUIRE(fault.empty());
}

}  // namespace atl::broker
