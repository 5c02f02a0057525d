#include "mirror/ownership/promotion.h"

#include <utility>

namespace atl::mirror {

Promotion::Promotion(Mode mode)
    : mode_(mode), step_(mode == Mode::kPromote ? Step::kFence : Step::kDrain) {}

Promotion Promotion::Resume(Mode mode, Step step) {
  Promotion promotion(mode, step);
  if (step <= Step::kMint) promotion.OnFailed("the region stopped before the new epoch was minted");
  if (step == Step::kLift) {
    promotion.back_ = true;
    promotion.reason_ = "the region stopped while the move was rolled back";
  }
  return promotion;
}

Promotion::Step Promotion::After(Step step) {
  switch (step) {
    case Step::kFence:
      return Step::kDrain;
    case Step::kDrain:
      return Step::kGroups;
    case Step::kGroups:
      return Step::kRelease;
    case Step::kRelease:
      return Step::kMint;
    case Step::kMint:
      return Step::kTell;
    case Step::kTell:
      return Step::kAbort;
    case Step::kAbort:
      return Step::kPlaceGroups;
    case Step::kPlaceGroups:
      return Step::kServe;
    case Step::kServe:
    case Step::kLift:
    case Step::kOver:
      return Step::kOver;
  }
  return Step::kOver;
}

void Promotion::OnDone() {
  if (outcome_ != Outcome::kRunning) return;
  step_ = mode_ == Mode::kFailover && step_ == Step::kDrain ? Step::kMint : After(step_);
  if (step_ == Step::kOver) outcome_ = back_ ? Outcome::kRolledBack : Outcome::kDone;
}

void Promotion::OnFailed(std::string reason) {
  if (outcome_ != Outcome::kRunning) return;
  if (back_) {
    // The old owner could not be told: an unreleased fence lifts itself, a released one is shown
    // there with the way out.
    reason_ += "; the old owner was not told: " + reason;
    step_ = Step::kOver;
    outcome_ = Outcome::kRolledBack;
    return;
  }
  reason_ = std::move(reason);
  if (step_ > Step::kMint) return;
  back_ = true;
  if (mode_ == Mode::kPromote) {
    step_ = Step::kLift;
    return;
  }
  step_ = Step::kOver;  // Nothing was asked of anybody.
  outcome_ = Outcome::kRolledBack;
}

void Promotion::OnLost(std::string reason) {
  if (outcome_ != Outcome::kRunning) return;
  reason_ = std::move(reason);
  step_ = Step::kOver;
  outcome_ = Outcome::kFailed;
}

}  // namespace atl::mirror
