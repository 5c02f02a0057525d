#include "checkpoint/region_table.h"

#include <algorithm>

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

// ProducerId::Mint leaves 40 bits for the counter.
constexpr int64_t kProducerIdLimit = int64_t{1} << 40;

state::RegionIdentity ToMessage(const RegionIdentity& identity) {
  state::RegionIdentity message;
  message.set_cluster_id(IdBytes(identity.cluster_id));
  message.set_name(identity.name.value());
  message.set_ordinal(identity.ordinal.value());
  return message;
}

StatusOr<RegionIdentity> FromMessage(const state::RegionIdentity& message) {
  ASSIGN_OR_RETURN(const Uuid cluster_id, IdFromBytes(message.cluster_id()));
  return RegionIdentity{cluster_id, RegionName(message.name()), RegionOrdinal(message.ordinal())};
}

StatusOr<WallTime> ShutdownFromMessage(const state::CleanShutdown& message) {
  return FromNanoseconds(message.time_ns());
}

StatusOr<int64_t> NextFromMessage(const state::ProducerIdBlock& message) { return message.next(); }

}  // namespace

StatusOr<std::optional<RegionIdentity>> RegionTable::Identity() {
  return GetRow(store_, TablePrefix(TableId::kRegionIdentity), FromMessage);
}

Status RegionTable::PutIdentity(const RegionIdentity& identity) {
  return PutRow(store_, TablePrefix(TableId::kRegionIdentity), ToMessage(identity), Sync::kNow);
}

Status RegionTable::PutCleanShutdown(WallTime time) {
  state::CleanShutdown message;
  message.set_time_ns(ToNanoseconds(time));
  return PutRow(store_, TablePrefix(TableId::kCleanShutdown), message, Sync::kNow);
}

StatusOr<std::optional<WallTime>> RegionTable::TakeCleanShutdown() {
  const std::string key = TablePrefix(TableId::kCleanShutdown);
  ASSIGN_OR_RETURN(const std::optional<WallTime> time, GetRow(store_, key, ShutdownFromMessage));
  if (!time) return time;
  WriteBatch batch;
  batch.Delete(key);
  RETURN_IF_ERROR(store_.Write(batch, Sync::kNow));
  return time;
}

StatusOr<int64_t> RegionTable::AllocateProducerIds(int64_t at_least) {
  const std::string key = TablePrefix(TableId::kProducerIdBlock);
  ASSIGN_OR_RETURN(const std::optional<int64_t> next, GetRow(store_, key, NextFromMessage));
  const int64_t first = std::max(next.value_or(0), at_least);
  if (first > kProducerIdLimit - kProducerIdBlock)
    return ResourceExhausted("all {} producer ids of this region are used", kProducerIdLimit);
  state::ProducerIdBlock message;
  message.set_next(first + kProducerIdBlock);
  RETURN_IF_ERROR(PutRow(store_, key, message, Sync::kNow));
  return first;
}

}  // namespace atl::checkpoint
