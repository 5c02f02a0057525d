#include "tests/sim/scenario.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/failpoint.h"

namespace atl::sim {
namespace {

using mirror::MirrorState;
using std::chrono::milliseconds;
using std::chrono::seconds;

int NodeOf(const Region& region) { return region.ordinal().value(); }

bool WaitsForOperator(MirrorState state) {
  return state == MirrorState::kHalted || state == MirrorState::kGap;
}

// What a failpoint's abort does here: the process whose code runs dies.
Status DieAtFailpoint(const Failpoint& failpoint) {
  Region* const region = Region::current();
  if (region == nullptr || !region->up()) return OkStatus();
  region->world().Reach(Mark::kCrashAtFailpoint);
  region->Die(fmt::format("at failpoint {}", failpoint.name()));
  return Unavailable("the process is dead");
}

}  // namespace

Scenario::Scenario(uint64_t seed, Mutation mutation)
    : world_(seed, mutation),
      network_(world_),
      oracle_(world_, regions_),
      control_(world_, network_, regions_),
      lines_(world_, network_, regions_) {
  const uint64_t count = world_.Chance(0.25) ? 3 : 2;
  if (count == 3) world_.Reach(Mark::kThreeRegions);
  for (uint64_t i = 1; i <= count; ++i) {
    regions_.push_back(std::make_unique<Region>(world_, RegionOrdinal(static_cast<int32_t>(i)),
                                                fmt::format("region-{}", i)));
    Region& region = *regions_.back();
    region.SetSay([this, &region](const RegionName& to, const mirror::ControlMessage& message) {
      return lines_.Send(region, to, message);
    });
    region.OnStart([this, &region] {
      oracle_.OnBoot(region);
      StartLinks(region);
      CrashAgain(region);
    });
    region.OnEnd([this, &region] {
      movers_.erase(NodeOf(region));
      std::erase_if(drivers_, [&](const auto& d) { return d.first.first == NodeOf(region); });
    });
  }
  moves_ = world_.Chance(0.7);
  network_.HoldBack([this](int to) {
    return to == kClients ? Duration::zero() : regions_[static_cast<size_t>(to - 1)]->paused_for();
  });
  control_.OnMoved([this](Region& region) {
    for (const auto& [key, driver] : drivers_) {
      if (key.first == NodeOf(region)) driver->LookSoon();
    }
  });
  PlanTopics();
  PlanLinks();
}

Scenario::~Scenario() {
  Failpoint::Configure("").IgnoreError();
  regions_.clear();  // They end their links, which are members too.
}

void Scenario::PlanTopics() {
  for (const auto& region : regions_) {
    const uint64_t count = 1 + world_.random.Below(2);
    for (uint64_t i = 0; i < count; ++i) {
      TopicPlan topic{.owner = region.get(),
                      .name = TopicName(fmt::format("t{}-{}", NodeOf(*region), i)),
                      .partitions = static_cast<int32_t>(1 + world_.random.Below(2)),
                      .config = {}};
      topic.config["segment.bytes"] = fmt::format("{}", 2000 << world_.random.Below(4));
      topics_.push_back(std::move(topic));
    }
  }
}

void Scenario::PlanLinks() {
  for (const auto& target : regions_) {
    std::vector<config::Link> links;
    for (const auto& source : regions_) {
      if (target == source) continue;
      LinkPlan plan{.name = LinkName(fmt::format("from-{}", source->name())), .policy = {}};
      plan.policy.owned_epochs = true;
      if (world_.Chance(0.5)) plan.policy.on_gap = mirror::MirrorPolicy::OnGap::kSkip;
      if (world_.Chance(0.3)) plan.policy.apply_window = ByteCount(500);
      plan.from_latest = !moves_ && world_.Chance(0.2);
      plan.cuts_batches = world_.Chance(0.3);
      plan.fetch_bytes = 100 << world_.random.Below(6);
      links_[{NodeOf(*target), NodeOf(*source)}] = plan;
      config::Link& link = links.emplace_back(config::DefaultLink());
      link.name = plan.name;
      link.source.region = RegionName(source->name());
      link.topics = {{.pattern = "*"}};
      link.groups.sync = true;
      link.groups.filter = link.topics;
    }
    target->SetLinks(std::move(links));
  }
}

void Scenario::StartLinks(Region& region) {
  for (const auto& source : regions_) {
    if (source.get() == &region) continue;
    const std::pair key{NodeOf(region), NodeOf(*source)};
    auto& driver = drivers_[key];
    driver = std::make_unique<MirrorDriver>(world_, network_, region, *source, links_[key],
                                            link_faults_);
    driver->Start();
  }
  control_.Start(region);
  auto& mover = movers_[NodeOf(region)];
  mover = std::make_unique<Mover>(world_, control_, region);
  mover->OnGroupsRead([this](const Region& source, const std::vector<TopicId>& topics) {
    oracle_.OnGroupsRead(source, topics);
  });
  mover->OnReleased([this, &region](Region& source) { StrikeReleased(region, source); });
  mover->OnReport([this](const Mover::Record& report) { oracle_.OnReport(report); });
  const Region::Running running(region);
  mover->Start();
}

// The worst moment for an old owner: it has let go, the new one is about to mint, and it dies and
// comes back without hearing of it.
void Scenario::StrikeReleased(Region& target, Region& source) {
  if (healing_) return;
  if (world_.Chance(0.1)) TakeFromThird(target, source);
  if (!world_.Chance(0.1)) return;
  world_.Reach(Mark::kReleasedDied);
  const Duration time = world_.Between(seconds(2), seconds(8));
  network_.Cut(NodeOf(target), NodeOf(source), time);
  network_.Cut(NodeOf(source), NodeOf(target), time);
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
    const auto take = [this, &third = *third, &source] {
      const auto driver = drivers_.find({NodeOf(third), NodeOf(source)});
      if (healing_ || !third.up() || driver == drivers_.end()) return;
      Mover::Request request{.mode = Mover::Mode::kFailover, .topics = {}, .force = true};
      for (const TopicPlan& topic : topics_) request.topics.push_back(topic.name);
      const Region::Running running(third);
      movers_[NodeOf(third)]->Run(*driver->second, request);
    };
    world_.At(world_.Between(milliseconds(10), milliseconds(1000)), take);
  }
}

