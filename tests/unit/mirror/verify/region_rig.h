// A region with one topic of two partitions, all in memory, whose logs a test fills batch by batch.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/memory_file.h"
#include "base/metrics.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/ownership/gate.h"
#include "mirror/pull/local_sink.h"
#include "mirror/verify/compare.h"
#include "mirror/verify/log_digest.h"
#include "runtime/storage_shards.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror::test {

inline const LinkName kLink("from-us-east");
inline const TopicId kTopic(std::array<uint8_t, 16>{7});

struct RegionRig {
  RegionRig() {
    files.CreateFolders("/data").IgnoreError();
    REQUIRE(catalog.Load(false).ok());
    gate.Follow(catalog);
    broker::TopicSpec spec;
    spec.name = TopicName("orders");
    spec.id = kTopic;
    spec.partition_count = 2;
    spec.epoch = LeaderEpoch(257);
    spec.owner = RegionOrdinal(1);
    spec.link = kLink;
    REQUIRE(catalog.Create(spec).ok());
  }

  struct Request final : ApplyRequest {
    std::vector<ApplyItem>* out = nullptr;
    void Done() override { *out = std::move(items); }
  };
  void Apply(ApplyItem item, int32_t partition) {
    item.target = *sink.Open(kLink, kTopic, PartitionId(partition));
    std::vector<ApplyItem> answered;
    auto request = std::make_unique<Request>();
    request->items.push_back(std::move(item));
    request->out = &answered;
    sink.Apply(std::move(request));
    REQUIRE(answered.front().status.ok());
  }
  void Append(const BatchSpec& spec, int32_t partition = 0) {
    const Bytes bytes = MakeBatch(spec);
    ApplyItem item;
    item.batches = {*kafka::BatchView::Parse(bytes)};
    Apply(std::move(item), partition);
  }
  // `count` batches of two records from offset `from` on.
  void Fill(int64_t from, int count, int32_t partition = 0) {
    for (int i = 0; i < count; ++i) Append({.base = from + 2 * i, .count = 2}, partition);
  }
  void TrimTo(int64_t start, int32_t partition = 0) {
    ApplyItem item;
    item.log_start = Offset(start);
    Apply(std::move(item), partition);
  }
  std::shared_ptr<broker::Partition> At(int32_t partition = 0) {
    return FindPartition(*catalog.view(), kTopic, PartitionId(partition));
  }
  VerifyTarget Target(int32_t partition = 0) {
    VerifyTarget target;
    target.name = TopicName("orders");
    target.topic = kTopic;
    target.source_topic = kTopic;
    target.partition = PartitionId(partition);
    target.applied_end = At(partition)->offsets().high_watermark;
    return target;
  }

  ManualClock clock;
  Metrics metrics;
  MemoryFileSystem files;
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::PartitionStateTable states{store};
  runtime::StorageShards shards{0, files, "/data", metrics};
  CatalogGate gate{RegionOrdinal(2)};
  broker::Catalog catalog{
      {.data_folder = "/data", .region = RegionOrdinal(2), .defaults = {}, .seed = 1},
      {.files = files, .clock = clock, .metrics = metrics, .states = states, .gate = gate},
      topics,
      shards};
  LocalSink sink{catalog, shards};
};

}  // namespace atl::mirror::test
