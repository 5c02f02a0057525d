#include "mirror/lease/lease_keeper.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <span>
#include <utility>

#include "base/logging.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

constexpr Duration kTick = std::chrono::milliseconds(50);  // New topics wait no longer.
constexpr int kKeepAlivesPerTtl = 4;
constexpr Duration kRetry = std::chrono::milliseconds(200);
// etcd's own limit is 128 operations.
constexpr size_t kMostPerSwap = 60;

std::string Print(LeaderEpoch epoch, RegionOrdinal owner) {
  return fmt::format("{} {}", epoch.value(), owner.value());
}

}  // namespace

LeaseKeeper::LeaseKeeper(Options options, OwnerLease& lease, const broker::Catalog& catalog,
                         const Clock& clock)
    : options_(std::move(options)),
      lease_(lease),
      catalog_(catalog),
      clock_(clock),
      reactor_("lease"),
      group_(reactor_, "lease"),
      etcd_(reactor_, clock, options_.endpoints) {}

LeaseKeeper::~LeaseKeeper() = default;

std::string LeaseKeeper::RegionKey(RegionOrdinal region) const {
  return fmt::format("{}/region/{}", options_.prefix, region.value());
}

std::string LeaseKeeper::TopicKey(const TopicId& topic) const {
  return fmt::format("{}/topic/{}", options_.prefix, topic.ToString());
}

void LeaseKeeper::Start() {
  reactor_.Start();
  boost::asio::post(reactor_.executor(), [this] {
    group_.Spawn(Keep());
    group_.Spawn(Follow());
  });
}

void LeaseKeeper::Stop() {
  group_.StopFromOutside();
  boost::asio::co_spawn(reactor_.executor(), GiveBack(), boost::asio::use_future).get();
  reactor_.Stop();
}

// --- The lease ---

awaitable<void> LeaseKeeper::Keep() {
  for (;;) {
    const MonotonicTime next = clock_.Now() + options_.ttl / kKeepAlivesPerTtl;
    if (lease_id_ == 0) {
      co_await Acquire();
    } else {
      co_await Prolong();
    }
    const Duration wait = lease_id_ == 0 ? kRetry : next - clock_.Now();
    const bool slept = co_await runtime::Sleep(std::max(wait, kTick));
    if (!slept) co_return;
  }
}

awaitable<void> LeaseKeeper::Acquire() {
  const Duration patience = options_.ttl / kKeepAlivesPerTtl;
  const MonotonicTime sent_at = clock_.Now();
  auto grant = co_await etcd_.GrantLease(options_.ttl, patience);
  if (!grant.ok()) {
    lease_.OnTrouble(std::string(StatusMessage(grant.status())));
    co_return;
  }
  EtcdSwap swap;
  swap.expect.push_back({RegionKey(options_.region), 0});
  swap.put.push_back({RegionKey(options_.region), options_.instance, grant->lease});
  auto ours = co_await etcd_.Swap(std::move(swap), patience);
  if (ours.ok() && *ours) {
    lease_id_ = grant->lease;
    lease_.OnKept(sent_at, grant->ttl);
    LogInfo("lease", "region {} holds its lease {:x}", options_.region.value(), lease_id_);
    co_return;
  }
  lease_.OnTrouble(ours.ok() ? "the region's key is still there: of this region before it was "
                               "restarted, for at most one lease, or of a copy of it that runs"
                             : std::string(StatusMessage(ours.status())));
  (void)co_await etcd_.Revoke(grant->lease, patience);
}

awaitable<void> LeaseKeeper::Prolong() {
  const MonotonicTime sent_at = clock_.Now();
  auto ttl = co_await etcd_.KeepAlive(lease_id_, options_.ttl / kKeepAlivesPerTtl);
  if (ttl.ok()) {
    lease_.OnKept(sent_at, std::min(*ttl, options_.ttl));
    co_return;
  }
  const std::string reason(StatusMessage(ttl.status()));
  if (ttl.status().code() != StatusCode::kNotFound) {
    lease_.OnTrouble(reason);
    co_return;
  }
  LogWarning("lease", "region {} has lost its lease: {}", options_.region.value(), reason);
  lease_id_ = 0;
  lease_.OnLost(reason);
}

awaitable<void> LeaseKeeper::GiveBack() {
  lease_.OnLost("the region stops");
  if (lease_id_ == 0) co_return;
  const Status given = co_await etcd_.Revoke(lease_id_, options_.ttl / kKeepAlivesPerTtl);
  if (!given.ok()) LogWarning("lease", "not given back: {}", StatusMessage(given));
  lease_id_ = 0;
}

// --- Topics ---

awaitable<StatusOr<LeaseKeeper::Rows>> LeaseKeeper::Read() {
  auto values = co_await etcd_.List(options_.prefix + "/", options_.ttl / kKeepAlivesPerTtl);
  CO_RETURN_IF_ERROR(values.status());
  Rows rows;
  for (const EtcdValue& value : *values) {
    if (value.key.starts_with(options_.prefix + "/region/")) {
      rows.regions[value.key] = value.mod_revision;
      continue;
    }
    const char* const end = value.value.data() + value.value.size();
    int32_t epoch = 0;
    int32_t owner = 0;
    auto parsed = std::from_chars(value.value.data(), end, epoch);
    const bool space = parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == ' ';
    if (space) parsed = std::from_chars(parsed.ptr + 1, end, owner);
    // Not ours to guess: nobody claims such a topic.
    const bool good = space && parsed.ec == std::errc() && parsed.ptr == end;
    Row& row = rows.topics[value.key];
    row.epoch = LeaderEpoch(good ? epoch : INT32_MAX);
    row.owner = RegionOrdinal(owner);
    row.revision = value.mod_revision;
  }
  co_return rows;
}