// What breaks a region often breaks it again as soon as it serves.
void Scenario::CrashAgain(Region& region) {
  if (!crash_loops_ || healing_ || !world_.Chance(0.5)) return;
  world_.At(world_.Between(Duration::zero(), milliseconds(400)), [&region, boot = region.boot()] {
    if (region.up() && region.boot() == boot) region.Die("soon after its start");
  });
}

void Scenario::CreateTopics() {
  for (TopicPlan& topic : topics_) {
    if (!topic.must_create || !topic.owner->up()) continue;
    const Region::Running running(*topic.owner);
    broker::TopicSpec spec;
    spec.name = topic.name;
    spec.partition_count = topic.partitions;
    spec.config = topic.config;
    const auto outcome = topic.owner->process().catalog.Create(spec);
    world_.Note("{}: creates {}: {} {}", topic.owner->name(), topic.name.value(),
                static_cast<int>(outcome.error), outcome.message);
    const bool there = outcome.error == kafka::ErrorCode::kTopicAlreadyExists;
    if (!outcome.ok() && !there) continue;
    topic.must_create = !topic.owner->up();
    topic.owner->ForgetImage();  // An older store would not know this topic.
  }
  world_.At(milliseconds(500), [this] { CreateTopics(); });
}

void Scenario::AddProducers(const TopicPlan& topic) {
  for (int32_t i = 0; i < topic.partitions; ++i) {
    const Duration think = milliseconds(50 << world_.random.Below(4));
    producers_.push_back(std::make_unique<Producer>(world_, network_, oracle_, *topic.owner,
                                                    topic.name, PartitionId(i), think, regions_));
    producers_.back()->Start();
    if (!moves_) continue;
    consumers_.push_back(
        std::make_unique<Consumer>(world_, oracle_, topic.name, PartitionId(i), regions_));
    consumers_.back()->Start();
  }
}

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

void Scenario::DeleteRecords() {
  TopicPlan& topic = AnyTopic();
  Region* const owner = AcceptorOf(regions_, topic.name);
  if (owner == nullptr) return;
  Region& region = *owner;
  const Region::Running running(region);
  const auto found = region.process().catalog.view()->Find(topic.name);
  if (!found) return;
  const auto& partition = found->partitions[world_.random.Below(found->partitions.size())];
  const broker::PartitionOffsets offsets = partition->offsets();
  const int64_t room = (offsets.high_watermark - offsets.log_start).value();
  if (room <= 0) return;
  const Offset before =
      offsets.log_start +
      RecordCount(static_cast<int64_t>(world_.random.Below(static_cast<uint64_t>(room) + 1)));
  const kafka::ErrorCode error = partition->AdvanceLogStart(before);
  world_.Reach(Mark::kDeleteRecords);
  world_.Note("{}: deletes {}-{} before {}: {}", region.name(), topic.name.value(),
              partition->identity().partition.value(), before.value(), static_cast<int>(error));
}

void Scenario::TrimByRetention() {
  TopicPlan& topic = AnyTopic();
  Region* const owner = AcceptorOf(regions_, topic.name);
  if (owner == nullptr) return;
  const Region::Running running(*owner);
  broker::Catalog& catalog = owner->process().catalog;
  const auto found = catalog.view()->Find(topic.name);
  std::map<std::string, std::string> config = topic.config;
  if (world_.Chance(0.5)) config["retention.bytes"] = "2000";
  catalog.SetConfig(found->id, config);
  world_.Reach(Mark::kRetention);
}

