#include "tests/sim/scenario.h"

#include <algorithm>
#include <chrono>
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
    : world_(seed, mutation), network_(world_), oracle_(world_, regions_) {
  const uint64_t count = world_.Chance(0.25) ? 3 : 2;
  if (count == 3) world_.Reach(Mark::kThreeRegions);
  for (uint64_t i = 1; i <= count; ++i) {
    regions_.push_back(std::make_unique<Region>(world_, RegionOrdinal(static_cast<int32_t>(i)),
                                                fmt::format("region-{}", i)));
    Region& region = *regions_.back();
    region.OnStart([this, &region] {
      oracle_.OnBoot(region);
      StartLinks(region);
      CrashAgain(region);
    });
    region.OnEnd([this, &region] {
      std::erase_if(drivers_, [&](const auto& d) { return d.first.first == NodeOf(region); });
    });
  }
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
    for (const auto& source : regions_) {
      if (target == source) continue;
      LinkPlan plan{.name = LinkName(fmt::format("from-{}", source->name())), .policy = {}};
      if (world_.Chance(0.5)) plan.policy.on_gap = mirror::MirrorPolicy::OnGap::kSkip;
      if (world_.Chance(0.3)) plan.policy.apply_window = ByteCount(500);
      plan.from_latest = world_.Chance(0.1);
      plan.cuts_batches = world_.Chance(0.3);
      plan.fetch_bytes = 100 << world_.random.Below(6);
      links_[{NodeOf(*target), NodeOf(*source)}] = plan;
    }
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
                                                    topic.name, PartitionId(i), think));
    producers_.back()->Start();
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
  if (world_.Chance(0.5)) network_.loss = world_.random.Fraction() * 0.1;
  if (world_.Chance(0.3)) network_.late = 0.01;
  if (world_.Chance(0.3)) network_.slowest = milliseconds(300);
  if (world_.Chance(0.3)) link_faults_.poison = 0.01;
  sometimes(0.5, seconds(10), [this] {
    const int from = NodeOf(AnyRegion());
    const int to = world_.Chance(0.3) ? kClients : NodeOf(AnyRegion());
    const Duration time = world_.Between(seconds(1), seconds(15));
    network_.Cut(from, to, time);
    if (world_.Chance(0.5)) network_.Cut(to, from, time);
  });
  sometimes(0.3, seconds(12), [this] { AnyRegion().Stop(); });
  sometimes(0.3, seconds(15), [this] { PauseSomething(); });
  sometimes(0.5, seconds(8), [this] { Operate(false); });
  sometimes(0.4, seconds(6), [this] { RaiseFailpoint(); });
  PlanDiskFaults();
  PlanSourceFaults();
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
  sometimes(0.2, seconds(10), [this](Region& region) {
    if (region.up()) region.RememberStore();
    world_.At(seconds(5), [&region] { region.RollBackStore(); });
  });
}

void Scenario::PlanSourceFaults() {
  if (world_.Chance(0.4)) Every(seconds(5), [this] { DeleteRecords(); });
  if (world_.Chance(0.2)) Every(seconds(10), [this] { TrimByRetention(); });
  if (world_.Chance(0.2)) Every(seconds(20), [this] { RecreateTopic(); });
}

void Scenario::RaiseFailpoint() {
  std::vector<std::string> names = Failpoint::Names();
  if (names.empty()) return;
  const std::string& name = names[world_.random.Below(names.size())];
  const uint64_t hit = 1 + world_.random.Below(20);
  Failpoint::Configure(fmt::format("{}=abort#{}", name, hit)).IgnoreError();
}

void Scenario::DeleteRecords() {
  TopicPlan& topic = AnyTopic();
  Region& region = *topic.owner;
  if (!region.up()) return;
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
  if (!topic.owner->up()) return;
  const Region::Running running(*topic.owner);
  broker::Catalog& catalog = topic.owner->process().catalog;
  const auto found = catalog.view()->Find(topic.name);
  if (!found) return;
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
