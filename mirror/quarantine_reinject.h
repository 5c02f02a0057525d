// Produces the records of a quarantined tail to the topic's owner, as any Kafka client would, in
// slices of bounded time.
// Once: progress is durable after every confirmed batch, and the producer id and sequence of the
// next one before it is sent. A repetition after a crash sends the same batch under the same
// sequence, which the owner answers as the duplicate that it is, as long as it remembers the
// producer (24 h, and not across a move of the topic to a region that has not seen the batch).
// Runs on one reactor; what blocks runs on a blocking shard. One slice per tail at a time.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "kafka/client/client.h"
#include "mirror/quarantine_records.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

struct ReinjectContext {
  runtime::Reactor& reactor;
  runtime::StorageShards& copying;
  const Clock& clock;
  Quarantine& quarantine;
};

// Goes on where the last slice ended, until `until` or the end of the tail. What was reached, also
// when the tail is done; an error says what stands in the way, and what was confirmed stays so.
runtime::awaitable<StatusOr<ReinjectProgress>> ReinjectSlice(
    ReinjectContext context, QuarantinedTail tail, std::vector<kafka::BrokerAddress> owner,
    MonotonicTime until);

}  // namespace atl::mirror
