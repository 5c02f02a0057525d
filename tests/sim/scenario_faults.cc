// What breaks in a seed, when, and how often.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/failpoint.h"
#include "tests/sim/scenario.h"

namespace atl::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

int NodeOf(const Region& region) { return region.ordinal().value(); }

}  // namespace

void Scenario::Every(Duration about, std::function<void()> strike) {
  world_.At(world_.Between(about / 4, about * 2), [this, about, strike = std::move(strike)] {
    if (healing_) return;
    strike();
    Every(about, strike);
  });
}

void Scenario::PlanFaults() {
  const auto sometimes = [&](double p, Duration about, std::function<void()> strike) {
    if (world_.Chance(p)) Every(about, std::move(strike));
  };
  crash_loops_ = world_.Chance(0.3);
  if (world_.Chance(0.3)) link_faults_.poison = 0.01;
  sometimes(0.3, seconds(12), [this] { AnyRegion().Stop(); });
  sometimes(0.3, seconds(15), [this] { PauseSomething(); });
  sometimes(0.5, seconds(8), [this] { Operate(false); });
  sometimes(0.4, seconds(6), [this] { RaiseFailpoint(); });
  sometimes(0.2, seconds(10), [this] {
    AnyRegion().Pause(world_.Between(milliseconds(100), seconds(12)));
    world_.Reach(Mark::kRegionPaused);
  });
  sometimes(0.1, seconds(10), [this] {
    world_.clock.JumpWall(world_.Between(-seconds(3600), seconds(3600)));
    oracle_.TrustNoCalendar();
    world_.Reach(Mark::kClockJump);
  });
  PlanNetworkFaults();
  PlanDiskFaults();
  PlanSourceFaults();
  if (moves_) PlanMoves();
  if (leases_) PlanLeaseFaults();
}

void Scenario::PlanNetworkFaults() {
  const auto sometimes = [&](double p, Duration about, std::function<void()> strike) {
    if (world_.Chance(p)) Every(about, std::move(strike));
  };
  if (world_.Chance(0.5)) network_.loss = world_.random.Fraction() * 0.1;
  if (world_.Chance(0.3)) network_.late = 0.01;
  if (world_.Chance(0.3)) network_.slowest = milliseconds(300);
  const auto cut = [this](Duration least, Duration most) {
    const int from = NodeOf(AnyRegion());
    const int to = world_.Chance(0.3) ? kClients : NodeOf(AnyRegion());
    const Duration time = world_.Between(least, most);
    network_.Cut(from, to, time);
    if (world_.Chance(0.5)) network_.Cut(to, from, time);
  };
  sometimes(0.5, seconds(10), [cut] { cut(seconds(1), seconds(15)); });
  // Flapping.
  sometimes(0.2, seconds(1), [cut] { cut(milliseconds(200), seconds(2)); });
  sometimes(0.2, seconds(10), [this] {
    network_.Slow(NodeOf(AnyRegion()), NodeOf(AnyRegion()),
                  world_.Between(milliseconds(100), seconds(2)),
                  world_.Between(seconds(1), seconds(10)));
  });
}

void Scenario::PlanMoves() {
  const auto sometimes = [&](double p, Duration about, Mover::Mode mode) {
    if (world_.Chance(p)) Every(about, [this, mode] { MoveSomething(mode); });
  };
  sometimes(0.8, seconds(3), Mover::Mode::kPromote);
  sometimes(0.6, seconds(6), Mover::Mode::kFailover);
  if (world_.Chance(0.2)) Every(seconds(10), [this] { Adopt(); });
}

void Scenario::PlanDiskFaults() {
  const auto sometimes = [&](double p, Duration about, std::function<void(Region&)> strike) {
    if (world_.Chance(p)) Every(about, [this, strike] { strike(AnyRegion()); });
  };
  sometimes(0.4, seconds(10), [](Region& region) { region.Die("by kill -9"); });
  sometimes(0.5, seconds(8), [this](Region& region) {
    region.faults().die_at_file_op = 1 + world_.random.Below(200);
  });
  sometimes(0.3, seconds(10), [this](Region& region) {
    region.faults().die_at_store_op = 1 + world_.random.Below(30);
  });
  sometimes(0.4, seconds(10), [](Region& region) { region.faults().next_sync = true; });
  sometimes(0.2, seconds(15), [](Region& region) { region.faults().next_store_write = true; });
  sometimes(0.2, seconds(10), [this](Region& region) {
    region.faults().read_error = 0.05;
    world_.At(seconds(2), [&region] { region.faults().read_error = 0; });
  });
  sometimes(0.3, seconds(15), [this](Region& region) {
    region.FillDisk();
    world_.Reach(Mark::kDiskFull);
    world_.At(world_.Between(seconds(1), seconds(6)), [&region] { region.EmptyDisk(); });
  });
  sometimes(moves_ ? 0 : 0.3, seconds(10), [this](Region& region) {
    if (region.up()) region.RememberStore();
    world_.At(seconds(5), [&region] { region.RollBackStore(); });
  });
}

void Scenario::PlanSourceFaults() {
  if (world_.Chance(0.4)) Every(seconds(5), [this] { DeleteRecords(); });
  if (world_.Chance(0.2)) Every(seconds(10), [this] { TrimByRetention(); });
  if (!moves_ && world_.Chance(0.3)) Every(seconds(20), [this] { RecreateTopic(); });
}

