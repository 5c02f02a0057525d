#include "mirror/verify/compare.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "mirror/verify/log_digest.h"

namespace atl::mirror {
namespace {

struct Question {
  CheckSlot slot;
  std::shared_ptr<broker::Partition> partition;
  VerifyRange range;
};

// Nothing: there is nothing to ask.
std::optional<Question> NextQuestion(const CheckSlot& slot, const broker::CatalogView& view) {
  const VerifyTarget& target = *slot.target;
  if (!target.incomparable.empty()) {
    slot.check->OnReason(target.incomparable);
    return std::nullopt;
  }
  auto partition = FindPartition(view, target.topic, target.partition);
  if (partition == nullptr) return std::nullopt;  // Just deleted; its row goes, too.
  const broker::PartitionOffsets offsets = partition->offsets();
  const Offset cut = partition->EndOfEpoch(slot.check->epoch()).end;
  slot.check->OnLog({offsets.log_start, std::min(target.applied_end, offsets.high_watermark)}, cut);
  const std::optional<VerifyRange> next = slot.check->Next();
  if (!next) return std::nullopt;
  return Question{slot, std::move(partition), *next};
}

bool Conclude(const Question& question, const Digests::Row& row, WallTime now) {
  PartitionCheck& check = *question.slot.check;
  const VerifyRange& asked = question.range;
  RangeDigest theirs;
  theirs.range = {row.first, row.end};
  theirs.digest = row.digest;
  theirs.batches = row.batches;
  const bool fits = row.topic == question.slot.target->source_topic &&
                    row.partition == question.slot.target->partition && row.first >= asked.first &&
                    row.end <= asked.end && row.first < row.end;
  if (!fits) theirs.range = {asked.first, asked.first};
  const StatusOr<RangeDigest> ours =
      DigestLog(*question.partition, theirs.range, std::numeric_limits<uint64_t>::max());
  if (!ours.ok()) {
    check.OnReason(fmt::format("our log can't be read: {}", StatusMessage(ours.status())));
    return false;
  }
  check.OnCompared(asked, theirs, *ours, now);
  return check.Next() != question.range;
}

}  // namespace

bool CompareDigests(std::span<const CheckSlot> slots, const broker::CatalogView& view,
                    const AskDigests& ask, WallTime now) {
  std::vector<Question> questions;
  for (const CheckSlot& slot : slots) {
    if (auto question = NextQuestion(slot, view)) questions.push_back(*std::move(question));
  }
  bool moved = false;
  for (size_t at = 0; at < questions.size(); at += kMostDigestRows) {
    const auto part =
        std::span(questions).subspan(at, std::min(kMostDigestRows, questions.size() - at));
    DigestsRequest request;
    for (const Question& question : part) {
      request.rows.push_back({question.slot.target->source_topic, question.slot.target->partition,
                              question.range.first, question.range.end});
    }
    StatusOr<Digests> answer = ask(request);
    if (answer.ok() && answer->rows.size() != part.size()) {
      answer = InvalidArgument("{} rows answered for {} asked", answer->rows.size(), part.size());
    }
    for (size_t i = 0; i < part.size(); ++i) {
      if (answer.ok()) {
        moved = Conclude(part[i], answer->rows[i], now) || moved;
      } else {
        part[i].slot.check->OnReason(
            fmt::format("not available: {}", StatusMessage(answer.status())));
      }
    }
    if (!answer.ok()) return false;
  }
  return moved;
}

Digests AnswerDigests(const DigestsRequest& request, const broker::CatalogView& view) {
  Digests answer;
  uint64_t left = kMostBatchesPerAnswer;
  const size_t rows = std::min(request.rows.size(), kMostDigestRows);
  for (const DigestsRequest::Row& row : std::span(request.rows).first(rows)) {
    Digests::Row& out = answer.rows.emplace_back();
    out.topic = row.topic;
    out.partition = row.partition;
    out.first = row.first;
    out.end = row.first;
    const auto partition = FindPartition(view, row.topic, row.partition);
    if (partition == nullptr) continue;
    const StatusOr<RangeDigest> digest = DigestLog(*partition, {row.first, row.end}, left);
    if (!digest.ok()) continue;  // Ours to mend; the asker sees that there is nothing.
    left -= digest->batches;
    out.first = digest->range.first;
    out.end = digest->range.end;
    out.digest = digest->digest;
    out.batches = digest->batches;
  }
  return answer;
}

}  // namespace atl::mirror
