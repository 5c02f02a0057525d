#include "mirror/verify/verify_run.h"

#include <utility>

namespace atl::mirror {
namespace {

std::vector<VerifyTarget> Comparable(const std::vector<VerifyTarget>& targets) {
  std::vector<VerifyTarget> comparable;
  for (const VerifyTarget& target : targets) {
    if (target.incomparable.empty()) comparable.push_back(target);
  }
  return comparable;
}

}  // namespace

VerifyRun::VerifyRun(uint64_t id, bool deep, bool digests, std::vector<VerifyTarget> targets,
                     WallTime now)
    : deep_(deep),
      digests_(digests),
      targets_(Comparable(targets)),
      checks_(targets_.size()),
      reached_(targets_.size(), kNoOffset) {
  report_.id = id;
  report_.deep = deep;
  report_.digests = digests;
  report_.started = now;
  report_.partitions = static_cast<int64_t>(targets_.size());
  for (const VerifyTarget& target : targets) {
    if (target.incomparable.empty()) continue;
    report_.incomparable.push_back({target.name, target.partition, target.incomparable});
  }
}

bool VerifyRun::CompareOnce(const broker::CatalogView& view, const AskDigests& ask, WallTime now) {
  std::vector<CheckSlot> slots;
  std::vector<size_t> asked;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (reached_[i] != kNoOffset && !checks_[i].Next()) continue;  // Done.
    slots.push_back({&targets_[i], &checks_[i]});
    asked.push_back(i);
  }
  if (slots.empty()) return false;
  const bool moved = CompareDigests(slots, view, ask, now);
  bool more = false;
  for (const size_t i : asked) {
    if (reached_[i] == kNoOffset) Begin(i, checks_[i].log());
    if (checks_[i].verified_to() != kNoOffset) Reach(i, checks_[i].verified_to(), ByteCount(0));
    const bool done = !checks_[i].Next();
    more = more || !done;
    if (done) {
      Finish(i);
    } else if (!moved) {
      Fail(i, checks_[i].status().reason);
    }
  }
  return moved && more;
}

void VerifyRun::Begin(size_t target, const VerifyRange& range) {
  reached_[target] = range.first;
  MutexLock lock(&mutex_);
  report_.offsets += range.empty() ? RecordCount(0) : range.end - range.first;
}

void VerifyRun::Reach(size_t target, Offset to, ByteCount bytes) {
  MutexLock lock(&mutex_);
  report_.bytes += bytes;
  if (to <= reached_[target]) return;
  report_.offsets_done += to - reached_[target];
  reached_[target] = to;
}

void VerifyRun::Finish(size_t target) {
  MutexLock lock(&mutex_);
  ++report_.partitions_done;
  const auto& mismatch = checks_[target].mismatch();
  if (!mismatch) return;
  report_.findings.push_back({.topic = targets_[target].name,
                              .partition = targets_[target].partition,
                              .mismatch = true,
                              .batch = mismatch->batch,
                              .what = mismatch->cause});
}

void VerifyRun::Fail(size_t target, std::string what) {
  MutexLock lock(&mutex_);
  report_.findings.push_back({.topic = targets_[target].name,
                              .partition = targets_[target].partition,
                              .mismatch = false,
                              .batch = {kNoOffset, kNoOffset},
                              .what = std::move(what)});
}

void VerifyRun::End(WallTime now) {
  MutexLock lock(&mutex_);
  report_.ended = now;
}

VerifyReport VerifyRun::report() const {
  MutexLock lock(&mutex_);
  return report_;
}

}  // namespace atl::mirror
