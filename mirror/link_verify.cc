// Link, third part: comparing what is here with the source, all the time by digests and on demand
// by whatever the source can (replication.md section 8).
#include <algorithm>
#include <set>
#include <utility>

#include "base/logging.h"
#include "kafka/wire/schema/list_offsets.h"
#include "mirror/link.h"
#include "mirror/pull/blocking.h"
#include "mirror/verify/byte_compare.h"
#include "mirror/verify/log_digest.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

constexpr Duration kCompareEvery = std::chrono::seconds(1);
constexpr Duration kCompareSoonest = std::chrono::milliseconds(10);
// Catching up, comparing takes at most a tenth of a thread.
constexpr int kCompareShare = 9;
// A run that fetches leaves the wire to the mirrors.
constexpr ByteCount kFetchPerSecond{int64_t{64} << 20};
constexpr ByteCount kFetchAtOnce{int64_t{4} << 20};

// Empty: it can be compared.
std::string WhyIncomparable(const MirrorStatus& status, bool rewritten) {
  switch (status.state) {
    case MirrorState::kLocating:
    case MirrorState::kDiverged:
    case MirrorState::kConflict:
    case MirrorState::kRetired:
    case MirrorState::kPromoted:
      return fmt::format("not compared: the mirror is {}", MirrorStateName(status.state));
    default:
      break;
  }
  if (status.applied_end == kNoOffset) return "not compared: nothing was mirrored yet";
  return rewritten ? "not compared: the source compacts this topic, so its batches may be others"
                   : "";
}

Duration PaceOf(ByteCount bytes, Duration took) {
  const double seconds =
      static_cast<double>(bytes.value()) / static_cast<double>(kFetchPerSecond.value());
  const auto wanted = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return std::max(wanted - took, Duration::zero());
}

// What the source has at `from`; without records, where its log starts, behind that.
struct Piece {
  Offset from;
  BytesView records;
  std::shared_ptr<const void> bytes;
  ByteCount wire_bytes{0};
};

awaitable<StatusOr<Piece>> FetchPiece(SourceChannel& channel, PartitionAtSource at, Offset from) {
  std::vector<FetchSlice> slices;
  slices.push_back({at, from, kFetchAtOnce});
  auto answer = co_await channel.FetchOnce(std::move(slices), kFetchAtOnce);
  CO_RETURN_IF_ERROR(answer.status());
  const FetchedSlice slice = answer->slices.front();
  Piece piece;
  piece.from = from;
  if (slice.error == kafka::ErrorCode::kNone) {
    piece.records = slice.records;
    piece.bytes = answer->bytes;
    piece.wire_bytes = answer->received_bytes;
    co_return piece;
  }
  if (slice.error == kafka::ErrorCode::kOffsetOutOfRange) {
    std::vector<OffsetQuestion> questions;
    questions.push_back({at, kafka::kEarliestTimestamp});
    auto starts = co_await channel.Offsets(std::move(questions));
    CO_RETURN_IF_ERROR(starts.status());
    piece.from = starts->front().offset;
    if (piece.from > from) co_return piece;
  }
  co_return Unavailable("the source answers {} at offset {}", kafka::ErrorName(slice.error),
                        from.value());
}

}  // namespace

std::vector<VerifyTarget> Link::VerifyTargets() const {
  std::vector<VerifyTarget> targets;
  for (const auto& [name, room] : rooms_) {
    // Atoll keeps batches as they were written, compacted or not.
    const bool rewritten = room.compacted && config_.source.kind == config::SourceKind::kKafka;
    for (const PartitionPtr& partition : room.partitions) {
      const MirrorStatus status = partition->mirror.status(now());
      VerifyTarget& target = targets.emplace_back();
      target.name = partition->topic->name;
      target.topic = partition->topic->id;
      target.source_name = partition->topic->source_name;
      target.source_topic = partition->topic->source_id;
      target.partition = partition->at.partition;
      target.leader = partition->leader;
      target.applied_end = status.applied_end;
      target.incomparable =
          flows_ != nullptr ? "not compared: its records flow into another topic, at other offsets"
                            : WhyIncomparable(status, rewritten);
    }
  }
  return targets;
}

awaitable<void> Link::Verify() {
  for (;;) {
    std::function<Status()> load = [verifier = verifier_] { return verifier->Load(); };
    const Status loaded =
        co_await RunBlocking<Status>(context_.verifying, reactor_, std::move(load));
    if (loaded.ok()) break;
    LogError("verify", "link {}: what was verified can't be read: {}", config_.name.value(),
             StatusMessage(loaded));
    (void)co_await runtime::Sleep(kCompareEvery);
  }
  for (;;) {
    const MonotonicTime began = context_.clock.Now();
    std::function<bool()> compare = [verifier = verifier_, targets = VerifyTargets()] {
      return verifier->Compare(targets);
    };
    const bool more = co_await RunBlocking<bool>(context_.verifying, reactor_, std::move(compare));
    HaltMismatches();
    const Duration took = context_.clock.Now() - began;
    const Duration pause = std::clamp(took * kCompareShare, kCompareSoonest, kCompareEvery);
    (void)co_await runtime::Sleep(more ? pause : kCompareEvery);
  }
}

void Link::HaltMismatches() {
  for (const auto& [name, room] : rooms_) {
    for (const PartitionPtr& partition : room.partitions) {
      const auto mismatch = verifier_->mismatch(partition->topic->id, partition->at.partition);
      if (!mismatch) continue;
      partition->mirror.OnMismatch(mismatch->batch.first, mismatch->batch.end, mismatch->cause,
                                   now());
      if (partition->fetcher == nullptr) continue;
      partition->fetcher->Touch(*partition);
      partition->fetcher->Wake();
    }
  }
  changed_ = true;
}