void Scenario::RecreateTopic() {
  TopicPlan& topic = AnyTopic();
  if (!topic.owner->up()) return;
  const Region::Running running(*topic.owner);
  broker::Catalog& catalog = topic.owner->process().catalog;
  const auto found = catalog.view()->Find(topic.name);
  if (!found) return;
  topic.owner->ForgetImage();
  oracle_.OnTopicDeleted(found->id);
  const auto outcome = catalog.Delete(found->id);
  world_.Note("{}: deletes {}: {}", topic.owner->name(), topic.name.value(), outcome.message);
  topic.must_create = true;
}

Region* Scenario::AcceptorOf(const std::vector<std::unique_ptr<Region>>& regions,
                             const TopicName& topic) {
  for (const auto& region : regions) {
    if (!region->up()) continue;
    const auto found = region->process().catalog.view()->Find(topic);
    const bool accepts = found != nullptr && !found->is_mirror() &&
                         region->process().owners.HeldBecause(found->id).empty();
    if (accepts) return region.get();
  }
  return nullptr;
}

// An operator takes some or all topics of a link over.
void Scenario::MoveSomething(Mover::Mode mode) {
  std::vector<MirrorDriver*> drivers = Drivers();
  if (drivers.empty()) return;
  MirrorDriver& driver = *drivers[world_.random.Below(drivers.size())];
  Region& target = driver.target();
  if (!target.up() || target.paused_for() > Duration::zero()) return;
  Mover::Request request{.mode = mode, .topics = {}};
  const bool all = world_.Chance(0.3);
  for (const TopicPlan& topic : topics_) {
    if (all || world_.Chance(0.4)) request.topics.push_back(topic.name);
  }
  request.force = world_.Chance(0.7);
  request.deadline = world_.Between(milliseconds(500), seconds(8));
  const Region::Running running(target);
  movers_[NodeOf(target)]->Run(driver, request);
}

// An operator says of a topic that is held back that this region owns it.
void Scenario::Adopt() {
  Region& region = AnyRegion();
  if (!region.up()) return;
  const Region::Running running(region);
  mirror::Owners& owners = region.process().owners;
  for (const auto& record : owners.All()) {
    if (owners.HeldBecause(record.topic).empty() || !region.up()) continue;
    const auto adopted = owners.Adopt(record.topic);
    world_.Note("{}: adopts {}: {}", region.name(), record.name.value(),
                StatusMessage(adopted.status()));
    if (adopted.ok()) world_.Reach(Mark::kAdopted);
  }
}

void Scenario::PauseSomething() {
  for (MirrorDriver* driver : Drivers()) {
    for (auto& [key, slot] : driver->slots()) {
      if (!world_.Chance(0.3)) continue;
      const bool paused = slot->mirror.status(driver->now()).state == MirrorState::kPaused;
      slot->mirror.OnPaused(!paused, driver->now());
      world_.Reach(Mark::kPaused);
    }
  }
}

void Scenario::Operate(bool everything) {
  for (MirrorDriver* driver : Drivers()) {
    for (auto& [key, slot] : driver->slots()) {
      if (everything) slot->mirror.OnPaused(false, driver->now());
      const MirrorState state = slot->mirror.status(driver->now()).state;
      if (WaitsForOperator(state) && (everything || world_.Chance(0.5))) {
        slot->mirror.OnOperator(state == MirrorState::kGap, driver->now());
      }
    }
  }
}

std::vector<MirrorDriver*> Scenario::Drivers() {
  std::vector<MirrorDriver*> drivers;
  for (const auto& [key, driver] : drivers_) drivers.push_back(driver.get());
  return drivers;
}

void Scenario::RunFor(Duration time) {
  const MonotonicTime end = world_.clock.Now() + time;
  MonotonicTime look_at = world_.clock.Now();
  while (world_.clock.Now() < end && world_.RunOne()) {
    oracle_.Check();
    for (const auto& region : regions_) region->Settle();
    if (world_.clock.Now() < look_at) continue;
    look_at = world_.clock.Now() + milliseconds(250);
    for (MirrorDriver* driver : Drivers()) oracle_.CheckStatus(*driver);
  }
}

void Scenario::Run() {
  Failpoint::SetAbortHook(DieAtFailpoint);
  for (const auto& region : regions_) region->Start();
  CreateTopics();
  if (moves_) lines_.Start();
  for (const TopicPlan& topic : topics_) AddProducers(topic);
  RunFor(seconds(2));
  PlanFaults();
  RunFor(world_.Between(seconds(8), seconds(25)));
  Heal();
}

