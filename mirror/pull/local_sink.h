// The sink that is this region's own broker: a mirrored partition is one of the catalogue's, its
// records are appended on its storage shard, through the gate, beside what clients append. The only
// file of mirror/ that touches core-broker/partition.
//
// Thread-safe. One Apply posts one job per storage shard that its items touch; Done() runs on the
// request's home reactor after the last of them (on the shard's thread without one), when
// everything that succeeded is as durable as its topic asks. `durable_end` is the high watermark:
// with `durability: os` that is what a crash of the process, not of the machine, leaves.
#pragma once

#include <memory>

#include "core-broker/catalog/catalog.h"
#include "mirror/pull/sink.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

class LocalSink final : public Sink {
 public:
  // Both outlive the sink and all it opened.
  LocalSink(broker::Catalog& catalog, runtime::StorageShards& shards)
      : catalog_(catalog), shards_(shards) {}

  // kNotFound: the catalogue has no such partition. kFailedPrecondition: it is not `link`'s mirror.
  StatusOr<std::shared_ptr<SinkPartition>> Open(const LinkName& link, const TopicId& topic,
                                                PartitionId partition) override;
  void Apply(std::unique_ptr<ApplyRequest> request) override;

 private:
  broker::Catalog& catalog_;
  runtime::StorageShards& shards_;
};

}  // namespace atl::mirror