// --- On demand ---

StatusOr<uint64_t> Link::StartVerify(const std::vector<TopicName>& topics, bool deep) {
  StatusOr<uint64_t> id = 0;
  OnReactor([&] {
    const auto last = shared_.verify_run();
    if (last != nullptr && !last->report().ended) {
      id = FailedPrecondition("run {} still compares; there is one at a time", verify_runs_);
      return;
    }
    const std::set<TopicName> wanted(topics.begin(), topics.end());
    std::vector<VerifyTarget> targets = VerifyTargets();
    std::erase_if(targets, [&](const VerifyTarget& target) {
      return !wanted.empty() && !wanted.contains(target.name);
    });
    if (targets.empty()) {
      id = NotFound("link `{}` mirrors none of these topics", config_.name.value());
      return;
    }
    id = ++verify_runs_;
    const bool digests = !deep && verifier_->available();
    const auto run = std::make_shared<VerifyRun>(*id, deep, digests, std::move(targets),
                                                 context_.clock.WallNow());
    shared_.SetVerifyRun(run);
    group_.Spawn(RunVerify(run));
  });
  return id;
}

std::optional<VerifyReport> Link::verify_report() const {
  const auto run = shared_.verify_run();
  return run == nullptr ? std::nullopt : std::optional(run->report());
}

awaitable<void> Link::RunVerify(std::shared_ptr<VerifyRun> run) {
  LogInfo("verify", "link {}: run {} compares {} partitions {}", config_.name.value(),
          run->report().id, run->targets().size(), run->digests() ? "by digests" : "by fetching");
  if (run->digests()) {
    for (;;) {
      std::function<bool()> compare = [run, &catalog = context_.catalog, ask = verifier_->ask(),
                                       &clock = context_.clock] {
        return run->CompareOnce(*catalog.view(), ask, clock.WallNow());
      };
      const bool more =
          co_await RunBlocking<bool>(context_.verifying, reactor_, std::move(compare));
      if (!more) break;
    }
  } else {
    std::map<NodeId, std::unique_ptr<SourceChannel>> channels;
    for (size_t i = 0; i < run->targets().size(); ++i) {
      const NodeId leader = run->targets()[i].leader;
      std::unique_ptr<SourceChannel>& channel = channels[leader];
      if (channel == nullptr && leader >= NodeId(0)) {
        auto opened = co_await source_->Open(leader);
        if (opened.ok()) channel = *std::move(opened);
      }
      co_await FetchAndCompare(run, i, channel.get());
    }
  }
  std::function<bool()> take_over = [run, verifier = verifier_, &clock = context_.clock] {
    verifier->TakeOver(run->targets(), run->checks());
    run->End(clock.WallNow());
    return true;
  };
  (void)co_await RunBlocking<bool>(context_.verifying, reactor_, std::move(take_over));
  HaltMismatches();
}

awaitable<void> Link::FetchAndCompare(std::shared_ptr<VerifyRun> run, size_t index,
                                      SourceChannel* channel) {
  const VerifyTarget target = run->targets()[index];
  const auto partition = FindPartition(*context_.catalog.view(), target.topic, target.partition);
  if (channel == nullptr || partition == nullptr) {
    run->Fail(index, "the source can't be reached");
    co_return;
  }
  const broker::PartitionOffsets offsets = partition->offsets();
  VerifyRange range{offsets.log_start, std::min(target.applied_end, offsets.high_watermark)};
  run->Begin(index, range);
  const PartitionAtSource at{target.source_name, target.partition};
  LeaderEpoch epoch = kNoEpoch;
  while (!range.empty() && !run->check(index).mismatch()) {
    const MonotonicTime began = context_.clock.Now();
    auto piece = co_await FetchPiece(*channel, at, range.first);
    if (!piece.ok()) {
      run->Fail(index, std::string(StatusMessage(piece.status())));
      co_return;
    }
    if (piece->from > range.first) {  // What the source no longer has can't be compared.
      range.first = std::min(piece->from, range.end);
      continue;
    }
    const ByteCount wire_bytes = piece->wire_bytes;
    std::function<StatusOr<ByteComparison>()> compare = [partition, range, piece = *piece,
                                                         deep = run->deep()] {
      return CompareBytes(*partition, range, piece.records, deep);
    };
    auto compared = co_await RunBlocking<StatusOr<ByteComparison>>(context_.verifying, reactor_,
                                                                   std::move(compare));
    if (compared.ok() && compared->next == range.first && !compared->mismatch) {
      compared = NotFound("the source answers nothing at offset {}", range.first.value());
    }
    if (!compared.ok()) {
      run->Fail(index, std::string(StatusMessage(compared.status())));
      co_return;
    }
    range.first = compared->next;
    if (compared->last_epoch != kNoEpoch) epoch = compared->last_epoch;
    run->Reach(index, range.first, compared->bytes);
    if (compared->mismatch) {
      run->check(index).OnMismatch(compared->mismatch->batch, compared->mismatch->cause,
                                   context_.clock.WallNow());
    }
    (void)co_await runtime::Sleep(PaceOf(wire_bytes, context_.clock.Now() - began));
  }
  if (range.empty()) run->check(index).OnVerified(range.end, epoch, context_.clock.WallNow());
  run->Finish(index);
}

}  // namespace atl::mirror
