#include "tests/sim/region.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace atl::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using FileOperation = MemoryFileSystem::Operation;
using StoreOperation = checkpoint::MemoryStore::Operation;

constexpr Duration kTick = milliseconds(200);  // Store flushes, retention, reopening.

Status Dead() { return Unavailable("the process is dead"); }

}  // namespace

Region* Region::current_ = nullptr;

Region::Process::Process(Region& region, std::unique_ptr<checkpoint::EventTable> table)
    : topics(region.database_),
      states(region.database_),
      mirrors(region.database_),
      ownership_table(region.database_),
      failover_table(region.database_),
      extent_table(region.database_),
      event_table(std::move(table)),
      events(*event_table, metrics),
      shards(0, region.disk_, kDataFolder, metrics),
      lease(region.lease_clock_),
      gate(region.ordinal_, region.world_.clock),
      catalog({.data_folder = kDataFolder,
               .region = region.ordinal_,
               .defaults = {},
               .seed = region.world_.random.Next()},
              {.files = region.disk_,
               .clock = region.world_.clock,
               .metrics = metrics,
               .states = states,
               .gate = gate},
              topics, shards),
      sink(catalog, shards),
      owners({.catalog = catalog,
              .table = ownership_table,
              .gate = gate,
              .clock = region.world_.clock,
              .metrics = metrics,
              .region = RegionName(region.name_),
              .ordinal = region.ordinal_,
              .links = region.links_}),
      group_shard(0, region.disk_, kDataFolder, metrics),
      sync_shard(0, region.disk_, kDataFolder, metrics),
      groups({}, region.database_, group_shard, region.world_.clock, region.world_.random.Next()),
      fan_in(extent_table),
      copies(catalog, owners, events, fan_in, region.links_,
             [](const LinkName&, const TopicId&, PartitionId) { return false; }),
      reactor("sim"),
      group_sync(
          std::make_unique<mirror::GroupSync>(mirror::GroupSync::Room{.reactor = reactor,
                                                                      .blocking = sync_shard,
                                                                      .clock = region.world_.clock,
                                                                      .metrics = metrics,
                                                                      .catalog = catalog,
                                                                      .offsets = groups,
                                                                      .store = region.database_,
                                                                      .copies = copies,
                                                                      .send = region.say_},
                                              region.links_, region.world_.random.Next())) {}

Region::Region(World& world, RegionOrdinal ordinal, std::string name)
    : world_(world),
      ordinal_(ordinal),
      name_(std::move(name)),
      files_(world.random.Next()),
      mutant_files_(files_, world.mutation()),
      mutant_store_(store_, world.mutation()),
      disk_(world.mutation() == Mutation::kNone ? static_cast<FileSystem&>(files_) : mutant_files_),
      database_(world.mutation() == Mutation::kNone ? static_cast<checkpoint::Store&>(store_)
                                                    : mutant_store_),
      lease_clock_(world.clock) {
  files_.CreateFolders(kDataFolder).IgnoreError();
  files_.SetFault([this](FileOperation operation, const std::string& path) {
    return OnFileOperation(operation, path);
  });
  store_.SetFault([this](StoreOperation operation) { return OnStoreOperation(operation); });
}

Region::~Region() {
  dying_ = true;
  End();
}

Status Region::OnFileOperation(FileOperation operation, const std::string& path) {
  if (dying_) return Dead();
  if (current_ != this) return OkStatus();  // The oracle looks.
  if (faults_.die_at_file_op && ++file_ops_ >= *faults_.die_at_file_op) {
    faults_.die_at_file_op.reset();
    world_.Reach(Mark::kCrashInIo);
    Die("inside a file operation");
    return Dead();
  }
  if (operation == FileOperation::kSync && faults_.next_sync) {
    faults_.next_sync = false;
    world_.Reach(Mark::kSyncError);
    world_.Note("{}: sync of {} fails", name_, path);
    return Corrupt("{}: sync: Input/output error", path);
  }
  if (operation == FileOperation::kRead && faults_.read_error > 0 &&
      world_.Chance(faults_.read_error)) {
    world_.Reach(Mark::kReadError);
    world_.Note("{}: read of {} fails", name_, path);
    return Corrupt("{}: read: Input/output error", path);
  }
  return OkStatus();
}

