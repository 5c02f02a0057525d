#include "mirror/control/codec.h"

#include <utility>

#include "base/check.h"
#include "base/logging.h"
#include "mirror/control/fields.h"
#include "mirror/control/rows.h"

namespace atl::mirror {
namespace {

using wire::Envelope;

// --- Out ---

void Put(const Hello& from, Envelope& to) { Write(from, *to.mutable_hello()); }
void Put(const Refusal& from, Envelope& to) {
  to.mutable_refusal()->set_reason(CutText(from.reason));
}
void Put(const Heartbeat& from, Envelope& to) {
  to.mutable_heartbeat()->set_sequence(from.sequence);
  to.mutable_heartbeat()->set_echo(from.echo);
  if (from.time) to.mutable_heartbeat()->set_time_ns(from.time->time_since_epoch().count());
}
void Put(const OwnershipNews& from, Envelope& to) { Write(from, *to.mutable_ownership_news()); }
void Put(const GroupCommits& from, Envelope& to) { Write(from, *to.mutable_group_commits()); }
void Put(const MirrorPositions& from, Envelope& to) { Write(from, *to.mutable_mirror_positions()); }
void Put(const QuarantineNews& from, Envelope& to) { Write(from, *to.mutable_quarantine_news()); }

void Put(const FenceRequest& from, Envelope& to) { Write(from, *to.mutable_fence_request()); }
void Put(const ReleaseRequest& from, Envelope& to) {
  to.mutable_release_request()->set_attempt(IdBytes(from.attempt));
}
void Put(const LiftRequest& from, Envelope& to) {
  to.mutable_lift_request()->set_attempt(IdBytes(from.attempt));
}
void Put(const GroupsRequest& from, Envelope& to) { Write(from, *to.mutable_groups_request()); }
void Put(const OwnershipRequest& from, Envelope& to) {
  Write(from, *to.mutable_ownership_request());
}
void Put(const EndsRequest& from, Envelope& to) { Write(from, *to.mutable_ends_request()); }
void Put(const DigestsRequest& from, Envelope& to) { Write(from, *to.mutable_digests_request()); }

void Put(const FenceAnswer& from, Envelope& to) { Write(from, *to.mutable_fence_answer()); }
void Put(const GroupsAnswer& from, Envelope& to) { Write(from, *to.mutable_groups_answer()); }
void Put(const EndsAnswer& from, Envelope& to) { Write(from, *to.mutable_ends_answer()); }
void Put(const Digests& from, Envelope& to) { Write(from, *to.mutable_digests()); }
void Put(const Done&, Envelope& to) { (void)to.mutable_done(); }

StatusOr<std::string> Encode(Envelope& envelope) {
  envelope.set_version(kControlVersion);
  const size_t size = envelope.ByteSizeLong();
  if (size > kMaxControlFrame)
    return ResourceExhausted("a frame of {} bytes, at most {}", size, kMaxControlFrame);
  std::string bytes = envelope.SerializeAsString();
  const Status limits = CheckFrameLimits(AsBytes(bytes));
  if (!limits.ok()) return ResourceExhausted("{}", StatusMessage(limits));
  return bytes;
}

using Records = std::vector<checkpoint::OwnershipRecord>;

// Halved until each half fits. One topic that does not fit by itself is left out, and said.
void EncodeNews(Records records, std::vector<std::string>& out) {
  const OwnershipNews news{std::move(records)};
  StatusOr<std::string> frame = EncodeMessage(news);
  if (frame.ok()) return out.push_back(*std::move(frame));
  if (news.records.size() == 1) {
    return LogError("mirror", "control: the ownership of {} can't be told: {}",
                    news.records[0].name.value(), StatusMessage(frame.status()));
  }
  const auto middle = news.records.begin() + static_cast<std::ptrdiff_t>(news.records.size() / 2);
  EncodeNews(Records(news.records.begin(), middle), out);
  EncodeNews(Records(middle, news.records.end()), out);
}

// --- In ---

using Body = decltype(ControlFrame::body);

// A good `value` becomes the body; a bad one is named after its kind.
template <class Kind, class T>
Status Take(std::string_view name, StatusOr<T> value, Body& body) {
  if (!value.ok()) return InvalidArgument("{}.{}", name, StatusMessage(value.status()));
  body.emplace<Kind>(*std::move(value));
  return OkStatus();
}

template <class Rows>
StatusOr<Rows> WithRecords(const wire::OwnershipRows& from) {
  Rows rows;
  ASSIGN_OR_RETURN(rows.records, Read(from));
  return rows;
}

template <class Request>
StatusOr<Request> Attempt(const wire::AttemptRequest& from) {
  Request request;
  ASSIGN_OR_RETURN(request.attempt, ReadAttempt(from));
  return request;
}

StatusOr<Heartbeat> Read(const wire::Heartbeat& from) {
  Heartbeat beat{from.sequence(), from.echo()};
  if (from.time_ns() == 0) return beat;
  ASSIGN_OR_RETURN(beat.time, ReadTime("time", from.time_ns()));
  return beat;
}

Status ReadMessage(const Envelope& in, Body& body) {
  using M = ControlMessage;
  switch (in.kind_case()) {
    case Envelope::kHello:
      return Take<M>("hello", mirror::Read(in.hello()), body);
    case Envelope::kRefusal:
      return Take<M>("refusal", mirror::Read(in.refusal()), body);
    case Envelope::kHeartbeat:
      return Take<M>("heartbeat", Read(in.heartbeat()), body);
    case Envelope::kOwnershipNews:
      return Take<M>("ownership_news", WithRecords<OwnershipNews>(in.ownership_news()), body);
    case Envelope::kGroupCommits:
      return Take<M>("group_commits", mirror::Read(in.group_commits()), body);
    case Envelope::kMirrorPositions:
      return Take<M>("mirror_positions", mirror::Read(in.mirror_positions()), body);
    case Envelope::kQuarantineNews:
      return Take<M>("quarantine_news", mirror::Read(in.quarantine_news()), body);
    default:
      return InvalidArgument("kind {}: without the number of its request",
                             static_cast<int>(in.kind_case()));
  }
}

Status ReadRequest(const Envelope& in, Body& body) {
  using R = ControlRequest;
  switch (in.kind_case()) {
    case Envelope::kFenceRequest:
      return Take<R>("fence_request", mirror::Read(in.fence_request()), body);
    case Envelope::kReleaseRequest:
      return Take<R>("release_request", Attempt<ReleaseRequest>(in.release_request()), body);
    case Envelope::kLiftRequest:
      return Take<R>("lift_request", Attempt<LiftRequest>(in.lift_request()), body);
    case Envelope::kGroupsRequest:
      return Take<R>("groups_request", mirror::Read(in.groups_request()), body);
    case Envelope::kOwnershipRequest:
      return Take<R>("ownership_request", WithRecords<OwnershipRequest>(in.ownership_request()),
                     body);
    case Envelope::kEndsRequest:
      return Take<R>("ends_request", mirror::Read(in.ends_request()), body);
    case Envelope::kDigestsRequest:
      return Take<R>("digests_request", mirror::Read(in.digests_request()), body);
    default:
      return InvalidArgument("kind {}: is no request", static_cast<int>(in.kind_case()));
  }
}

Status ReadAnswer(const Envelope& in, Body& body) {
  using A = StatusOr<ControlAnswer>;
  switch (in.kind_case()) {
    case Envelope::kFenceAnswer:
      return Take<A>("fence_answer", mirror::Read(in.fence_answer()), body);
    case Envelope::kGroupsAnswer:
      return Take<A>("groups_answer", mirror::Read(in.groups_answer()), body);
    case Envelope::kEndsAnswer:
      return Take<A>("ends_answer", mirror::Read(in.ends_answer()), body);
    case Envelope::kDigests:
      return Take<A>("digests", mirror::Read(in.digests()), body);
    case Envelope::kDone:
      body.emplace<A>(ControlAnswer(Done()));
      return OkStatus();
    case Envelope::kFailure:
      body.emplace<A>(ReadFailure(in.failure()));
      return OkStatus();
    default:
      return InvalidArgument("kind {}: is no answer", static_cast<int>(in.kind_case()));
  }
}

Status ReadBody(const Envelope& in, Body& body) {
  if (in.request() != 0 && in.answers() != 0)
    return InvalidArgument("envelope: a request and an answer at once");
  if (in.kind_case() == Envelope::KIND_NOT_SET) return OkStatus();
  if (in.request() != 0) return ReadRequest(in, body);
  return in.answers() != 0 ? ReadAnswer(in, body) : ReadMessage(in, body);
}

}  // namespace

StatusOr<std::string> EncodeMessage(const ControlMessage& message) {
  Envelope envelope;
  std::visit([&envelope](const auto& one) { Put(one, envelope); }, message);
  return Encode(envelope);
}

std::vector<std::string> EncodeHello(Hello hello) {
  std::vector<std::string> frames;
  StatusOr<std::string> whole = EncodeMessage(hello);
  if (!whole.ok()) {
    Records topics = std::exchange(hello.topics, {});
    whole = EncodeMessage(hello);
    CHECK(whole.ok(), "a hello without topics: {}", StatusMessage(whole.status()));
    frames.push_back(*std::move(whole));
    EncodeNews(std::move(topics), frames);
    return frames;
  }
  frames.push_back(*std::move(whole));
  return frames;
}

StatusOr<std::string> EncodeRequest(uint64_t number, const ControlRequest& request) {
  Envelope envelope;
  envelope.set_request(number);
  std::visit([&envelope](const auto& one) { Put(one, envelope); }, request);
  return Encode(envelope);
}

StatusOr<std::string> EncodeAnswer(uint64_t number, const StatusOr<ControlAnswer>& answer) {
  Envelope envelope;
  envelope.set_answers(number);
  if (answer.ok()) {
    std::visit([&envelope](const auto& one) { Put(one, envelope); }, *answer);
  } else {
    envelope.mutable_failure()->set_code(static_cast<int>(answer.status().code()));
    envelope.mutable_failure()->set_message(CutText(StatusMessage(answer.status())));
  }
  return Encode(envelope);
}

StatusOr<ControlFrame> DecodeFrame(BytesView bytes) {
  RETURN_IF_ERROR(CheckFrameLimits(bytes));
  Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return InvalidArgument("envelope: {} bytes that are no protobuf message", bytes.size());
  ControlFrame frame;
  frame.version = envelope.version();
  if (frame.version < 1) return InvalidArgument("envelope.version: {}", frame.version);
  frame.request = envelope.request();
  frame.answers = envelope.answers();
  RETURN_IF_ERROR(ReadBody(envelope, frame.body));
  return frame;
}

}  // namespace atl::mirror
