// The sink of a fan-in link: what is pulled from a source partition is merged into one partition of
// a topic of this region, at offsets of its own. To the state machine it looks like any sink, in
// the source's offsets: its end is the position that the extents remember (fan_in.h).
//
// Left out: control batches, batches of aborted transactions (as the fetch answer named them), and
// records below where the mirror began. What is kept is copied, made free of its producer, and
// otherwise stays as it is, compressed too. Thread-safe like every sink; of one partition Apply and
// End run on its link's reactor.
#pragma once

#include <map>
#include <memory>

#include "base/mutex.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/pull/sink.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

// Where a source's topic flows.
struct FanInFlow {
  TopicName source;  // Its name there.
  TopicId target;    // Here.
};

class FanInSink final : public Sink {
 public:
  // All outlive the sink and what it opened.
  FanInSink(broker::Catalog& catalog, runtime::StorageShards& shards, FanIn& fan_in)
      : catalog_(catalog), shards_(shards), fan_in_(fan_in) {}

  // Before its partitions are opened; `source_id`: of this generation of the source's topic.
  void Flow(const TopicId& source_id, FanInFlow flow);

  // `topic` and `partition` are the source's. kNotFound: no flow, or the target is gone.
  StatusOr<std::shared_ptr<SinkPartition>> Open(const LinkName& link, const TopicId& topic,
                                                PartitionId partition) override;
  void Apply(std::unique_ptr<ApplyRequest> request) override;

 private:
  broker::Catalog& catalog_;
  runtime::StorageShards& shards_;
  FanIn& fan_in_;
  Mutex mutex_;  // A leaf.
  std::map<TopicId, FanInFlow> flows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
