#include "mirror/control/rows.h"

#include <algorithm>

#include "base/utf8.h"
#include "mirror/control/fields.h"

namespace atl::mirror {
namespace {

using checkpoint::LineageEntry;
using checkpoint::OwnershipRecord;
using checkpoint::OwnershipState;

int64_t ToNanoseconds(WallTime time) { return time.time_since_epoch().count(); }

void WriteOffsets(const std::vector<Offset>& from, google::protobuf::RepeatedField<int64_t>& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const Offset offset : from) to.Add(offset.value());
}

void WriteRecord(const OwnershipRecord& from, wire::Ownership& to) {
  to.set_topic_id(IdBytes(from.topic));
  to.set_name(from.name.value());
  to.set_epoch(from.epoch.value());
  to.set_owner(from.owner.value());
  to.set_owner_name(from.owner_name.value());
  to.set_state(static_cast<int32_t>(from.state));
  WriteOffsets(from.cut, *to.mutable_cut());
  for (const LineageEntry& entry : from.lineage) {
    wire::Lineage& stint = *to.add_lineage();
    stint.set_epoch(entry.epoch.value());
    stint.set_owner(entry.owner.value());
    WriteOffsets(entry.cut, *stint.mutable_cut());
  }
  to.set_link(from.link.value());
  to.set_reason(CutText(from.reason));
  to.set_time_ns(ToNanoseconds(from.time));
  if (!from.attempt.is_zero()) to.set_attempt(IdBytes(from.attempt));
}

StatusOr<LineageEntry> ReadLineage(const wire::Lineage& from) {
  LineageEntry entry;
  ASSIGN_OR_RETURN(entry.epoch, ReadEpoch("epoch", from.epoch()));
  ASSIGN_OR_RETURN(entry.owner, ReadOrdinal("owner", from.owner(), 0));
  ASSIGN_OR_RETURN(entry.cut, ReadOffsets("cut", from.cut()));
  return entry;
}

StatusOr<OwnershipRecord> ReadRecord(const wire::Ownership& from) {
  OwnershipRecord record;
  ASSIGN_OR_RETURN(record.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(record.name, ReadTopic("name", from.name()));
  ASSIGN_OR_RETURN(record.epoch, ReadEpoch("epoch", from.epoch()));
  ASSIGN_OR_RETURN(record.owner, ReadOrdinal("owner", from.owner(), 0));
  ASSIGN_OR_RETURN(const std::string owner, ReadName("owner_name", from.owner_name(), true));
  record.owner_name = RegionName(owner);
  if (from.state() < 0 || from.state() > static_cast<int32_t>(OwnershipState::kPromoting))
    return InvalidArgument("state: {} is unknown", from.state());
  record.state = static_cast<OwnershipState>(from.state());
  ASSIGN_OR_RETURN(record.cut, ReadOffsets("cut", from.cut()));
  ASSIGN_OR_RETURN(record.lineage, ReadRows("lineage", from.lineage(), ReadLineage));
  ASSIGN_OR_RETURN(const std::string link, ReadName("link", from.link(), true));
  record.link = LinkName(link);
  ASSIGN_OR_RETURN(record.reason, ReadText("reason", from.reason()));
  ASSIGN_OR_RETURN(record.time, ReadTime("time", from.time_ns()));
  if (!from.attempt().empty()) {
    ASSIGN_OR_RETURN(record.attempt, ReadId("attempt", from.attempt()));
  }
  return record;
}

void WriteCommit(const GroupCommit& from, wire::GroupCommit& to) {
  to.set_group(from.group.value());
  to.set_topic(from.topic.value());
  to.set_partition(from.partition.value());
  to.set_offset(from.offset.value());
  to.set_epoch(from.epoch.value());
  to.set_metadata(from.metadata);
  to.set_committed_ns(ToNanoseconds(from.committed));
}

StatusOr<GroupCommit> ReadCommit(const wire::GroupCommit& from) {
  GroupCommit commit;
  ASSIGN_OR_RETURN(const std::string group, ReadString("group", from.group()));
  commit.group = GroupId(group);
  ASSIGN_OR_RETURN(commit.topic, ReadTopic("topic", from.topic()));
  ASSIGN_OR_RETURN(commit.partition, ReadPartition("partition", from.partition()));
  ASSIGN_OR_RETURN(commit.offset, ReadOffset("offset", from.offset()));
  ASSIGN_OR_RETURN(commit.epoch, ReadEpoch("epoch", from.epoch()));
  ASSIGN_OR_RETURN(commit.metadata, ReadString("metadata", from.metadata()));
  ASSIGN_OR_RETURN(commit.committed, ReadTime("committed", from.committed_ns()));
  return commit;
}

StatusOr<MirrorPositions::Row> ReadPosition(const wire::MirrorPositions::Row& from) {
  MirrorPositions::Row row;
  ASSIGN_OR_RETURN(row.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(row.partition, ReadPartition("partition", from.partition()));
  ASSIGN_OR_RETURN(row.applied_end, ReadOffset("applied_end", from.applied_end()));
  ASSIGN_OR_RETURN(row.epoch, ReadEpoch("epoch", from.epoch()));
  return row;
}

StatusOr<QuarantineNews::Row> ReadQuarantined(const wire::QuarantineNews::Row& from) {
  QuarantineNews::Row row;
  ASSIGN_OR_RETURN(row.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(row.partition, ReadPartition("partition", from.partition()));
  ASSIGN_OR_RETURN(row.epoch, ReadEpoch("epoch", from.epoch()));
  row.records = from.records();
  if (row.records < 0) return InvalidArgument("records: {}", row.records);
  return row;
}

// A row of either kind names a partition and a window [first, end).
template <class Row, class Message>
Status ReadWindow(const Message& from, Row& row) {
  ASSIGN_OR_RETURN(row.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(row.partition, ReadPartition("partition", from.partition()));
  ASSIGN_OR_RETURN(row.first, ReadOffset("first", from.first()));
  ASSIGN_OR_RETURN(row.end, ReadOffset("end", from.end()));
  if (row.first < Offset(0) || row.end < row.first)
    return InvalidArgument("end: the window [{}, {})", from.first(), from.end());
  return OkStatus();
}

StatusOr<DigestsRequest::Row> ReadAsked(const wire::DigestsRequest::Row& from) {
  DigestsRequest::Row row;
  RETURN_IF_ERROR(ReadWindow(from, row));
  return row;
}

StatusOr<Digests::Row> ReadDigest(const wire::Digests::Row& from) {
  Digests::Row row;
  RETURN_IF_ERROR(ReadWindow(from, row));
  row.digest = from.digest();
  row.batches = from.batches();
  return row;
}

template <class Row, class Message>
void WriteWindow(const Row& row, Message& out) {
  out.set_topic_id(IdBytes(row.topic));
  out.set_partition(row.partition.value());
  out.set_first(row.first.value());
  out.set_end(row.end.value());
}

Status CheckDigestRows(int count) {
  if (static_cast<size_t>(count) <= kMostDigestRows) return OkStatus();
  return InvalidArgument("rows: {}, at most {}", count, kMostDigestRows);
}

StatusOr<FenceRequest::Topic> ReadFenced(const wire::FenceRequest::Topic& from) {
  FenceRequest::Topic topic;
  ASSIGN_OR_RETURN(topic.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(topic.epoch, ReadEpoch("epoch", from.epoch()));
  return topic;
}

StatusOr<FenceAnswer::Topic> ReadFence(const wire::FenceAnswer::Topic& from) {
  FenceAnswer::Topic topic;
  ASSIGN_OR_RETURN(topic.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(topic.epoch, ReadEpoch("epoch", from.epoch()));
  ASSIGN_OR_RETURN(topic.ends, ReadOffsets("ends", from.ends()));
  ASSIGN_OR_RETURN(topic.refusal, ReadText("refusal", from.refusal()));
  return topic;
}

StatusOr<EndsAnswer::Topic> ReadEnds(const wire::EndsAnswer::Topic& from) {
  EndsAnswer::Topic topic;
  ASSIGN_OR_RETURN(topic.topic, ReadId("topic_id", from.topic_id()));
  ASSIGN_OR_RETURN(topic.epoch, ReadEpoch("epoch", from.epoch()));
  ASSIGN_OR_RETURN(topic.ends, ReadOffsets("ends", from.ends()));
  return topic;
}

StatusOr<TopicName> ReadTopicRow(const std::string& from) { return ReadTopic("name", from); }
StatusOr<Uuid> ReadIdRow(const std::string& from) { return ReadId("topic_id", from); }

}  // namespace

std::string IdBytes(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

std::string CutText(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const size_t length = TextSequenceLength(text.substr(end));
    if (length == 0 || end + length > kMaxControlText) break;
    end += length;
  }
  return std::string(text.substr(0, end));
}

void Write(const Hello& from, wire::Hello& to) {
  to.set_version(from.version);
  to.set_cluster_id(from.cluster_id);
  to.set_region(from.region.value());
  to.set_ordinal(from.ordinal.value());
  to.set_link(from.link.value());
  to.set_instance(from.instance);
  to.set_software(CutText(from.software));
  for (const OwnershipRecord& record : from.topics) WriteRecord(record, *to.add_topics());
}

void Write(const OwnershipNews& from, wire::OwnershipRows& to) {
  for (const OwnershipRecord& record : from.records) WriteRecord(record, *to.add_records());
}

void Write(const OwnershipRequest& from, wire::OwnershipRows& to) {
  for (const OwnershipRecord& record : from.records) WriteRecord(record, *to.add_records());
}

void Write(const GroupCommits& from, wire::GroupCommits& to) {
  to.set_sequence(from.sequence);
  to.set_part(static_cast<int32_t>(from.part));
  for (const GroupCommit& commit : from.commits) WriteCommit(commit, *to.add_commits());
}

void Write(const MirrorPositions& from, wire::MirrorPositions& to) {
  for (const MirrorPositions::Row& row : from.rows) {
    wire::MirrorPositions::Row& out = *to.add_rows();
    out.set_topic_id(IdBytes(row.topic));
    out.set_partition(row.partition.value());
    out.set_applied_end(row.applied_end.value());
    out.set_epoch(row.epoch.value());
  }
}

void Write(const QuarantineNews& from, wire::QuarantineNews& to) {
  for (const QuarantineNews::Row& row : from.rows) {
    wire::QuarantineNews::Row& out = *to.add_rows();
    out.set_topic_id(IdBytes(row.topic));
    out.set_partition(row.partition.value());
    out.set_epoch(row.epoch.value());
    out.set_records(row.records);
  }
}

void Write(const FenceRequest& from, wire::FenceRequest& to) {
  to.set_attempt(IdBytes(from.attempt));
  to.set_deadline_ns(std::min(from.deadline, kMaxControlDeadline).count());
  for (const FenceRequest::Topic& topic : from.topics) {
    wire::FenceRequest::Topic& out = *to.add_topics();
    out.set_topic_id(IdBytes(topic.topic));
    out.set_epoch(topic.epoch.value());
  }
}

void Write(const GroupsRequest& from, wire::GroupsRequest& to) {
  for (const TopicName& topic : from.topics) to.add_topics(topic.value());
}

void Write(const EndsRequest& from, wire::EndsRequest& to) {
  for (const TopicId& topic : from.topics) to.add_topic_ids(IdBytes(topic));
}

void Write(const DigestsRequest& from, wire::DigestsRequest& to) {
  for (const DigestsRequest::Row& row : from.rows) WriteWindow(row, *to.add_rows());
}

void Write(const FenceAnswer& from, wire::FenceAnswer& to) {
  for (const FenceAnswer::Topic& topic : from.topics) {
    wire::FenceAnswer::Topic& out = *to.add_topics();
    out.set_topic_id(IdBytes(topic.topic));
    out.set_epoch(topic.epoch.value());
    WriteOffsets(topic.ends, *out.mutable_ends());
    out.set_refusal(CutText(topic.refusal));
  }
}

void Write(const GroupsAnswer& from, wire::GroupsAnswer& to) {
  for (const GroupCommit& commit : from.commits) WriteCommit(commit, *to.add_commits());
}

void Write(const EndsAnswer& from, wire::EndsAnswer& to) {
  for (const EndsAnswer::Topic& topic : from.topics) {
    wire::EndsAnswer::Topic& out = *to.add_topics();
    out.set_topic_id(IdBytes(topic.topic));
    out.set_epoch(topic.epoch.value());
    WriteOffsets(topic.ends, *out.mutable_ends());
  }
}

void Write(const Digests& from, wire::Digests& to) {
  for (const Digests::Row& row : from.rows) {
    wire::Digests::Row& out = *to.add_rows();
    WriteWindow(row, out);
    out.set_digest(row.digest);
    out.set_batches(row.batches);
  }
}

StatusOr<Hello> Read(const wire::Hello& from) {
  Hello hello;
  hello.version = from.version();
  hello.instance = from.instance();
  ASSIGN_OR_RETURN(hello.cluster_id, ReadText("cluster_id", from.cluster_id()));
  if (hello.cluster_id.empty()) return InvalidArgument("cluster_id: is empty");
  ASSIGN_OR_RETURN(const std::string region, ReadName("region", from.region(), false));
  hello.region = RegionName(region);
  ASSIGN_OR_RETURN(hello.ordinal, ReadOrdinal("ordinal", from.ordinal(), 1));
  ASSIGN_OR_RETURN(const std::string link, ReadName("link", from.link(), true));
  hello.link = LinkName(link);
  ASSIGN_OR_RETURN(hello.software, ReadText("software", from.software()));
  ASSIGN_OR_RETURN(hello.topics, ReadRows("topics", from.topics(), ReadRecord));
  return hello;
}

StatusOr<Refusal> Read(const wire::Refusal& from) {
  Refusal refusal;
  ASSIGN_OR_RETURN(refusal.reason, ReadText("reason", from.reason()));
  return refusal;
}

StatusOr<std::vector<OwnershipRecord>> Read(const wire::OwnershipRows& from) {
  return ReadRows("records", from.records(), ReadRecord);
}

StatusOr<GroupCommits> Read(const wire::GroupCommits& from) {
  GroupCommits commits;
  commits.sequence = from.sequence();
  if (from.part() < 0 || from.part() > static_cast<int32_t>(GroupCommits::Part::kSnapshotEnd))
    return InvalidArgument("part: {} is unknown", from.part());
  commits.part = static_cast<GroupCommits::Part>(from.part());
  ASSIGN_OR_RETURN(commits.commits, ReadRows("commits", from.commits(), ReadCommit));
  return commits;
}

StatusOr<MirrorPositions> Read(const wire::MirrorPositions& from) {
  MirrorPositions positions;
  ASSIGN_OR_RETURN(positions.rows, ReadRows("rows", from.rows(), ReadPosition));
  return positions;
}

StatusOr<QuarantineNews> Read(const wire::QuarantineNews& from) {
  QuarantineNews news;
  ASSIGN_OR_RETURN(news.rows, ReadRows("rows", from.rows(), ReadQuarantined));
  return news;
}

StatusOr<Digests> Read(const wire::Digests& from) {
  Digests digests;
  RETURN_IF_ERROR(CheckDigestRows(from.rows_size()));
  ASSIGN_OR_RETURN(digests.rows, ReadRows("rows", from.rows(), ReadDigest));
  return digests;
}

StatusOr<FenceRequest> Read(const wire::FenceRequest& from) {
  FenceRequest request;
  ASSIGN_OR_RETURN(request.attempt, ReadId("attempt", from.attempt()));
  request.deadline = Duration(from.deadline_ns());
  if (request.deadline <= Duration::zero() || request.deadline > kMaxControlDeadline)
    return InvalidArgument("deadline: {} ns", from.deadline_ns());
  ASSIGN_OR_RETURN(request.topics, ReadRows("topics", from.topics(), ReadFenced));
  return request;
}

StatusOr<GroupsRequest> Read(const wire::GroupsRequest& from) {
  GroupsRequest request;
  ASSIGN_OR_RETURN(request.topics, ReadRows("topics", from.topics(), ReadTopicRow));
  return request;
}

StatusOr<EndsRequest> Read(const wire::EndsRequest& from) {
  EndsRequest request;
  ASSIGN_OR_RETURN(request.topics, ReadRows("topics", from.topic_ids(), ReadIdRow));
  return request;
}

StatusOr<DigestsRequest> Read(const wire::DigestsRequest& from) {
  DigestsRequest request;
  RETURN_IF_ERROR(CheckDigestRows(from.rows_size()));
  ASSIGN_OR_RETURN(request.rows, ReadRows("rows", from.rows(), ReadAsked));
  return request;
}

StatusOr<FenceAnswer> Read(const wire::FenceAnswer& from) {
  FenceAnswer answer;
  ASSIGN_OR_RETURN(answer.topics, ReadRows("topics", from.topics(), ReadFence));
  return answer;
}

StatusOr<GroupsAnswer> Read(const wire::GroupsAnswer& from) {
  GroupsAnswer answer;
  ASSIGN_OR_RETURN(answer.commits, ReadRows("commits", from.commits(), ReadCommit));
  return answer;
}

StatusOr<EndsAnswer> Read(const wire::EndsAnswer& from) {
  EndsAnswer answer;
  ASSIGN_OR_RETURN(answer.topics, ReadRows("topics", from.topics(), ReadEnds));
  return answer;
}

StatusOr<Uuid> ReadAttempt(const wire::AttemptRequest& from) {
  return ReadId("attempt", from.attempt());
}

Status ReadFailure(const wire::Failure& from) {
  const bool known = from.code() > static_cast<int>(StatusCode::kOk) &&
                     from.code() <= static_cast<int>(StatusCode::kUnauthenticated);
  const StatusCode code = known ? static_cast<StatusCode>(from.code()) : StatusCode::kUnknown;
  return MakeStatus(code, CutText(from.message()));
}

}  // namespace atl::mirror