Status Region::OnStoreOperation(StoreOperation operation) {
  if (dying_) return Dead();
  if (current_ != this || operation == StoreOperation::kRead) return OkStatus();
  ++store_writes_;
  if (faults_.die_at_store_op && ++store_ops_ >= *faults_.die_at_store_op) {
    faults_.die_at_store_op.reset();
    world_.Reach(Mark::kCrashInStore);
    Die("inside a store operation");
    return Dead();
  }
  if (faults_.next_store_write) {
    faults_.next_store_write = false;
    world_.Reach(Mark::kStoreError);
    world_.Note("{}: a store write fails", name_);
    return Corrupt("store: Input/output error");
  }
  return OkStatus();
}

void Region::Start() {
  if (process_) return;
  ++boot_;
  dying_ = false;
  file_ops_ = store_ops_ = 0;
  const Status status = Serve();
  if (!status.ok() && !dying_) Die(StatusMessage(status));
  if (dying_) return;  // Settle() buries it and starts another.
  world_.Note("{}: serves (boot {}, session {})", name_, boot_, session_);
  if (on_start_) on_start_();
  const uint64_t boot = boot_;
  world_.At(kTick, [this, boot] { Tick(boot); });
}

Status Region::Serve() {
  const Running running(*this);
  ASSIGN_OR_RETURN(auto table, checkpoint::EventTable::Open(database_));
  process_ = std::make_unique<Process>(*this, std::move(table));
  ASSIGN_OR_RETURN(
      process_->quarantine,
      mirror::Quarantine::Open(disk_, process_->metrics, JoinPath(kDataFolder, "quarantine"),
                               RegionName(name_)));
  checkpoint::RegionTable region(database_);
  ASSIGN_OR_RETURN(const auto clean, region.TakeCleanShutdown());
  if (!clean) ++session_;
  const bool unclean = !clean && boot_ > 1 && !world_.Plants(Mutation::kEpochReuse);
  if (in_lease_mode_) process_->gate.UseLease(&process_->lease);
  process_->gate.Follow(process_->catalog);
  ASSIGN_OR_RETURN(std::set<TopicId> kept, process_->owners.Load());
  RETURN_IF_ERROR(process_->catalog.Load(unclean, kept));
  if (!world_.Plants(Mutation::kForgetHolds)) process_->owners.Start(unclean);
  RETURN_IF_ERROR(process_->groups.Load());
  RETURN_IF_ERROR(process_->group_sync->Restore());
  if (unclean && !process_->catalog.view()->by_id.empty()) world_.Reach(Mark::kEpochRaised);
  return OkStatus();
}

void Region::Tick(uint64_t boot) {
  if (!up() || boot != boot_) return;
  if (paused_for() > Duration::zero()) {
    world_.At(paused_for(), [this, boot] { Tick(boot); });
    return;
  }
  const Running running(*this);
  if (!database_.Flush().ok() && up()) {
    const Status reopened = database_.Reopen();
    world_.Note("{}: store reopened: {}", name_, StatusMessage(reopened));
  }
  process_->catalog.Tick();
  process_->quarantine->LookAgain();
  process_->owners.Tick();
  process_->groups.Tick();
  process_->group_sync->Tick();
  world_.At(kTick, [this, boot] { Tick(boot); });
}

void Region::UseLease(int clock_rate_per_mille) {
  in_lease_mode_ = true;
  lease_clock_.SetRate(clock_rate_per_mille);
}

void Region::Pause(Duration time) {
  world_.Note("{}: is paused for {:.1f} s", name_, ToSeconds(time));
  paused_until_ = std::max(paused_until_, world_.clock.Now() + time);
}

void Region::Reached(Moment moment) {
  if (!ambush_ || ambush_->moment != moment) return;
  world_.Reach(Mark::kRegionPaused);
  Pause(std::exchange(ambush_, std::nullopt)->time);
}

