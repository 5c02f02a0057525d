#include "mirror/lease/lease_keeper.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <charconv>
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
    group_.Spawn(ClaimOwn());
  });
}

void LeaseKeeper::Stop() {
  group_.StopFromOutside();
  boost::asio::co_spawn(reactor_.executor(), GiveBack(), boost::asio::use_future).get();
  reactor_.Stop();
}

Status LeaseKeeper::Claim(const std::vector<TopicClaim>& claims, Duration deadline) {
  return boost::asio::co_spawn(reactor_.executor(), ClaimUntil(claims, clock_.Now() + deadline),
                               boost::asio::use_future)
      .get();
}

Status LeaseKeeper::Release(const std::vector<TopicId>& topics, Duration deadline) {
  return boost::asio::co_spawn(reactor_.executor(), ReleaseUntil(topics, clock_.Now() + deadline),
                               boost::asio::use_future)
      .get();
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

// What must hold for this region to take the topic, as part of a transaction.
Status LeaseKeeper::Plan(const Rows& rows, const TopicClaim& claim, bool from_others,
                         EtcdSwap& swap) const {
  const std::string key = TopicKey(claim.topic);
  const auto found = rows.topics.find(key);
  const Row row = found == rows.topics.end() ? Row{} : found->second;
  const bool ours = row.revision == 0 || row.owner == options_.region;
  if (row.epoch > claim.epoch || (row.epoch == claim.epoch && !ours && row.owner.value() != 0)) {
    return FailedPrecondition("topic id {} was claimed by region {} at epoch {}, not below {}",
                              claim.topic.ToString(), row.owner.value(), row.epoch.value(),
                              claim.epoch.value());
  }
  if (!ours && !from_others) {
    return FailedPrecondition("topic id {} is claimed by region {} (0: released) at epoch {}",
                              claim.topic.ToString(), row.owner.value(), row.epoch.value());
  }
  if (!ours && row.owner.value() != 0) {
    if (rows.regions.contains(RegionKey(row.owner))) {
      return Unavailable("region {} still holds its lease", row.owner.value());
    }
    swap.expect.push_back({RegionKey(row.owner), 0});
  }
  swap.expect.push_back({key, row.revision});
  swap.put.push_back({key, Print(claim.epoch, options_.region), 0});
  return OkStatus();
}

awaitable<Status> LeaseKeeper::TryClaim(std::vector<TopicClaim> claims, bool from_others) {
  const int64_t lease_id = lease_id_;
  if (lease_id == 0) co_return Unavailable("this region has no lease: {}", lease_.status().reason);
  auto rows = co_await Read();
  CO_RETURN_IF_ERROR(rows.status());
  const auto own = rows->regions.find(RegionKey(options_.region));
  if (own == rows->regions.end()) co_return Unavailable("this region's lease has ended");
  Status refused;
  for (size_t at = 0; at < claims.size(); at += kMostPerSwap) {
    const auto part = std::span(claims).subspan(at, std::min(kMostPerSwap, claims.size() - at));
    EtcdSwap swap;
    std::vector<TopicClaim> planned;
    for (const TopicClaim& claim : part) {
      const Status possible = Plan(*rows, claim, from_others, swap);
      if (possible.ok()) {
        planned.push_back(claim);
      } else if (refused.ok() || possible.code() == StatusCode::kFailedPrecondition) {
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

awaitable<void> LeaseKeeper::ClaimOwn() {
  std::string grumble;  // Logged once.
  for (;;) {
    std::vector<TopicClaim> wanted;
    const auto view = catalog_.view();
    for (const auto& [id, topic] : view->by_id) {
      const bool ours = topic->owner == options_.region && !topic->is_mirror() && !topic->frozen;
      if (ours) wanted.push_back({id, topic->epoch});
    }
    std::vector<TopicClaim> missing = lease_.Missing(wanted);
    Duration pause = kTick;
    if (lease_id_ != 0 && !missing.empty()) {
      const Status claimed = co_await TryClaim(std::move(missing), false);
      const std::string reason(StatusMessage(claimed));
      if (!claimed.ok()) {
        pause = kRetry;
        lease_.OnTrouble(reason);
      }
      if (!reason.empty() && reason != grumble) LogWarning("lease", "{}", reason);
      grumble = reason;
    }
    const bool slept = co_await runtime::Sleep(pause);
    if (!slept) co_return;
  }
}

awaitable<Status> LeaseKeeper::ClaimUntil(std::vector<TopicClaim> claims, MonotonicTime until) {
  for (;;) {
    const Status claimed = co_await TryClaim(claims, true);
    const StatusCode code = claimed.code();
    const bool again = code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded;
    if (!again) co_return claimed;
    if (clock_.Now() + kRetry >= until) {
      co_return DeadlineExceeded("not claimed in time: {}", StatusMessage(claimed));
    }
    const bool slept = co_await runtime::Sleep(kRetry);
    if (!slept) co_return Cancelled("the region stops");
  }
}

awaitable<Status> LeaseKeeper::TryRelease(std::vector<TopicId> topics) {
  auto rows = co_await Read();
  CO_RETURN_IF_ERROR(rows.status());
  for (size_t at = 0; at < topics.size(); at += kMostPerSwap) {
    const auto part = std::span(topics).subspan(at, std::min(kMostPerSwap, topics.size() - at));
    EtcdSwap swap;
    for (const TopicId& topic : part) {
      const std::string key = TopicKey(topic);
      const auto row = rows->topics.find(key);
      if (row == rows->topics.end() || row->second.owner != options_.region) continue;
      swap.expect.push_back({key, row->second.revision});
      swap.put.push_back({key, Print(row->second.epoch, RegionOrdinal(0)), 0});
    }
    if (swap.put.empty()) continue;
    auto swapped = co_await etcd_.Swap(std::move(swap), options_.ttl / kKeepAlivesPerTtl);
    CO_RETURN_IF_ERROR(swapped.status());
    if (!*swapped) co_return Unavailable("somebody else changed a claim");
    for (const TopicId& topic : part) lease_.OnReleased(topic);
  }
  co_return OkStatus();
}

awaitable<Status> LeaseKeeper::ReleaseUntil(std::vector<TopicId> topics, MonotonicTime until) {
  for (const TopicId& topic : topics) lease_.OnReleased(topic);
  for (;;) {
    const Status released = co_await TryRelease(topics);
    if (released.code() != StatusCode::kUnavailable) co_return released;
    if (clock_.Now() + kRetry >= until) {
      co_return DeadlineExceeded("not released in time: {}", StatusMessage(released));
    }
    const bool slept = co_await runtime::Sleep(kRetry);
    if (!slept) co_return Cancelled("the region stops");
  }
}

}  // namespace atl::mirror
