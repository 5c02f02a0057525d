// What a mirror does to its own log besides appending: ends and starts it elsewhere.
#include <algorithm>
#include <utility>

#include "tests/sim/mirror_driver.h"

namespace atl::sim {

void MirrorDriver::FollowLogStart(const SlotKey& key, Slot& slot, Offset start) {
  slot.sink_busy = true;
  mirror::ApplyItem item;
  item.target = slot.sink;
  item.log_start = start;
  Apply(key, slot.mirror.attempt(), std::move(item), nullptr,
        [this, start](Slot& s, uint64_t attempt, const mirror::ApplyItem& done) {
          s.sink_busy = false;
          if (done.status.ok()) world_.Reach(Mark::kLogStartFollowed);
          s.mirror.OnLogStartFollowed(attempt, done.status, start, now());
        });
}

void MirrorDriver::Restart(const SlotKey& key, Slot& slot) {
  slot.sink_busy = true;
  mirror::ApplyItem item;
  item.target = slot.sink;
  item.restart_at = slot.mirror.restart_at();
  world_.Note("{}: {}-{} restarts at {}", self_.name(), slot.mirror.key().topic.value(),
              key.second.value(), item.restart_at->value());
  world_.Reach(Mark::kRestartElsewhere);
  Apply(key, slot.mirror.attempt(), std::move(item), nullptr,
        [this](Slot& s, uint64_t attempt, const mirror::ApplyItem& done) {
          s.sink_busy = false;
          s.mirror.OnRestarted(attempt, done.status, now());
        });
}

StatusOr<mirror::SetAside> MirrorDriver::SetAsideTail(const SlotKey& key, Slot& slot) {
  Region::Process& process = self_.process();
  ASSIGN_OR_RETURN(slot.cut, slot.sink->PlanCut(slot.mirror.set_aside_from()));
  if (world_.Plants(Mutation::kSkipQuarantine)) {
    return mirror::SetAside{"none", slot.cut->first, (slot.cut->end - slot.cut->first).value()};
  }
  const mirror::Quarantine::Request request{.topic = slot.mirror.key().topic,
                                            .topic_id = key.first,
                                            .partition = key.second,
                                            .link = plan_.name,
                                            .new_epoch = slot.mirror.source_epoch(),
                                            .first = slot.cut->first,
                                            .end = slot.cut->end,
                                            .attempt = slot.mirror.attempt(),
                                            .time = world_.clock.WallNow()};
  const auto read = [&](const mirror::Quarantine::Take& take) {
    return slot.sink->ReadBatches(slot.cut->first, take);
  };
  ASSIGN_OR_RETURN(const mirror::QuarantinedTail kept, process.quarantine->SetAside(request, read));
  std::vector<mirror::GroupClamp> groups;
  if (!world_.Plants(Mutation::kOffsetPastCut)) {
    ASSIGN_OR_RETURN(groups,
                     process.group_sync->OnCut(slot.mirror.key().topic, key.second, slot.cut->at));
  }
  if (!groups.empty()) world_.Reach(Mark::kGroupClamped);
  RETURN_IF_ERROR(SavePosition(key, slot, slot.cut->at, checkpoint::Sync::kNow));
  if (world_.Plants(Mutation::kCutDeeper)) {
    const Offset deeper = std::max(Offset(0), Offset(slot.mirror.set_aside_from().value() - 20));
    ASSIGN_OR_RETURN(slot.cut, slot.sink->PlanCut(deeper));
  }
  return mirror::SetAside{kept.id, kept.first, kept.records, std::move(groups)};
}

void MirrorDriver::Truncate(const SlotKey& key, Slot& slot) {
  slot.sink_busy = true;
  mirror::ApplyItem item;
  item.target = slot.sink;
  item.cut = std::move(slot.cut);
  world_.Note("{}: {}-{} truncates to {}", self_.name(), slot.mirror.key().topic.value(),
              key.second.value(), item.cut->at.value());
  Apply(key, slot.mirror.attempt(), std::move(item), nullptr,
        [this](Slot& s, uint64_t attempt, const mirror::ApplyItem& done) {
          s.sink_busy = false;
          s.mirror.OnTruncated(attempt, done.status, now());
        });
}

}  // namespace atl::sim
