// The rare branches that the simulation must have walked over all its seeds: a generator that stops
// reaching one of them has stopped testing it.
#pragma once

#include <cstddef>
#include <string_view>

namespace atl::sim {

enum class Mark {
  kThreeRegions,
  kCrashKept,
  kCrashLost,
  kCrashTorn,
  kCrashInIo,
  kCrashInStore,
  kCrashAtFailpoint,
  kCrashWithWork,
  kCleanRestart,
  kSyncError,
  kReadError,
  kDiskFull,
  kStoreError,
  kStoreRollback,
  kEpochRaised,
  kAcked,
  kDuplicateAnswered,
  kLostMessage,
  kCutLink,
  kLateAnswer,
  kSourceSilent,
  kCutBatch,
  kPoison,
  kHalted,
  kOthersWentOn,
  kGapStop,
  kGapSkip,
  kOperatorSkip,
  kRestartElsewhere,
  kStartInsideBatch,
  kDeleteRecords,
  kRetention,
  kLogStartFollowed,
  kGeneration,
  kRetired,
  kPaused,
  kSinkError,
  kRolled,
  kGroupedTurn,
  kCaughtUp,
  kPromoted,
  kFailedOver,
  kAckedCut,
  kFollowed,
  kReturned,
  kRolledBack,
  kMoveResumed,
  kMoveLost,
  kSplit,
  kRegionPaused,
  kClockJump,
  kProducerMoved,
  kAdopted,
  kReleasedDied,
  kGroupMoved,
  kGroupClamped,
  kOldCommit,
  kGroupsRefused,
  kStalled,
  kLeaseLostPaused,
  kAckRefused,
  kClaimWaited,
  kClaimLost,
  kLast
};
inline constexpr size_t kMarkCount = static_cast<size_t>(Mark::kLast);
std::string_view MarkName(Mark mark);

}  // namespace atl::sim
