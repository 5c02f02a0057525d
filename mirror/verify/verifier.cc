#include "mirror/verify/verifier.h"

#include <set>

#include "base/logging.h"

namespace atl::mirror {
namespace {

constexpr char kNoControl[] =
    "not available: no control connection to the source; `atoll verify` compares on demand";

}  // namespace

Status Verifier::Load() {
  std::vector<Status> damaged;
  ASSIGN_OR_RETURN(const auto records,
                   checkpoint::VerifyTable(context_.store).List(context_.link, &damaged));
  for (const Status& status : damaged) {  // It is compared again.
    LogWarning("verify", "link {}: {}", context_.link.value(), StatusMessage(status));
  }
  for (const checkpoint::VerifiedRecord& record : records) {
    entries_[{record.topic, record.partition}] = {PartitionCheck(record), record};
  }
  Show();
  return OkStatus();
}

Verifier::Entry& Verifier::EntryOf(const VerifyTarget& target) {
  const auto [found, added] = entries_.try_emplace({target.topic, target.partition});
  if (added) {
    found->second.written.link = context_.link;
    found->second.written.topic = target.topic;
    found->second.written.partition = target.partition;
  }
  return found->second;
}

bool Verifier::Compare(const std::vector<VerifyTarget>& targets) {
  ApplyDecisions();
  std::vector<CheckSlot> slots;
  for (const VerifyTarget& target : targets) {
    slots.push_back({&target, &EntryOf(target).check});
  }
  bool moved = false;
  if (available()) {
    moved = CompareDigests(slots, *context_.catalog.view(), context_.ask, context_.clock.WallNow());
  } else {
    for (const CheckSlot& slot : slots) {
      const std::string& incomparable = slot.target->incomparable;
      slot.check->OnReason(incomparable.empty() ? kNoControl : incomparable);
    }
  }
  checkpoint::WriteBatch batch;
  Forget(targets, batch);
  Keep(std::move(batch));
  Show();
  return moved;
}

void Verifier::TakeOver(const std::vector<VerifyTarget>& targets,
                        const std::vector<PartitionCheck>& found) {
  for (size_t i = 0; i < targets.size(); ++i) {
    PartitionCheck& check = EntryOf(targets[i]).check;
    const VerifyStatus status = found[i].status();
    if (found[i].mismatch()) {
      check.OnMismatch(found[i].mismatch()->batch, found[i].mismatch()->cause, status.at);
    } else if (status.verified_to) {
      check.OnVerified(*status.verified_to, found[i].epoch(), status.at);
    }
  }
  Keep({});
  Show();
}

// The rows of topics that this link does not mirror (any more): whatever comes back under that id
// is compared from its start.
void Verifier::Forget(const std::vector<VerifyTarget>& targets, checkpoint::WriteBatch& batch) {
  std::set<Key> wanted;
  for (const VerifyTarget& target : targets) wanted.emplace(target.topic, target.partition);
  const auto view = context_.catalog.view();
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto topic = view->Find(it->first.first);
    const bool ours = topic && topic->link == context_.link && !topic->frozen;
    if (ours || wanted.contains(it->first)) {
      ++it;
      continue;
    }
    checkpoint::VerifyTable::StageDelete(batch, context_.link, it->first.first, it->first.second);
    it = entries_.erase(it);
  }
}

void Verifier::Keep(checkpoint::WriteBatch batch) {
  bool urgent = false;
  for (auto& [key, entry] : entries_) {
    const bool knew = entry.written.mismatch_first != kNoOffset;
    if (!entry.check.Fill(entry.written)) continue;
    urgent = urgent || knew != entry.check.mismatch().has_value();
    checkpoint::VerifyTable::StagePut(batch, entry.written);
  }
  if (batch.empty()) return;
  const auto sync = urgent ? checkpoint::Sync::kNow : checkpoint::Sync::kLazy;
  const Status kept = context_.store.Write(batch, sync);
  if (!kept.ok()) {  // Costs comparing again after a restart.
    LogWarning("verify", "link {}: not kept: {}", context_.link.value(), StatusMessage(kept));
  }
}

void Verifier::ApplyDecisions() {
  std::vector<std::pair<TopicId, bool>> decisions;
  {
    MutexLock lock(&mutex_);
    decisions.swap(decisions_);
  }
  for (const auto& [topic, skip] : decisions) {
    for (auto& [key, entry] : entries_) {
      if (key.first == topic) entry.check.OnOperator(skip);
    }
  }
}

void Verifier::Show() {
  MutexLock lock(&mutex_);
  seen_.clear();
  for (const auto& [key, entry] : entries_) {
    seen_[key] = {entry.check.status(), entry.check.mismatch()};
  }
  // Decided while the comparison ran: it counts already.
  for (const auto& [topic, skip] : decisions_) {
    for (auto& [key, seen] : seen_) {
      if (key.first != topic) continue;
      seen.status.mismatch = false;
      seen.mismatch.reset();
    }
  }
}

VerifyStatus Verifier::status(const TopicId& topic, PartitionId partition) const {
  MutexLock lock(&mutex_);
  const auto found = seen_.find({topic, partition});
  return found == seen_.end() ? VerifyStatus() : found->second.status;
}

std::optional<PartitionCheck::Mismatch> Verifier::mismatch(const TopicId& topic,
                                                           PartitionId partition) const {
  MutexLock lock(&mutex_);
  const auto found = seen_.find({topic, partition});
  return found == seen_.end() ? std::nullopt : found->second.mismatch;
}

void Verifier::Decide(const TopicId& topic, bool skip) {
  MutexLock lock(&mutex_);
  decisions_.emplace_back(topic, skip);
  for (auto& [key, seen] : seen_) {
    if (key.first != topic) continue;
    seen.status.mismatch = false;
    seen.mismatch.reset();
  }
}

}  // namespace atl::mirror
