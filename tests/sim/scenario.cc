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
      etcd_(world_.clock),
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
      if (leases_) StartLease(region);
      CrashAgain(region);
    });
    region.OnStop([this, &region] {
      if (leases_) keepers_[NodeOf(region)]->GiveBack();
    });
    region.OnEnd([this, &region] {
      movers_.erase(NodeOf(region));
      keepers_.erase(NodeOf(region));
      std::erase_if(drivers_, [&](const auto& d) { return d.first.first == NodeOf(region); });
    });
  }
  moves_ = world_.Chance(0.7);
  leases_ = moves_ && world_.Chance(0.35);
  network_.HoldBack([this](int to) {
    const bool is_region = to != kClients && to != kEtcd;
    return is_region ? regions_[static_cast<size_t>(to - 1)]->paused_for() : Duration::zero();
  });
  control_.OnMoved([this](Region& region) {
    for (const auto& [key, driver] : drivers_) {
      if (key.first == NodeOf(region)) driver->LookSoon();
    }
  });
  PlanTopics();
  PlanLinks();
  if (leases_) PlanLeases();
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

// The clocks of machines differ by up to a tenth from true time, often by all of it.
void Scenario::PlanLeases() {
  constexpr int kSlowest = 900;
  constexpr int kFastest = 1100;
  lease_ttl_ = seconds(2 + world_.random.Below(4));
  for (const auto& region : regions_) {
    const int between = kSlowest + static_cast<int>(world_.random.Below(kFastest - kSlowest + 1));
    const uint64_t which = world_.random.Below(3);
    region->UseLease(which == 0 ? kSlowest : which == 1 ? kFastest : between);
  }
}

void Scenario::StartLease(Region& region) {
  auto& keeper = keepers_[NodeOf(region)];
  keeper = std::make_unique<LeaseDriver>(world_, network_, etcd_, region, lease_ttl_);
  const Region::Running running(region);
  keeper->Start();
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

void Scenario::CreateTopics() {
  for (TopicPlan& topic : topics_) {
    if (!topic.must_create || !topic.owner->up()) continue;
    const Region::Running running(*topic.owner);
    broker::TopicSpec spec;
    spec.name = topic.name;
    spec.partition_count = topic.partitions;
    spec.config = topic.config;
    Region::Process& process = topic.owner->process();
    if (process.gate.AdmitCreate(topic.name).error != kafka::ErrorCode::kNone) continue;
    const auto outcome = process.catalog.Create(spec);
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
    region->PauseAt(std::nullopt);
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