void Scenario::RaiseFailpoint() {
  std::vector<std::string> names = Failpoint::Names();
  // The steps of moves and returns are few and far between.
  const bool rare = moves_ && world_.Chance(0.6);
  if (rare) {
    std::erase_if(names, [](const std::string& name) {
      return !name.starts_with("own.") && !name.starts_with("back.") &&
             !name.starts_with("truncate.");
    });
  }
  if (names.empty()) return;
  const std::string& name = names[world_.random.Below(names.size())];
  const uint64_t hit = 1 + world_.random.Below(rare ? 2 : 20);
  Failpoint::Configure(fmt::format("{}=abort#{}", name, hit)).IgnoreError();
}

// The worst moment for an old owner: it has let go, the new one is about to mint, and it dies and
// comes back without hearing of it.
void Scenario::StrikeReleased(Region& target, Region& source) {
  if (healing_) return;
  if (world_.Chance(0.1)) TakeFromThird(target, source);
  if (!world_.Chance(0.1)) return;
  world_.Reach(Mark::kReleasedDied);
  const Duration time = world_.Between(seconds(2), seconds(8));
  CutBothWays(NodeOf(target), NodeOf(source), time);
  world_.At(milliseconds(1), [&source, boot = source.boot()] {
    if (source.up() && source.boot() == boot) source.Die("behind its released fence");
  });
}

// Operators in two regions know nothing of each other: a planned move is about to mint when a third
// region takes the topics by force, ahead of it. The old owner is out of reach, so that telling it
// takes the time that the other one needs.
void Scenario::TakeFromThird(Region& target, Region& source) {
  if (regions_.size() < 3) return;
  network_.Cut(NodeOf(target), NodeOf(source), seconds(3));
  for (const auto& third : regions_) {
    if (third.get() == &target || third.get() == &source) continue;
    world_.At(world_.Between(milliseconds(10), milliseconds(1000)),
              [this, &third = *third, &source] { TakeByForce(third, source); });
  }
}

void Scenario::TakeByForce(Region& target, Region& source) {
  const auto driver = drivers_.find({NodeOf(target), NodeOf(source)});
  if (healing_ || !target.up() || driver == drivers_.end()) return;
  Mover::Request request{.mode = Mover::Mode::kFailover, .topics = {}, .force = true};
  for (const TopicPlan& topic : topics_) request.topics.push_back(topic.name);
  const Region::Running running(target);
  movers_[NodeOf(target)]->Run(*driver->second, request);
}

// What leases are for: an owner is succeeded and can't know it. It is paused at the worst moment,
// or nobody but its clients reaches it.
void Scenario::StrikeOwner() {
  Region* const owner = AcceptorOf(regions_, AnyTopic().name);
  Region& successor = AnyRegion();
  if (owner == nullptr || owner == &successor) return;
  const Duration time = world_.Between(lease_ttl_ / 2, lease_ttl_ * 3);
  const uint64_t how = world_.random.Below(4);
  if (how == 0) {
    owner->PauseAt(Region::Ambush{Region::Moment::kAnswer, time});
  } else if (how == 1) {
    owner->PauseAt(Region::Ambush{Region::Moment::kKeepAlive, time});
  } else {
    CutBothWays(NodeOf(*owner), kEtcd, time);
    for (const auto& other : regions_) {
      if (other.get() != owner) CutBothWays(NodeOf(*owner), NodeOf(*other), time);
    }
  }
  world_.At(world_.Between(milliseconds(10), lease_ttl_),
            [this, &successor, owner] { TakeByForce(successor, *owner); });
}

void Scenario::CutBothWays(int one, int other, Duration time) {
  network_.Cut(one, other, time);
  network_.Cut(other, one, time);
}

void Scenario::PlanLeaseFaults() {
  const auto sometimes = [&](double p, Duration about, std::function<void()> strike) {
    if (world_.Chance(p)) Every(about, std::move(strike));
  };
  sometimes(0.8, seconds(4), [this] { StrikeOwner(); });
  sometimes(0.3, seconds(8), [this] {
    const int node = NodeOf(AnyRegion());
    const bool there = world_.Chance(0.5);
    network_.Cut(there ? node : kEtcd, there ? kEtcd : node,
                 world_.Between(milliseconds(200), lease_ttl_ * 2));
  });
  sometimes(0.3, seconds(8), [this] {
    const int node = NodeOf(AnyRegion());
    const bool there = world_.Chance(0.5);
    network_.Slow(there ? node : kEtcd, there ? kEtcd : node,
                  world_.Between(milliseconds(100), lease_ttl_ / 2),
                  world_.Between(seconds(1), seconds(10)));
  });
  sometimes(0.2, seconds(12), [this] {  // It has no quorum.
    const Duration time = world_.Between(seconds(1), lease_ttl_ * 2);
    for (const auto& region : regions_) CutBothWays(NodeOf(*region), kEtcd, time);
  });
}

// What breaks a region often breaks it again as soon as it serves.
void Scenario::CrashAgain(Region& region) {
  if (!crash_loops_ || healing_ || !world_.Chance(0.5)) return;
  world_.At(world_.Between(Duration::zero(), milliseconds(400)), [&region, boot = region.boot()] {
    if (region.up() && region.boot() == boot) region.Die("soon after its start");
  });
}

}  // namespace atl::sim
