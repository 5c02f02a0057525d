// One seed: a world of two or three regions that mirror each other, clients that write, operators
// who move topics from one region to another, and a swarm of faults (each seed leaves a random part
// of them off). First everything breaks for a while; then the faults stop, an operator does what
// the states ask for, and every mirror must have every byte in bounded time (L1).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/consumer.h"
#include "tests/sim/etcd.h"
#include "tests/sim/lease_driver.h"
#include "tests/sim/lines.h"
#include "tests/sim/mirror_driver.h"
#include "tests/sim/mover.h"
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/producer.h"
#include "tests/sim/region.h"
#include "tests/sim/world.h"

namespace atl::sim {

class Scenario {
 public:
  Scenario(uint64_t seed, Mutation mutation);
  ~Scenario();

  // Runs to the end or to the first broken invariant.
  void Run();
  World& world() { return world_; }

 private:
  struct TopicPlan {
    Region* owner;
    TopicName name;
    int32_t partitions;
    std::map<std::string, std::string> config;
    bool must_create = true;
  };
  // A fault of the swarm: does its damage, again and again until the healing.
  struct FaultPlan {
    Duration every;
    std::function<void()> strike;
  };

  void PlanTopics();
  void PlanLinks();
  void PlanFaults();
  void PlanDiskFaults();
  void PlanSourceFaults();
  void PlanNetworkFaults();
  void PlanMoves();
  void PlanLeases();
  void PlanLeaseFaults();
  void Every(Duration about, std::function<void()> strike);
  void CreateTopics();
  void CrashAgain(Region& region);
  void StrikeReleased(Region& target, Region& source);
  void TakeFromThird(Region& target, Region& source);
  void TakeByForce(Region& target, Region& source);
  void StrikeOwner();
  void CutBothWays(int one, int other, Duration time);
  void StartLinks(Region& region);
  void StartLease(Region& region);
  void AddProducers(const TopicPlan& topic);
  void RaiseFailpoint();

  Region& AnyRegion() { return *regions_[world_.random.Below(regions_.size())]; }
  TopicPlan& AnyTopic() { return topics_[world_.random.Below(topics_.size())]; }
  void DeleteRecords();
  void TrimByRetention();
  void RecreateTopic();
  void MoveSomething(Mover::Mode mode);
  void Adopt();
  // Who accepts records for it now; null: nobody that is up.
  static Region* AcceptorOf(const std::vector<std::unique_ptr<Region>>& regions,
                            const TopicName& topic);
  void PauseSomething();
  void Operate(bool everything);

  void RunFor(Duration time);
  void Heal();
  void CheckOthersWentOn();
  void MoveHome();
  void CheckMoved(const std::vector<std::pair<Mover*, size_t>>& moves);
  bool AllCaughtUp();
  std::vector<MirrorDriver*> Drivers();

  World world_;
  Network network_;
  Etcd etcd_;
  std::vector<std::unique_ptr<Region>> regions_;
  Oracle oracle_;
  std::deque<TopicPlan> topics_;
  std::map<std::pair<int, int>, LinkPlan> links_;  // Target, source.
  std::map<std::pair<int, int>, std::unique_ptr<MirrorDriver>> drivers_;
  Control control_;
  std::map<int, std::unique_ptr<Mover>> movers_;
  std::map<int, std::unique_ptr<LeaseDriver>> keepers_;  // In lease mode.
  Lines lines_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  LinkFaults link_faults_;
  bool moves_ = false;
  bool leases_ = false;
  Duration lease_ttl_{};
  bool crash_loops_ = false;
  bool healing_ = false;
};

}  // namespace atl::sim
