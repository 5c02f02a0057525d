// Protobuf messages of the control plane to plain structs and back, one function pair per kind;
// what comes from a peer is checked field by field. Only codec.cc includes this. Pure functions.
#pragma once

#include "base/status.h"
#include "mirror/control/control.pb.h"
#include "mirror/control/messages.h"

namespace atl::mirror {

// A text cut to what the peer takes.
std::string CutText(std::string_view text);

void Write(const Hello& from, wire::Hello& to);
void Write(const OwnershipNews& from, wire::OwnershipRows& to);
void Write(const OwnershipRequest& from, wire::OwnershipRows& to);
void Write(const GroupCommits& from, wire::GroupCommits& to);
void Write(const MirrorPositions& from, wire::MirrorPositions& to);
void Write(const QuarantineNews& from, wire::QuarantineNews& to);
void Write(const FenceRequest& from, wire::FenceRequest& to);
void Write(const GroupsRequest& from, wire::GroupsRequest& to);
void Write(const EndsRequest& from, wire::EndsRequest& to);
void Write(const DigestsRequest& from, wire::DigestsRequest& to);
void Write(const FenceAnswer& from, wire::FenceAnswer& to);
void Write(const GroupsAnswer& from, wire::GroupsAnswer& to);
void Write(const EndsAnswer& from, wire::EndsAnswer& to);
void Write(const Digests& from, wire::Digests& to);
std::string IdBytes(const Uuid& id);

// Each error names the field within the message.
StatusOr<Hello> Read(const wire::Hello& from);
StatusOr<Refusal> Read(const wire::Refusal& from);
StatusOr<std::vector<checkpoint::OwnershipRecord>> Read(const wire::OwnershipRows& from);
StatusOr<GroupCommits> Read(const wire::GroupCommits& from);
StatusOr<MirrorPositions> Read(const wire::MirrorPositions& from);
StatusOr<QuarantineNews> Read(const wire::QuarantineNews& from);
StatusOr<FenceRequest> Read(const wire::FenceRequest& from);
StatusOr<GroupsRequest> Read(const wire::GroupsRequest& from);
StatusOr<EndsRequest> Read(const wire::EndsRequest& from);
StatusOr<DigestsRequest> Read(const wire::DigestsRequest& from);
StatusOr<FenceAnswer> Read(const wire::FenceAnswer& from);
StatusOr<GroupsAnswer> Read(const wire::GroupsAnswer& from);
StatusOr<EndsAnswer> Read(const wire::EndsAnswer& from);
StatusOr<Digests> Read(const wire::Digests& from);
StatusOr<Uuid> ReadAttempt(const wire::AttemptRequest& from);
// What the peer answered instead: never OK.
Status ReadFailure(const wire::Failure& from);

}  // namespace atl::mirror
