// Translation of offsets between a source partition and its copy here (replication.md section 4).
// Pure functions over a plain description of the copy; who has such a description (LocalCopies, a
// test) asks. There are exactly five answers, and nothing is ever guessed, clamped or answered as 0
// because it is not known (S5).
//
// Identity: the same number, once the checks of state let it through. Mapped (fan-in): by exact
// extents. Of a mapped copy the mirrored records are strictly increasing and invertible; an offset
// in a hole (a control batch, an aborted or compacted record) stands for the next mirrored record;
// the end stands for the end: the copy's own end, which other sources of the same topic move on
// until this source has a next record. A consumer that begins at any of these answers reads every
// record of the source from the offset asked on, and none from before it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace atl::mirror {

// [first, end)
struct OffsetRange {
  Offset first;
  Offset end;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};
// By first, touching and overlapping ones joined, empty ones left out.
std::vector<OffsetRange> JoinRanges(std::vector<OffsetRange> ranges);

struct Translation {
  enum class Answer {
    kExact,           // `target`
    kNotMirroredYet,  // `reached`: mirrored up to there, in the numbers of what was asked
    kBeforeStart,     // `start`: the first offset that is mirrored, likewise
    kInGap,    // `gap`: these offsets were lost; `next`: the target offset behind them, if any
    kUnknown,  // `reason`
  };
  Answer answer = Answer::kUnknown;
  Offset target = kNoOffset;
  Offset reached = kNoOffset;
  Offset start = kNoOffset;
  OffsetRange gap{kNoOffset, kNoOffset};
  Offset next = kNoOffset;
  std::string reason;
  bool exact() const { return answer == Answer::kExact; }
  friend bool operator==(const Translation&, const Translation&) = default;
};
// "exact", "not_mirrored_yet", "before_start", "in_gap", "unknown".
std::string_view AnswerName(Translation::Answer answer);
// The answer as a sentence, for people.
std::string Explain(const Translation& translation);
Translation UnknownTranslation(std::string reason);

// A copy at identical offsets.
struct IdentityCopy {
  Offset start;                   // Of the copy's log.
  Offset applied_end;             // Durable here.
  std::vector<OffsetRange> gaps;  // Joined.
  // The copy was found to differ from here on: its offsets say nothing about the source's.
  std::optional<Offset> diverged_from;
};
// In both directions: the numbers are the same.
Translation Translate(const IdentityCopy& copy, Offset offset);

// A run of records at consecutive offsets on both sides.
struct Extent {
  Offset source;
  Offset target;
  RecordCount length;
  Offset source_end() const { return source + length; }
  Offset target_end() const { return target + length; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

struct MappedCopy {
  Offset start;                     // The first source offset that was asked for and is kept.
  Offset applied_end;               // Source offsets below it are durable here, or holes, or gaps.
  Offset target_start;              // The log start here.
  Offset target_end;                // Here, durable, whoever wrote last.
  std::span<const Extent> extents;  // Rising and disjoint on both sides.
  std::span<const OffsetRange> gaps;  // Of the source, joined.
};
Translation Translate(const MappedCopy& copy, Offset source);
// From an offset here to the source's.
Translation TranslateBack(const MappedCopy& copy, Offset target);

}  // namespace atl::mirror
