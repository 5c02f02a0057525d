// The ownership gate: the broker's only question about the world outside its region. Asked on the
// partition's shard for every append, and again after the sync, before an acknowledgement leaves.
// `mirror/ownership` answers; a broker alone (tests) uses OpenGate.
#pragma once

#include <string>

#include "base/types.h"
#include "base/uuid.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

struct GateAnswer {
  // kNone: go on. kNotLeaderOrFollower: the owner moved or is moving (clients refresh and retry).
  // kPolicyViolation: a settled mirror (not retriable; `message` names the owner and the way out).
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  std::string message;
  LeaderEpoch epoch = kNoEpoch;  // Under which the record is accepted; meant only with kNone.
};

// Thread-safe; takes only a leaf lock. Must not allocate when the answer is kNone.
class OwnershipGate {
 public:
  virtual ~OwnershipGate() = default;
  // May a client write to this topic here, now?
  virtual GateAnswer AdmitClient(const TopicId& topic) const = 0;
  // Asked once more when the answer is put together, after the way from the shard: may an
  // acknowledgement that was decided still leave? False where a lease has ended meanwhile.
  virtual bool MayAcknowledge(const TopicId& topic) const {
    (void)topic;
    return true;
  }
  // May this link append what it pulled?
  virtual GateAnswer AdmitMirror(const TopicId& topic, const LinkName& link) const = 0;
  // May a client create a topic of this name here? `epoch` means nothing.
  virtual GateAnswer AdmitCreate(const TopicName&) const { return {}; }
  // May this link append records that get their offsets here (fan-in)?
  virtual GateAnswer AdmitMapped(const TopicId& topic, const LinkName& link) const {
    return AdmitMirror(topic, link);
  }
};

// Admits everybody at one epoch.
class OpenGate final : public OwnershipGate {
 public:
  explicit OpenGate(LeaderEpoch epoch = LeaderEpoch::First(RegionOrdinal(1))) : epoch_(epoch) {}
  GateAnswer AdmitClient(const TopicId&) const override { return {.message = {}, .epoch = epoch_}; }
  GateAnswer AdmitMirror(const TopicId&, const LinkName&) const override {
    return {.message = {}, .epoch = epoch_};
  }

 private:
  const LeaderEpoch epoch_;
};

}  // namespace atl::broker
