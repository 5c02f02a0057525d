// One simulated region: a real catalogue, real partitions and logs, real ownership records, gate,
// quarantine and sink over a disk and a store in memory that behave badly on command. What dies
// with the process is in Process; the disk, the store and the numbers of the world stay.
//
// A process dies in the middle of whatever it does: from then on every file and store operation
// fails, nothing it says reaches anybody, and Settle() buries it after the event. Power goes with
// it: what was not synced is kept, lost or torn, by the seed.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_file.h"
#include "base/metrics.h"
#include "checkpoint/event_table.h"
#include "checkpoint/extent_table.h"
#include "checkpoint/failover_table.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/mirror_table.h"
#include "checkpoint/ownership_table.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/region_table.h"
#include "checkpoint/topic_table.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/coordinator.h"
#include "mirror/lease/lease.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/offsets/group_sync.h"
#include "mirror/offsets/local_copies.h"
#include "mirror/ownership/gate.h"
#include "mirror/ownership/owners.h"
#include "mirror/ownership/quarantine.h"
#include "mirror/pull/local_sink.h"
#include "mirror/watch/events.h"
#include "region-config/link.h"
#include "runtime/storage_shards.h"
#include "tests/sim/skewed_clock.h"
#include "tests/sim/world.h"

namespace atl::sim {

inline constexpr const char* kDataFolder = "/data";

// Set by the scenario; a swarm seed leaves some of them off.
struct DiskFaults {
  double read_error = 0;   // Per read.
  bool next_sync = false;  // The next sync fails, once.
  bool next_store_write = false;
  std::optional<uint64_t> die_at_file_op;  // Counted from now on.
  std::optional<uint64_t> die_at_store_op;
};

class Region {
 public:
  Region(World& world, RegionOrdinal ordinal, std::string name);
  ~Region();

  struct Process {
    Process(Region& region, std::unique_ptr<checkpoint::EventTable> event_table);
    Metrics metrics;
    checkpoint::TopicTable topics;
    checkpoint::PartitionStateTable states;
    checkpoint::MirrorTable mirrors;
    checkpoint::OwnershipTable ownership_table;
    checkpoint::FailoverTable failover_table;
    checkpoint::ExtentTable extent_table;
    std::unique_ptr<checkpoint::EventTable> event_table;
    mirror::Events events;
    std::unique_ptr<mirror::Quarantine> quarantine;  // Opened when the process begins to serve.
    runtime::StorageShards shards;
    mirror::OwnerLease lease;  // Held in lease mode only.
    mirror::CatalogGate gate;
    broker::Catalog catalog;
    mirror::LocalSink sink;
    mirror::Owners owners;
    runtime::StorageShards group_shard;
    runtime::StorageShards sync_shard;
    broker::Coordinator groups;
    mirror::FanIn fan_in;
    mirror::LocalCopies copies;
    runtime::Reactor reactor;  // Never started: the group sync is driven by its Tick().
    std::unique_ptr<mirror::GroupSync> group_sync;
    std::deque<std::function<void()>> waiting;  // Work for the next turn of the shards.
    bool turn_is_due = false;
  };

  // Marks whose code runs, for failpoints.
  class Running {
   public:
    explicit Running(Region& region) : before_(current_) {
      current_ = &region;
      region.touched_ = true;
    }
    ~Running() { current_ = before_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Region* const before_;
  };
  static Region* current() { return current_; }
  // Whether any of its code ran since the last question.
  bool TakeTouched() { return std::exchange(touched_, false); }

  World& world() { return world_; }
  RegionOrdinal ordinal() const { return ordinal_; }
  const std::string& name() const { return name_; }
  bool up() const { return process_ != nullptr && !dying_; }
  uint64_t boot() const { return boot_; }        // Rises with every start.
  uint64_t session() const { return session_; }  // Rises with every start after an unclean stop.
  bool rolled_back() const { return rolled_back_; }
  Process& process() { return *process_; }
  MemoryFileSystem& files() { return files_; }
  checkpoint::MemoryStore& store() { return store_; }
  DiskFaults& faults() { return faults_; }
  uint64_t store_writes() const { return store_writes_; }

