// Planned and forced moves of topics to this region: makes the plan, carries it out step by step
// (ownership/promotion.h says which step comes next), keeps the report, and goes on after a crash.
//
// Threads: Plan, Run, Get and List come from outside (admin) and may block for a moment; a move is
// a task on the given reactor, its blocking steps run on a shard of their own. Several moves of
// different topics may run; one of a topic that another one has in hand is refused.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/failover_table.h"
#include "mirror/busy_topics.h"
#include "mirror/control/control_plane.h"
#include "mirror/links.h"
#include "mirror/offsets/group_sync.h"
#include "mirror/ownership/failover_plan.h"
#include "mirror/ownership/owners.h"
#include "mirror/ownership/promotion.h"
#include "mirror/pull/sink.h"
#include "mirror/return_news.h"
#include "mirror/still_ends.h"
#include "runtime/reactor.h"
#include "runtime/storage_shards.h"
#include "runtime/task_group.h"

namespace atl::mirror {

class Failovers {
 public:
  using Mode = checkpoint::FailoverMode;
  using Step = checkpoint::FailoverStep;
  using Record = checkpoint::FailoverRecord;

  // All outlive it. `blocking`: nobody else's; stopped after this, before the rest.
  struct Room {
    runtime::Reactor& reactor;
    runtime::StorageShards& blocking;
    const Clock& clock;
    broker::Catalog& catalog;
    Owners& owners;
    Links& links;
    ControlPlane& control;
    GroupSync& group_sync;
    Sink& sink;
    checkpoint::FailoverTable& table;
    RegionName region;
  };

  struct Request {
    Mode mode = Mode::kPromote;
    LinkName link;
    std::vector<TopicName> topics;  // With `regex` and `all` empty or false: these only.
    std::string regex;              // Whole names, as in a link's rules.
    bool all = false;
    std::set<TopicName> accepted;  // Findings of these topics don't block.
    bool force = false;
    bool ask_others = true;  // Which region is ahead; may wait for their answers.
    std::string plan_hash;   // Of the plan that was shown; empty: whatever the plan is now.
    Duration deadline = std::chrono::seconds(30);  // Up to the new epoch.
  };

  Failovers(Room room, uint64_t seed);

  // Listens to former owners that returned. Before the plane starts.
  void Join(ControlRooms& rooms);
  // From the main thread, with the reactors running. Start takes up what a crash interrupted.
  Status Start();
  void Stop();

  // kNotFound: no such link. kInvalidArgument: the selection.
  StatusOr<FailoverPlan> Plan(const Request& request) const;
  // What a forced move would do and take if the source were lost now; the steps that change nothing
  // are carried out and timed, and nobody notices. Errors as of Plan.
  struct Rehearsal {
    struct Step {
      std::string name;  // "contact", "drain", "groups", "settle", "serve"
      bool good = true;
      std::string what;
      std::optional<Duration> takes;  // Measured or estimated; nothing: not known.
    };
    FailoverPlan plan;
    std::vector<Step> steps;
    bool ready() const;
    // Of the steps that stand between a failover's command and its first accepted record.
    std::optional<Duration> unavailable() const;
  };
  StatusOr<Rehearsal> Rehearse(Request request) const;
  // The number of the move, whose intent is durable. kFailedPrecondition: blocked, or another plan
  // than the one that was shown.
  StatusOr<int64_t> Run(const Request& request);
  StatusOr<std::optional<Record>> Get(int64_t id) const;
  StatusOr<std::vector<Record>> List() const;  // Newest first.

 private:
  // A partition that another region than the source has more of.
  struct Ahead {
    size_t topic = 0;  // In the record's order.
    size_t partition = 0;
    RegionName region;
    Offset end;
  };
  // One move; touched by one step at a time.
  struct Operation {
    Operation(Record r, Promotion p, MonotonicTime now);
    Record record;
    Promotion promotion;
    const MonotonicTime began;
    MonotonicTime deadline{};  // Up to the mint.
    MonotonicTime unavailable_since{};
    bool foreign = false;  // The source is a Kafka cluster: nobody there can be asked anything.
    int lifts = 0;
    std::vector<Ahead> ahead;  // Of a forced move, when the plan was made.
    std::vector<TopicId> ids;  // As in the record.
  };
  using OperationPtr = std::shared_ptr<Operation>;

  StatusOr<PlanInput> Look(const Request& request) const;
  void AskWhoIsAhead(PlanInput& input) const;
  Rehearsal::Step RehearseContact(const PlanInput& input) const;
  Rehearsal::Step RehearseDrain(const PlanInput& input) const;
  Rehearsal::Step RehearseGroups(const PlanInput& input) const;
  Rehearsal::Step RehearseSettle(const PlanInput& input) const;
  Rehearsal::Step RehearseServe(const PlanInput& input) const;
  // Null: no link of ours pulls from that region.
  std::shared_ptr<const Link> LinkFrom(const RegionName& region) const;
  void CountGroups(PlanInput& input) const;

  void Spawn(OperationPtr operation);
  runtime::awaitable<void> Watch();
  runtime::awaitable<void> Carry(OperationPtr operation);
  runtime::awaitable<Status> Execute(OperationPtr operation, Step step);
  static void NoteAhead(const PlanInput& input, Operation& operation);
  runtime::awaitable<Status> Drain(OperationPtr operation);
  runtime::awaitable<Status> DrainFrom(OperationPtr operation, RegionName region);
  Status ExecuteBlocking(Operation& operation, Step step);
  Status Fence(Operation& operation);
  Status SyncGroups(Operation& operation);
  Status Release(Operation& operation);
  Status Mint(Operation& operation);
  Status Tell(Operation& operation);
  Status Abort(Operation& operation);
  Status PlaceGroups(Operation& operation);
  void NoteGroups(Record& record) const;
  Status Serve(Operation& operation);
  Status Lift(Operation& operation);
  StatusOr<bool> StandsStill(const Operation& operation) const;
  bool WasLost(const Operation& operation) const;
  Status Finish(Operation& operation);
  std::shared_ptr<Counter> OperationsOf(const LinkName& link, Mode mode,
                                        checkpoint::FailoverOutcome outcome) const;
  void Count(const Record& record);
  void NoteReturned();
  void NoteEnds();

  const Room room_;
  Random random_;
  runtime::TaskGroup tasks_;
  BusyTopics busy_;
  StillEnds still_;
  ReturnedRows told_;
};

}  // namespace atl::mirror
