#include "core-broker/partition/leader_epochs.h"

#include <algorithm>

namespace atl::broker {

bool LeaderEpochs::Note(LeaderEpoch epoch, Offset offset) {
  if (epoch < last()) return false;
  if (epoch == last() || epoch == kNoEpoch) return true;
  TruncateFrom(offset);  // An epoch that starts where this one does had no record.
  chain_.push_back({epoch, offset});
  return true;
}

EpochEnd LeaderEpochs::EndOf(LeaderEpoch epoch, Offset log_end) const {
  if (chain_.empty() || epoch == kNoEpoch) return {};
  if (epoch == last()) return {epoch, log_end};
  const auto higher =
      std::upper_bound(chain_.begin(), chain_.end(), epoch,
                       [](LeaderEpoch a, const EpochStart& b) { return a < b.epoch; });
  if (higher == chain_.end()) return {};  // From the future.
  // Below the first known one: Kafka names the epoch that was asked for.
  if (higher == chain_.begin()) return {epoch, higher->start};
  return {std::prev(higher)->epoch, higher->start};
}

std::optional<Offset> LeaderEpochs::PositionOf(Offset next, LeaderEpoch epoch, LeaderEpoch current,
                                               Offset log_end) const {
  if (epoch == kNoEpoch) return next;
  const EpochEnd known = EndOf(epoch, log_end);
  if (known.epoch == epoch) return std::min(next, known.end);  // Also of one that retention passed.
  const bool fresh = epoch == current && (chain_.empty() || epoch > last());
  return fresh ? std::optional(std::min(next, log_end)) : std::nullopt;
}

void LeaderEpochs::TruncateFrom(Offset end) {
  while (!chain_.empty() && chain_.back().start >= end) chain_.pop_back();
}

void LeaderEpochs::TruncateBefore(Offset start) {
  const auto behind = std::upper_bound(chain_.begin(), chain_.end(), start,
                                       [](Offset a, const EpochStart& b) { return a < b.start; });
  if (behind == chain_.begin()) return;
  chain_.erase(chain_.begin(), std::prev(behind));
  chain_.front().start = std::max(chain_.front().start, start);
}

}  // namespace atl::broker
