// Consumer groups' offsets across regions: the shell around GroupBook. At an owner it sends what
// groups commit to its topics to every connected peer (a snapshot first, then changes, gathered for
// a tick); at a target it takes what owners send, or what a poll found, translates it and places
// it, and remembers durably what it last knew.
//
// Threads. The book and all that blocks (placing, the store) live on one blocking shard of its own.
// On... functions only note and may be called from any thread, reactors included. Questions and
// SyncNow, ClampTo wait for that shard: any thread but a reactor, a listener or that shard.
// Failure: what could not be placed or saved stays due and is tried again with the next tick.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/status.h"
#include "base/types.h"
#include "checkpoint/group_knowledge_table.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/committed_offset.h"
#include "mirror/control/messages.h"
#include "mirror/control/rooms.h"
#include "mirror/offsets/group_book.h"
#include "mirror/offsets/group_poll.h"
#include "mirror/offsets/local_copies.h"
#include "mirror/watch/mirror_status.h"
#include "region-config/link.h"
#include "region-config/topic_filter.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"
#include "runtime/task_group.h"

namespace atl::mirror {

class GroupSync {
 public:
  // ControlPlane::Send.
  using Send = std::function<bool(const RegionName& peer, const ControlMessage& message)>;
  // All outlive this.
  struct Room {
    runtime::Reactor& reactor;
    runtime::StorageShards& blocking;  // One thread, nobody else's.
    const Clock& clock;
    Metrics& metrics;
    broker::Catalog& catalog;
    broker::CommittedOffsets& offsets;
    checkpoint::Store& store;
    const LocalCopies& copies;
    Send send;
  };
  GroupSync(const Room& room, const std::vector<config::Link>& links, uint64_t seed);
  ~GroupSync();

  // Before Start: what was known before. Registers with the coordinator, so before it serves.
  Status Restore();
  // Before the plane starts: what peers say of groups, and ask of them, comes here.
  void Join(ControlRooms& rooms);
  // From the main thread, with the reactor running.
  void Start();
  void Stop();
  // A reload, between Start and Stop, from one other thread at a time. What was known of a link's
  // groups stays known; of a link that is new or changed all is asked again.
  void SetLinks(const std::vector<config::Link>& links);

  // --- What happens. Any thread; returns at once ---
  void OnPeerConnected(const RegionName& peer);
  void OnPeerGone(const RegionName& peer);
  void OnCommits(const RegionName& peer, GroupCommits commits);
  // The whole of what a poll of the link's source found.
  void OnPolled(const LinkName& link, std::vector<GroupCommit> commits);
  // The control plane brings this link's groups: no poll is needed.
  bool Fed(const LinkName& link) const;
  // The link's source has told of its groups since this process started, and what could be placed
  // was tried: Knowledge() says which groups are in the way.
  bool HasNews(const LinkName& link) const;

  // --- Blocking ---
  // What is known of groups at the link's source, of all topics when none is named (source names).
  std::vector<GroupKnowledge> Knowledge(const LinkName& link,
                                        std::vector<TopicName> topics = {}) const;
  // The final sync of a planned move, after the fence and the drain: `commits` is all that the
  // owner has for the topics that they name, and is placed exactly as it is translated. An error:
  // something of it could not be translated or placed, and what.
  Status SyncNow(const LinkName& link, std::vector<GroupCommit> commits);
  // No group keeps an offset above the cut in this topic (of this region), where the log ends or
  // will, nor one of a history that is not this log's. Durable when OK; answers which offsets were
  // moved, none when it is repeated.
  StatusOr<std::vector<GroupClamp>> ClampTo(const TopicName& topic, PartitionId partition,
                                            Offset cut);
  // This region's log is about to be cut there: ClampTo, and before it the members that read the
  // topic are sent back to what is committed, so that none commits a position of the tail later.
  StatusOr<std::vector<GroupClamp>> OnCut(const TopicName& topic, PartitionId partition,
                                          Offset cut);
  // At the owner: what its groups have committed to these of its topics.
  GroupsAnswer Groups(const GroupsRequest& request) const;
  // One tick, in this thread's time. For tests; Start() does it by itself.
  void Tick();

