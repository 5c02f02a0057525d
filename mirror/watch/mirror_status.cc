#include "mirror/watch/mirror_status.h"

namespace atl::mirror {

std::string_view StateName(MirrorState state) {
  switch (state) {
    case MirrorState::kLocating:
      return "locating";
    case MirrorState::kMirroring:
      return "mirroring";
    case MirrorState::kCaughtUp:
      return "caught_up";
    case MirrorState::kPaused:
      return "paused";
    case MirrorState::kSourceUnavailable:
      return "source_unavailable";
    case MirrorState::kHalted:
      return "halted";
    case MirrorState::kGap:
      return "gap";
    case MirrorState::kDiverged:
      return "diverged";
    case MirrorState::kConflict:
      return "conflict";
    case MirrorState::kRetired:
      return "retired";
    case MirrorState::kPromoted:
      return "promoted";
  }
  return "";
}

}  // namespace atl::mirror
