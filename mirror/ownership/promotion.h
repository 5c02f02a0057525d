// One move of topics to this region as a pure state machine (replication.md section 6): which step
// comes next, and what a step's end means. The shell (failovers.h, or the simulator) carries out
// next() and reports it; every step is idempotent, so after a crash the stored step is simply done
// again. The rule behind it: before the new epoch is minted a failure leads back, after it only
// forward.
//
//   promote:   fence -> drain -> groups -> release -> mint -> tell -> abort -> place_groups ->
//   serve failover:           drain ->                     mint -> tell -> abort -> place_groups ->
//   serve the way back:  lift (the old owner goes on) -> over
#pragma once

#include <string>

#include "checkpoint/failover_table.h"

namespace atl::mirror {

class Promotion {
 public:
  using Mode = checkpoint::FailoverMode;
  using Step = checkpoint::FailoverStep;
  using Outcome = checkpoint::FailoverOutcome;

  // A new one.
  explicit Promotion(Mode mode);
  // One that a crash interrupted at `step`, which may or may not have been done.
  static Promotion Resume(Mode mode, Step step);

  Step next() const { return step_; }
  Outcome outcome() const { return outcome_; }
  const std::string& reason() const { return reason_; }
  bool minted() const { return step_ >= Step::kTell && step_ <= Step::kOver && !back_; }

  // The step was carried out.
  void OnDone();
  // It can't be carried out, or its deadline is over. After the mint: to be repeated.
  void OnFailed(std::string reason);
  // Another region has taken the topics meanwhile, at a higher epoch: nothing is left to do.
  void OnLost(std::string reason);

 private:
  Promotion(Mode mode, Step step) : mode_(mode), step_(step) {}
  static Step After(Step step);

  Mode mode_;
  Step step_;
  Outcome outcome_ = Outcome::kRunning;
  std::string reason_;
  bool back_ = false;
};

}  // namespace atl::mirror
