// The durable memory of links: gaps, divergences, halts, generations, conflicts. A mirror reports
// an event, its shell records it here before it goes on, an operator reads it after the fact.
//
// Thread-safe; Record and List block on the store, so they run on a blocking shard, never on a
// reactor. Recording what is already there (the same kind and range of the same partition: a
// restart finds its old gap again) is OK and stores nothing. On an error nothing was stored and the
// caller keeps the event and tries again; counters count stored events only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "checkpoint/event_table.h"
#include "mirror/watch/link_counters.h"
#include "mirror/watch/mirror_status.h"

namespace atl::mirror {

class Events {
 public:
  // Both outlive this.
  Events(checkpoint::EventTable& table, Metrics& metrics) : table_(table), counters_(metrics) {}

  // Durable on OK. A key with partition -1 is about the whole topic.
  Status Record(const MirrorKey& key, const MirrorEvent& event, WallTime time);

  // Newest first.
  StatusOr<std::vector<checkpoint::Event>> List(const checkpoint::EventFilter& filter) {
    return table_.List(filter);
  }
  // A topic that may have events: from now on what counts them is there, so that a rate is 0 and
  // not nothing.
  void Announce(const LinkName& link, const TopicName& topic);
  // Events are counted here, and whatever else is about links.
  LinkCounters& counters() { return counters_; }
  // Rises with every event that is stored: whoever keeps a view of them looks again.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  StatusOr<bool> IsKnown(const checkpoint::Event& event);
  // Null: events of this kind are not counted.
  std::shared_ptr<Counter> CounterOf(const LinkName& link, const TopicName& topic,
                                     checkpoint::EventKind kind);
  void Count(const checkpoint::Event& event);

  checkpoint::EventTable& table_;
  LinkCounters counters_;
  std::atomic<uint64_t> version_{1};
};

}  // namespace atl::mirror
