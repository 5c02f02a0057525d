// Planned and forced moves of topics to one region. Stands in for mirror/failovers.cc and
// failover_steps.cc, which are bound to reactors and the control plane: the plan, the state
// machine, the records and everything that a step does to the catalogue, the owners and the stores
// is the product's; the order of steps, their deadlines and failpoints are as there. One per
// region's process; a new one takes up what the last one was amidst.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/failpoint.h"
#include "mirror/busy_topics.h"
#include "mirror/ownership/failover_plan.h"
#include "mirror/ownership/promotion.h"
#include "tests/sim/control.h"
#include "tests/sim/mirror_driver.h"

namespace atl::sim {

class Mover {
 public:
  using Mode = checkpoint::FailoverMode;
  using Record = checkpoint::FailoverRecord;
  using Step = checkpoint::FailoverStep;
  struct Request {
    Mode mode = Mode::kPromote;
    std::vector<TopicName> topics;
    bool force = false;
    Duration deadline{};
  };

  Mover(World& world, Control& control, Region& self);

  void Start();  // After the region's links.
  // Told when a planned move asks the old owner for the offsets of its groups.
  using GroupsRead = std::function<void(const Region& source, const std::vector<TopicId>& topics)>;
  void OnGroupsRead(GroupsRead read) { groups_read_ = std::move(read); }
  // Told when the old owner has let go of its topics, and this region has not minted yet.
  void OnReleased(std::function<void(Region& source)> released) { released_ = std::move(released); }
  // Told of the report of every move that is done.
  void OnReport(std::function<void(const Record&)> reported) { reported_ = std::move(reported); }
  // Why not; empty: it runs. `driver`: of the link that mirrors the topics.
  std::string Run(MirrorDriver& driver, const Request& request);
  int running() const { return running_; }
  const std::vector<Record>& ended() const { return ended_; }

 private:
  struct Operation {
    Operation(Record r, mirror::Promotion p, MonotonicTime now);
    Record record;
    mirror::Promotion promotion;
    Region* source = nullptr;
    const MonotonicTime began;
    MonotonicTime deadline{};
    MonotonicTime unavailable_since{};
    bool in_contact = false;
    int lifts = 0;
    std::vector<TopicId> ids;
  };
  using OperationPtr = std::shared_ptr<Operation>;
  using Done = std::function<void(const Status&)>;

  mirror::PlanInput Look(MirrorDriver& driver, const Request& request) const;
  void Carry(const OperationPtr& operation);
  void OnStep(const OperationPtr& operation, Step step, bool minted, const Status& status);
  void Execute(const OperationPtr& operation, Step step, const Done& done);
  void Fence(const OperationPtr& operation, const Done& done);
  Status OnFenced(Operation& operation, const mirror::FenceAnswer& answer);
  void Drain(const OperationPtr& operation, const Done& done);
  void AskOwner(const OperationPtr& operation, Duration deadline,
                Status (mirror::Owners::*what)(const Uuid&), Failpoint& point, const Done& done);
  void Release(const OperationPtr& operation, const Done& done);
  void SyncGroups(const OperationPtr& operation, const Done& done);
  Status Mint(Operation& operation);
  Status PlaceGroups(Operation& operation);
  void Tell(const OperationPtr& operation, const Done& done);
  Status Abort(Operation& operation);
  Status Serve(Operation& operation);
  void Lift(const OperationPtr& operation, const Done& done);
  bool WasLost(const Operation& operation) const;
  void Finish(const OperationPtr& operation);

  World& world_;
  Control& control_;
  Region& self_;
  GroupsRead groups_read_;
  std::function<void(Region&)> released_;
  std::function<void(const Record&)> reported_;
  mirror::BusyTopics busy_;
  int running_ = 0;
  std::vector<Record> ended_;
};

}  // namespace atl::sim
