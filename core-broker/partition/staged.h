// What the jobs of one turn left in a partition to be written and answered: its own bookkeeping
// between staging and publishing. Plain values on the partition's shard; what they point at belongs
// to the jobs and stays until the turn is over.
#pragma once

#include <vector>

#include "core-broker/partition/companion.h"
#include "core-broker/partition/leader_epochs.h"
#include "core-broker/partition/partition_types.h"
#include "core-broker/partition/transaction_index.h"
#include "runtime/storage_shards.h"

namespace atl::broker {

struct StagedClient {
  AppendOutcome* outcome;  // Null once nobody may touch it any more.
  Offset base_offset;
  Timestamp append_time;
  LeaderEpoch epoch;
  runtime::CompleteAfter after;
};
struct StagedMirror {
  MirrorOutcome* outcome;
  LinkName link;
  Offset end;
};
struct StagedMapped {
  MappedAppend* append;
  MappedOutcome* outcome;
  Offset base;
};
// What the jobs of one turn left to be written.
struct Staged {
  std::vector<StagedClient> clients;
  std::vector<StagedMirror> mirrors;
  std::vector<StagedMapped> mapped;
  std::vector<EpochStart> epochs;
  std::vector<TransactionStep> transactions;
  std::vector<Bytes> markers;  // Our own batches.
  bool empty() const {
    return clients.empty() && mirrors.empty() && mapped.empty() && markers.empty();
  }
  void Clear();
};

}  // namespace atl::broker