void Scenario::Heal() {
  if (world_.failure()) return;
  world_.Note("healing");
  healing_ = true;
  network_.Heal();
  link_faults_.poison = 0;
  Failpoint::Configure("").IgnoreError();
  for (const auto& region : regions_) {
    region->faults() = {};
    region->EmptyDisk();
  }
  for (const auto& producer : producers_) producer->Stop();
  RunFor(seconds(30));
  CheckOthersWentOn();
  for (int round = 0; round < 12 && !world_.failure() && !AllCaughtUp(); ++round) {
    Operate(true);
    RunFor(seconds(10));
  }
  if (world_.failure()) return;
  oracle_.CheckAll(true);
  if (moves_ && !world_.failure()) MoveHome();
}

// L3: with nothing in its way a planned move is quick, clients go on, and everything is equal
// again.
void Scenario::MoveHome() {
  for (const auto& producer : producers_) producer->Start();
  RunFor(seconds(2));
  std::vector<std::pair<Mover*, size_t>> moves;
  std::set<TopicName> taken;
  for (MirrorDriver* driver : Drivers()) {
    Mover::Request request{.mode = Mover::Mode::kPromote, .topics = {}, .deadline = seconds(5)};
    for (const auto& [key, slot] : driver->slots()) {
      const TopicName& topic = slot->mirror.key().topic;
      const bool mirrored = slot->led && key.second == PartitionId(0);
      const bool wanted = mirrored && world_.Chance(0.5) && taken.insert(topic).second;
      if (wanted) request.topics.push_back(topic);
    }
    if (request.topics.empty()) continue;
    Mover* const mover = movers_[NodeOf(driver->target())].get();
    const Region::Running running(driver->target());
    const size_t before = mover->ended().size();
    const std::string blocked = mover->Run(*driver, request);
    if (blocked.empty()) moves.emplace_back(mover, before);
    if (!blocked.empty() && !world_.failure()) {
      world_.Fail("L3", fmt::format("{}: a planned move from {} is blocked: {}",
                                    driver->target().name(), driver->source().name(), blocked));
    }
  }
  RunFor(seconds(8));
  for (const auto& producer : producers_) producer->Stop();
  RunFor(seconds(10));
  if (world_.failure()) return;
  CheckMoved(moves);
  if (!world_.failure()) oracle_.CheckAll(true);
}

void Scenario::CheckMoved(const std::vector<std::pair<Mover*, size_t>>& moves) {
  for (const auto& [mover, before] : moves) {
    if (world_.failure()) return;
    if (mover->running() > 0) world_.Fail("L3", "a planned move does not end");
    for (size_t i = before; i < mover->ended().size(); ++i) {
      const Mover::Record& record = mover->ended()[i];
      const bool quick =
          record.outcome == checkpoint::FailoverOutcome::kDone && record.unavailable <= seconds(5);
      if (quick) continue;
      world_.Fail(
          "L3", fmt::format("planned move {} of {}: {} {}, {:.3f} s without writes", record.id,
                            record.target.value(), checkpoint::FailoverOutcomeName(record.outcome),
                            record.reason, ToSeconds(record.unavailable)));
    }
  }
  for (const auto& producer : producers_) {
    if (producer->acked() > 0 || world_.failure()) continue;
    world_.Fail("L3", fmt::format("{}: nothing is accepted", producer->topic().value()));
  }
}

// S18: what waits for an operator holds up nobody else.
void Scenario::CheckOthersWentOn() {
  bool stopped = false;
  for (MirrorDriver* driver : Drivers()) {
    for (const auto& [key, slot] : driver->slots()) {
      stopped = stopped || WaitsForOperator(driver->StatusOf(*slot).state);
    }
  }
  for (MirrorDriver* driver : Drivers()) {
    for (const auto& [key, slot] : driver->slots()) {
      const mirror::MirrorStatus status = driver->StatusOf(*slot);
      const bool runs = status.state == MirrorState::kLocating ||
                        status.state == MirrorState::kMirroring ||
                        status.state == MirrorState::kSourceUnavailable;
      if (!world_.failure() && runs) {
        world_.Fail(
            stopped ? "S18" : "L1",
            fmt::format("{} {}-{} is {} 30 s after the faults stopped: {}",
                        driver->plan().name.value(), slot->mirror.key().topic.value(),
                        key.second.value(), mirror::MirrorStateName(status.state), status.reason));
      }
    }
  }
  if (stopped && !world_.failure()) world_.Reach(Mark::kOthersWentOn);
}

bool Scenario::AllCaughtUp() {
  for (MirrorDriver* driver : Drivers()) {
    for (const auto& [key, slot] : driver->slots()) {
      const MirrorState state = driver->StatusOf(*slot).state;
      if (state != MirrorState::kCaughtUp && state != MirrorState::kRetired) return false;
    }
  }
  return true;
}

}  // namespace atl::sim