Duration Region::paused_for() const {
  return std::max(Duration::zero(), paused_until_ - world_.clock.Now());
}

void Region::Stop() {
  if (!up()) return;
  const Running running(*this);
  stopping_ = true;
  RunTurn();
  stopping_ = false;
  if (!up()) return;
  if (on_stop_) on_stop_();
  Status status = process_->catalog.Close();
  if (status.ok()) {
    status = checkpoint::RegionTable(database_).PutCleanShutdown(world_.clock.WallNow());
  }
  if (!status.ok()) {
    if (up()) Die(StatusMessage(status));
    return;
  }
  world_.Note("{}: stops in order", name_);
  world_.Reach(Mark::kCleanRestart);
  End();
  world_.At(world_.Between(milliseconds(50), seconds(5)), [this] { Start(); });
}

void Region::End() {
  if (on_end_) on_end_();
  process_.reset();
}

void Region::Die(std::string_view how) {
  if (dying_) return;
  dying_ = true;
  if (in_turn_) world_.Reach(Mark::kCrashWithWork);
  world_.Note("{}: dies {}", name_, how);
}

void Region::Settle() {
  if (!dying_) return;
  End();
  using Unsynced = MemoryFileSystem::Unsynced;
  const uint64_t mode = world_.random.Below(3);
  const Unsynced unsynced = mode == 0   ? Unsynced::kKept
                            : mode == 1 ? Unsynced::kLost
                                        : Unsynced::kTorn;
  world_.Reach(mode == 0 ? Mark::kCrashKept : mode == 1 ? Mark::kCrashLost : Mark::kCrashTorn);
  files_.Crash(unsynced);
  store_.Crash(world_.random);
  if (roll_back_next_ && image_) {
    store_.Rollback(*image_);
    rolled_back_ = true;
    world_.Reach(Mark::kStoreRollback);
    world_.Note("{}: an operator restored an older store", name_);
  }
  roll_back_next_ = false;
  dying_ = false;
  world_.Note("{}: is down, unsynced bytes {}", name_, mode);
  world_.At(world_.Between(milliseconds(50), seconds(5)), [this] { Start(); });
}

void Region::RollBackStore() {
  if (!image_ || !up()) return;
  roll_back_next_ = true;
  Die("for its store to be restored");
}

void Region::FillDisk() {
  const auto space = files_.SpaceAt(kDataFolder);
  if (!space.ok()) return;
  const ByteCount used = space->total - space->free;
  files_.SetCapacity(used + ByteCount(static_cast<int64_t>(world_.random.Below(1500))));
  world_.Note("{}: the disk fills up", name_);
}

void Region::InNextTurn(std::function<void()> what) {
  if (!up()) return;
  process_->waiting.push_back(std::move(what));
  if (process_->turn_is_due) return;
  process_->turn_is_due = true;
  After(world_.Between(Duration::zero(), milliseconds(3)), [this] { RunTurn(); });
}

void Region::After(Duration delay, std::function<void()> what) {
  world_.At(paused_for() + delay, [this, boot = boot_, what = std::move(what)] {
    if (!up() || boot != boot_) return;
    if (paused_for() > Duration::zero()) return After(Duration::zero(), what);
    const Running running(*this);
    what();
  });
}

void Region::Answer(std::function<void()> what) {
  if (!up()) return;
  if (stopping_) return what();  // It waits for its answers.
  Reached(Moment::kAnswer);
  After(world_.Between(Duration::zero(), milliseconds(1)), std::move(what));
}

void Region::RunTurn() {
  process_->turn_is_due = false;
  auto jobs = std::exchange(process_->waiting, {});
  if (jobs.empty()) return;
  if (jobs.size() > 1) world_.Reach(Mark::kGroupedTurn);
  in_turn_ = true;
  process_->shards.Hold();
  for (const auto& job : jobs) job();
  process_->shards.Release();
  in_turn_ = false;
}

}  // namespace atl::sim