  // Set once, before the first start: the links that end here, as the configuration has them.
  void SetLinks(std::vector<config::Link> links) { links_ = std::move(links); }
  // Likewise: how it says something to another region; false: there is no connection.
  using Say = std::function<bool(const RegionName& to, const mirror::ControlMessage& message)>;
  void SetSay(Say say) { say_ = std::move(say); }
  // Likewise: it accepts only under a lease, which it measures on its machine's monotonic clock.
  void UseLease(int clock_rate_per_mille);
  bool in_lease_mode() const { return in_lease_mode_; }
  const SkewedClock& lease_clock() const { return lease_clock_; }
  // Stopped by SIGSTOP, or with its machine: nothing of it runs until then.
  void Pause(Duration time);
  // Likewise, the next time that it comes to the worst moment for it. None: no more.
  enum class Moment {
    kAnswer,     // Between a record that it has accepted and the acknowledgement.
    kKeepAlive,  // Between a question to etcd and the answer.
  };
  struct Ambush {
    Moment moment;
    Duration time;
  };
  void PauseAt(std::optional<Ambush> ambush) { ambush_ = ambush; }
  void Reached(Moment moment);
  Duration paused_for() const;
  bool was_paused_since(MonotonicTime time) const { return paused_until_ > time; }

  // Tries again later when it fails.
  void Start();
  // Set once: run when a process begins to serve, and before it is taken apart.
  void OnStart(std::function<void()> on_start) { on_start_ = std::move(on_start); }
  void OnEnd(std::function<void()> on_end) { on_end_ = std::move(on_end); }
  // Likewise: before the end of an orderly stop.
  void OnStop(std::function<void()> on_stop) { on_stop_ = std::move(on_stop); }
  void Stop();  // Orderly; starts again after a while.
  void Die(std::string_view how);
  void Settle();
  // An operator restores an older store while the process is down.
  void RollBackStore();
  void RememberStore() { image_ = store_.Clone(); }
  void ForgetImage() { image_.reset(); }
  void FillDisk();
  void EmptyDisk() { files_.SetCapacity(ByteCount(int64_t{1} << 40)); }

  // Runs as this process's code, unless it has ended by then.
  void After(Duration delay, std::function<void()> what);
  // What was done on a shard is answered on another thread, a moment later.
  void Answer(std::function<void()> what);
  // For an answer or word that none will come, whichever is first.
  template <class T>
  std::function<void(StatusOr<T>)> Once(std::function<void(StatusOr<T>)> answered) {
    const auto open = std::make_shared<bool>(true);
    return [this, open, answered = std::move(answered), boot = boot_](StatusOr<T> answer) {
      if (!std::exchange(*open, false) || !up() || boot_ != boot) return;
      const Running running(*this);
      answered(std::move(answer));
    };
  }
  // Runs on the shards in a turn soon, together with what else waits.
  void InNextTurn(std::function<void()> what);

 private:
  Status OnFileOperation(MemoryFileSystem::Operation operation, const std::string& path);
  Status OnStoreOperation(checkpoint::MemoryStore::Operation operation);
  Status Serve();
  void Tick(uint64_t boot);
  void RunTurn();
  void End();

  static Region* current_;

  World& world_;
  const RegionOrdinal ordinal_;
  const std::string name_;
  MemoryFileSystem files_;
  MutantFiles mutant_files_;
  checkpoint::MemoryStore store_;
  MutantStore mutant_store_;
  FileSystem& disk_;             // What the process sees.
  checkpoint::Store& database_;  // Likewise.
  DiskFaults faults_;
  uint64_t file_ops_ = 0;
  uint64_t store_ops_ = 0;
  uint64_t store_writes_ = 0;
  std::vector<config::Link> links_;
  Say say_;
  SkewedClock lease_clock_;
  bool in_lease_mode_ = false;
  MonotonicTime paused_until_{};
  std::optional<Ambush> ambush_;
  std::function<void()> on_start_;
  std::function<void()> on_end_;
  std::function<void()> on_stop_;
  std::unique_ptr<Process> process_;
  bool touched_ = false;
  bool dying_ = false;
  bool stopping_ = false;
  bool in_turn_ = false;
  uint64_t boot_ = 0;
  uint64_t session_ = 0;
  bool rolled_back_ = false;
  bool roll_back_next_ = false;
  std::optional<checkpoint::MemoryStore::Image> image_;
};

}  // namespace atl::sim
