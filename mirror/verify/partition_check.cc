#include "mirror/verify/partition_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace atl::mirror {

PartitionCheck::PartitionCheck(const checkpoint::VerifiedRecord& record)
    : verified_to_(record.verified_to), epoch_(record.epoch), at_(record.time) {
  if (record.mismatch_first == kNoOffset) return;
  mismatch_ = {{record.mismatch_first, record.mismatch_end}, record.reason};
}

void PartitionCheck::OnLog(const VerifyRange& log, Offset epoch_end) {
  log_ = log;
  for (Offset* const offset : {&reached_, &verified_to_}) {
    // Without such an epoch nothing of what was compared is there any more.
    if (epoch_ != kNoEpoch) *offset = std::min(*offset, epoch_end);
    *offset = std::min(*offset, log.end);
    if (*offset < log.first) *offset = kNoOffset;
  }
  if (suspect_ && (suspect_->first < log.first || suspect_->end > log.end)) suspect_.reset();
}

std::optional<VerifyRange> PartitionCheck::Next() const {
  if (mismatch_) return std::nullopt;
  if (suspect_) {
    const int64_t half = std::max<int64_t>((suspect_->end - suspect_->first).value() / 2, 1);
    return VerifyRange{suspect_->first, suspect_->first + RecordCount(half)};
  }
  const Offset first = reached_ == kNoOffset ? log_.first : reached_;
  const VerifyRange next{first, std::min(log_.end, first + RecordCount(kWindow))};
  return next.empty() ? std::nullopt : std::optional(next);
}

void PartitionCheck::OnCompared(const VerifyRange& asked, const RangeDigest& theirs,
                                const RangeDigest& ours, WallTime now) {
  if (asked != Next()) return;
  const VerifyRange& range = theirs.range;
  if (range.first < asked.first || range.end > asked.end || range.empty()) {
    suspect_.reset();
    reason_ = fmt::format("the source has nothing of [{}, {}) to compare with", asked.first.value(),
                          asked.end.value());
    return;
  }
  if (ours.range != range) {  // Trimmed here meanwhile: the next look begins behind it.
    suspect_.reset();
    return;
  }
  at_ = now;
  reason_.clear();
  if (!theirs.SameBatches(ours)) return Differ(theirs, ours, now);
  reached_ = std::max(range.end, ours.behind);
  if (reached_ >= verified_to_) {
    verified_to_ = reached_;
    if (ours.last_epoch != kNoEpoch) epoch_ = ours.last_epoch;
  }
  if (!suspect_) return;
  suspect_->first = reached_;
  if (suspect_->empty()) suspect_.reset();
}

void PartitionCheck::Differ(const RangeDigest& theirs, const RangeDigest& ours, WallTime now) {
  const VerifyRange& range = theirs.range;
  const bool one = theirs.batches <= 1 && ours.batches <= 1;
  if (!one && range.end - range.first > RecordCount(1)) {
    suspect_ = range;
    return;
  }
  std::string here = "none";
  VerifyRange batch = range;
  if (ours.first_batch) {
    const kafka::BatchHeader& header = *ours.first_batch;
    batch = {header.base_offset, header.next_offset()};
    here = fmt::format("[{}, {}) of epoch {} with crc {:08x}", batch.first.value(),
                       batch.end.value(), header.leader_epoch.value(), header.crc);
  }
  OnMismatch(batch,
             fmt::format("the batch at offset {} is not the source's: here it is {}, and the "
                         "source's digest of [{}, {}) is another one ({:08x}, {} batches)",
                         batch.first.value(), here, range.first.value(), range.end.value(),
                         theirs.digest, theirs.batches),
             now);
}

void PartitionCheck::OnMismatch(const VerifyRange& batch, std::string cause, WallTime now) {
  if (mismatch_) return;
  suspect_.reset();
  at_ = now;
  reason_.clear();
  verified_to_ = std::min(verified_to_, batch.first);
  mismatch_ = {batch, std::move(cause)};
}

void PartitionCheck::OnVerified(Offset end, LeaderEpoch epoch, WallTime now) {
  at_ = now;
  if (mismatch_ || end <= verified_to_) return;
  suspect_.reset();
  reached_ = end;
  verified_to_ = end;
  epoch_ = epoch;
}

void PartitionCheck::OnOperator(bool skip) {
  if (!mismatch_) return;
  if (skip) {
    reached_ = std::max(reached_, mismatch_->batch.end);
    verified_to_ = std::max(verified_to_, reached_);
  }
  mismatch_.reset();
}

VerifyStatus PartitionCheck::status() const {
  VerifyStatus status;
  if (verified_to_ != kNoOffset) status.verified_to = verified_to_;
  status.at = at_;
  status.mismatch = mismatch_.has_value();
  status.reason = mismatch_ ? mismatch_->cause : reason_;
  return status;
}

bool PartitionCheck::Fill(checkpoint::VerifiedRecord& record) const {
  checkpoint::VerifiedRecord now = record;
  now.verified_to = verified_to_;
  now.epoch = epoch_;
  now.time = at_;
  now.mismatch_first = mismatch_ ? mismatch_->batch.first : kNoOffset;
  now.mismatch_end = mismatch_ ? mismatch_->batch.end : kNoOffset;
  now.reason = mismatch_ ? mismatch_->cause : std::string();
  const bool changed = now.verified_to != record.verified_to ||
                       now.mismatch_first != record.mismatch_first ||
                       now.mismatch_end != record.mismatch_end;
  record = std::move(now);
  return changed;
}

}  // namespace atl::mirror