std::vector<TopicClaim> LeaseKeeper::Wanted() const {
  std::vector<TopicClaim> wanted;
  const auto view = catalog_.view();
  for (const auto& [id, topic] : view->by_id) {
    const bool ours = topic->owner == options_.region && !topic->is_mirror() && !topic->frozen;
    if (ours) wanted.push_back({id, topic->epoch});
  }
  return wanted;
}

// What must hold for this region to take the topic, as part of a transaction.
Status LeaseKeeper::Plan(const Rows& rows, const TopicClaim& claim, EtcdSwap& swap) const {
  const std::string key = TopicKey(claim.topic);
  const auto found = rows.topics.find(key);
  const Row row = found == rows.topics.end() ? Row{} : found->second;
  const bool free = row.revision == 0 || row.owner == kForeignRegion;
  const bool ours = row.owner == options_.region;
  if (row.epoch > claim.epoch || (row.epoch == claim.epoch && !free && !ours)) {
    return FailedPrecondition("topic id {} was claimed by region {} at epoch {}, not below {}",
                              claim.topic.ToString(), row.owner.value(), row.epoch.value(),
                              claim.epoch.value());
  }
  if (!free && !ours) {
    if (rows.regions.contains(RegionKey(row.owner))) {
      return Unavailable("region {} still holds its lease, and topic id {} under it",
                         row.owner.value(), claim.topic.ToString());
    }
    swap.expect.push_back({RegionKey(row.owner), 0});
  }
  swap.expect.push_back({key, row.revision});
  swap.put.push_back({key, Print(claim.epoch, options_.region), 0});
  return OkStatus();
}

awaitable<Status> LeaseKeeper::ClaimMissing(const Rows& rows, std::vector<TopicClaim> missing) {
  const int64_t lease_id = lease_id_;
  const auto own = rows.regions.find(RegionKey(options_.region));
  if (own == rows.regions.end()) co_return Unavailable("this region's lease has ended");
  Status refused;
  for (size_t at = 0; at < missing.size(); at += kMostPerSwap) {
    const auto part = std::span(missing).subspan(at, std::min(kMostPerSwap, missing.size() - at));
    EtcdSwap swap;
    std::vector<TopicClaim> planned;
    for (const TopicClaim& claim : part) {
      const Status possible = Plan(rows, claim, swap);
      if (possible.ok()) {
        planned.push_back(claim);
      } else {
        refused = possible;
      }
    }
    if (planned.empty()) continue;
    swap.expect.push_back({RegionKey(options_.region), own->second});
    auto swapped = co_await etcd_.Swap(std::move(swap), options_.ttl / kKeepAlivesPerTtl);
    CO_RETURN_IF_ERROR(swapped.status());
    // Under another lease than it was claimed with a claim would mean nothing.
    if (!*swapped || lease_id != lease_id_) co_return Unavailable("somebody else changed a claim");
    for (const TopicClaim& claim : planned) lease_.OnClaimed(claim);
  }
  co_return refused;
}

// Rows that name this region although it does not own the topic any more.
awaitable<Status> LeaseKeeper::ReleaseOthers(const Rows& rows, std::vector<TopicClaim> wanted) {
  std::set<std::string> ours;
  for (const TopicClaim& claim : wanted) ours.insert(TopicKey(claim.topic));
  EtcdSwap swap;
  for (const auto& [key, row] : rows.topics) {
    if (row.owner != options_.region || ours.contains(key)) continue;
    swap.expect.push_back({key, row.revision});
    swap.put.push_back({key, Print(row.epoch, kForeignRegion), 0});
    if (swap.put.size() == kMostPerSwap) break;  // The next round has the rest.
  }
  if (swap.put.empty()) co_return OkStatus();
  auto swapped = co_await etcd_.Swap(std::move(swap), options_.ttl / kKeepAlivesPerTtl);
  CO_RETURN_IF_ERROR(swapped.status());
  // Seen to be released before it counts: rows are read again.
  co_return Unavailable("topics were released");
}

awaitable<Status> LeaseKeeper::Settle(std::vector<TopicClaim> wanted) {
  const int64_t lease_id = lease_id_;
  lease_.Keep(wanted);
  auto rows = co_await Read();
  CO_RETURN_IF_ERROR(rows.status());
  const Status claimed = co_await ClaimMissing(*rows, lease_.Missing(wanted));
  const Status released = co_await ReleaseOthers(*rows, std::move(wanted));
  CO_RETURN_IF_ERROR(claimed);
  CO_RETURN_IF_ERROR(released);
  settled_by_ = lease_id;
  co_return OkStatus();
}

awaitable<void> LeaseKeeper::Follow() {
  std::string grumble;  // Logged once.
  for (;;) {
    std::vector<TopicClaim> wanted = Wanted();
    const bool due =
        settled_by_ != lease_id_ || !lease_.Missing(wanted).empty() || lease_.HasOthers(wanted);
    Duration pause = kTick;
    if (lease_id_ != 0 && due) {
      const Status settled = co_await Settle(std::move(wanted));
      const std::string reason(StatusMessage(settled));
      if (!settled.ok()) {
        settled_by_ = 0;
        pause = kRetry;
        lease_.OnTrouble(reason);
      }
      if (!reason.empty() && reason != grumble) LogInfo("lease", "{}", reason);
      grumble = reason;
    }
    const bool slept = co_await runtime::Sleep(pause);
    if (!slept) co_return;
  }
}

}  // namespace atl::mirror
