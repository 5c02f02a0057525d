#include "mirror/offsets/translation.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

using Answer = Translation::Answer;

Translation Exact(Offset target) {
  Translation out;
  out.answer = Answer::kExact;
  out.target = target;
  return out;
}

Translation NotMirroredYet(Offset reached) {
  Translation out;
  out.answer = Answer::kNotMirroredYet;
  out.reached = reached;
  return out;
}

Translation BeforeStart(Offset start) {
  Translation out;
  out.answer = Answer::kBeforeStart;
  out.start = start;
  return out;
}

// The gap that holds the offset.
const OffsetRange* GapOf(std::span<const OffsetRange> gaps, Offset offset) {
  const auto behind = std::upper_bound(
      gaps.begin(), gaps.end(), offset,
      [](Offset wanted, const OffsetRange& range) { return wanted < range.first; });
  if (behind == gaps.begin()) return nullptr;
  const OffsetRange& range = *std::prev(behind);
  return offset < range.end ? &range : nullptr;
}

// The first extent that ends behind `source`: it holds it, or is the next one.
std::span<const Extent>::iterator ExtentFrom(std::span<const Extent> extents, Offset source) {
  return std::upper_bound(
      extents.begin(), extents.end(), source,
      [](Offset wanted, const Extent& extent) { return wanted < extent.source_end(); });
}

// Where the records from `source` on begin here.
Offset TargetOf(const MappedCopy& copy, Offset source) {
  const auto extent = ExtentFrom(copy.extents, source);
  if (extent == copy.extents.end()) return copy.target_end;
  return source <= extent->source ? extent->target : extent->target + (source - extent->source);
}

}  // namespace

std::vector<OffsetRange> JoinRanges(std::vector<OffsetRange> ranges) {
  std::erase_if(ranges, [](const OffsetRange& range) { return range.first >= range.end; });
  std::sort(ranges.begin(), ranges.end(),
            [](const OffsetRange& a, const OffsetRange& b) { return a.first < b.first; });
  std::vector<OffsetRange> joined;
  for (const OffsetRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

std::string_view AnswerName(Answer answer) {
  switch (answer) {
    case Answer::kExact:
      return "exact";
    case Answer::kNotMirroredYet:
      return "not_mirrored_yet";
    case Answer::kBeforeStart:
      return "before_start";
    case Answer::kInGap:
      return "in_gap";
    case Answer::kUnknown:
      break;
  }
  return "unknown";
}

std::string Explain(const Translation& translation) {
  switch (translation.answer) {
    case Answer::kExact:
      return fmt::format("offset {}", translation.target.value());
    case Answer::kNotMirroredYet:
      return fmt::format("not mirrored yet: mirrored up to {}", translation.reached.value());
    case Answer::kBeforeStart:
      return fmt::format("before the mirrored start {}", translation.start.value());
    case Answer::kInGap:
      return fmt::format("in a gap: offsets {} to {} were lost", translation.gap.first.value(),
                         translation.gap.end.value() - 1);
    case Answer::kUnknown:
      break;
  }
  return "unknown: " + translation.reason;
}

Translation UnknownTranslation(std::string reason) {
  Translation out;
  out.reason = std::move(reason);
  return out;
}

Translation Translate(const IdentityCopy& copy, Offset offset) {
  if (offset < Offset(0)) return UnknownTranslation("no offset is below 0");
  if (copy.diverged_from && offset >= *copy.diverged_from) {
    return UnknownTranslation(fmt::format("the copy differs from the source from offset {} on",
                                          copy.diverged_from->value()));
  }
  if (const OffsetRange* const gap = GapOf(copy.gaps, offset)) {
    Translation out;
    out.answer = Answer::kInGap;
    out.gap = *gap;
    if (gap->end <= copy.applied_end) out.next = gap->end;
    return out;
  }
  if (offset < copy.start) return BeforeStart(copy.start);
  if (offset > copy.applied_end) return NotMirroredYet(copy.applied_end);
  return Exact(offset);
}

Translation Translate(const MappedCopy& copy, Offset source) {
  if (source < Offset(0)) return UnknownTranslation("no offset is below 0");
  if (const OffsetRange* const gap = GapOf(copy.gaps, source)) {
    Translation out;
    out.answer = Answer::kInGap;
    out.gap = *gap;
    if (gap->end <= copy.applied_end) out.next = TargetOf(copy, gap->end);
    return out;
  }
  if (source < copy.start) return BeforeStart(copy.start);
  if (source > copy.applied_end) return NotMirroredYet(copy.applied_end);
  const Offset target = TargetOf(copy, source);
  if (target >= copy.target_start) return Exact(target);
  // Retention here has passed it: the first source offset that is still here is the start.
  return BeforeStart(TranslateBack(copy, copy.target_start).target);
}

Translation TranslateBack(const MappedCopy& copy, Offset target) {
  if (target < Offset(0)) return UnknownTranslation("no offset is below 0");
  if (target < copy.target_start) return BeforeStart(copy.target_start);
  if (target > copy.target_end) return NotMirroredYet(copy.target_end);
  const auto extent = std::upper_bound(
      copy.extents.begin(), copy.extents.end(), target,
      [](Offset wanted, const Extent& candidate) { return wanted < candidate.target_end(); });
  if (extent == copy.extents.end()) return Exact(copy.applied_end);
  return Exact(target <= extent->target ? extent->source
                                        : extent->source + (target - extent->target));
}

}  // namespace atl::mirror
