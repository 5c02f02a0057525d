// The owner's side of verification: answers peers' requests for digests of our logs. The work runs
// on a shard of its own, never on the control reactor, and not on the one where our own links wait
// for their peers: two regions that ask each other would else wait for each other.
#pragma once

#include <atomic>
#include <memory>

#include "core-broker/catalog/catalog.h"
#include "mirror/control/rooms.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

class DigestService {
 public:
  // Requests beyond these are refused: whoever asks waits for its answers.
  static constexpr int kMostAtOnce = 16;

  // Both outlive this and the control plane; `shards` is stopped after the plane.
  DigestService(const broker::Catalog& catalog, runtime::StorageShards& shards, int shard)
      : catalog_(catalog), shards_(shards), shard_(shard) {}

  void Join(ControlRooms& rooms);
  // Replies once, from another thread.
  void Answer(DigestsRequest request, ControlRooms::Reply reply);

 private:
  const broker::Catalog& catalog_;
  runtime::StorageShards& shards_;
  const int shard_;
  const std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace atl::mirror