 private:
  struct Connected {
    RegionName peer;
  };
  struct Gone {
    RegionName peer;
  };
  struct Heard {
    RegionName peer;
    GroupCommits commits;
  };
  struct Polled {
    LinkName link;
    std::vector<GroupCommit> commits;
  };
  using Happening = std::variant<Connected, Gone, Heard, Polled>;
  struct LinkRoom {
    config::Link config;
    config::TopicFilter topics;
    config::TopicFilter groups;
  };
  struct Peer {
    uint64_t sent = 0;  // Messages, since it connected.
  };
  // A link now; other threads see a copy, refreshed about once a second.
  struct LinkNow {
    GroupBook::Counts counts;
    std::optional<WallTime> last_news;  // A poll, or a message; nothing: never.
    uint64_t heard = 0;                 // The number of the owner's last message.
    bool broken = false;                // One is missing: until it connects again, it is polled.
    bool fed = false;
  };

  // The poll of a link's source, with tasks of its own, as it goes when its link does.
  struct Polling {
    Polling(runtime::Reactor& reactor, const config::Link& link, std::unique_ptr<GroupPoll> p)
        : tasks(reactor, "group poll " + link.name.value()), poll(std::move(p)) {}
    runtime::TaskGroup tasks;
    const std::unique_ptr<GroupPoll> poll;
  };

  runtime::awaitable<void> Run();
  static LinkRoom MakeRoom(const config::Link& link);
  void StartPoll(const config::Link& link);
  void StopPoll(const LinkName& link);
  void Note(Happening happening);

  // On the shard.
  void Turn();
  void Take(const Connected& event);
  void Take(const Gone& event);
  void Take(const Heard& event);
  void Take(const Polled& event);
  void SendChanges(std::vector<broker::CommittedOffset> changes);
  GroupCommit ToCommit(const broker::CommittedOffset& offset) const;
  Offset PositionHere(const broker::CommittedOffset& offset) const;
  void SendSnapshot(const RegionName& peer);
  void SendTo(const RegionName& peer, GroupCommits::Part part, std::vector<GroupCommit> commits);
  bool Owns(const TopicName& topic) const;
  std::vector<GroupCommit> Wanted(const LinkRoom& link, std::span<const GroupCommit> all) const;
  void PlaceDue(bool all);
  void Save();
  void Publish();
  Status SyncOnShard(const LinkRoom& link, std::span<const GroupCommit> commits);
  StatusOr<std::vector<GroupClamp>> ClampOnShard(const TopicName& topic, PartitionId partition,
                                                 Offset cut);
  void Collect(std::vector<MetricFamily>& out) const;
  const LinkRoom* Find(const LinkName& link) const;

  const Room room_;
  // Changed by SetLinks only, on the shard; read there, and by who calls Start, Stop and SetLinks.
  std::vector<LinkRoom> links_;
  TranslateOffset translate_;
  Random random_;
  runtime::TaskGroup group_;
  std::map<LinkName, std::unique_ptr<Polling>> polls_;  // Of who calls Start, Stop and SetLinks.
  std::shared_ptr<void> collector_;

  // On the shard.
  GroupBook book_;
  std::map<RegionName, Peer> peers_;
  std::map<LinkName, LinkNow> links_now_;
  MonotonicTime next_save_{};

  std::atomic<MonotonicTime> next_full_{};
  std::atomic<bool> busy_{false};  // Something waits for the next tick.
  mutable Mutex mutex_;            // A leaf.
  std::vector<Happening> happened_ ABSL_GUARDED_BY(mutex_);
  std::vector<broker::CommittedOffset> committed_ ABSL_GUARDED_BY(mutex_);  // Here, to be sent.
  std::map<LinkName, LinkNow> published_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
