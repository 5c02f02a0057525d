#include "mirror/offsets/group_poll.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "kafka/wire/schema/group_admin.h"
#include "kafka/wire/schema/group_offset.h"
#include "mirror/pull/kafka_source.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

constexpr ByteCount kKeptBuffers{int64_t{4} << 20};
constexpr Duration kUnneededPause = std::chrono::seconds(1);
constexpr size_t kGroupsAtOnce = 100;
constexpr int16_t kManyGroupsVersion = 8;

// The broker does not coordinate the group any more, or not yet: the round is incomplete.
Status Unusable(const GroupId& group, kafka::ErrorCode error) {
  return Unavailable("OffsetFetch of group {}: {}", group.value(), kafka::ErrorName(error));
}

void Take(const GroupId& group, const std::vector<kafka::OffsetFetchTopicResult>& topics,
          std::vector<GroupCommit>& out) {
  for (const kafka::OffsetFetchTopicResult& topic : topics) {
    for (const kafka::OffsetFetchPartitionResult& partition : topic.partitions) {
      const bool committed = partition.error_code == kafka::ErrorCode::kNone &&
                             partition.committed_offset >= Offset(0);
      if (!committed) continue;
      GroupCommit& commit = out.emplace_back();
      commit.group = group;
      commit.topic = topic.name;
      commit.partition = partition.partition_index;
      commit.offset = partition.committed_offset;
      commit.epoch = partition.committed_leader_epoch;
      commit.metadata = partition.metadata.value_or("");
    }
  }
}

}  // namespace

GroupPoll::GroupPoll(runtime::Reactor& reactor, const Clock& clock, const config::Link& link,
                     std::function<bool()> needed, Found found, uint64_t seed)
    : reactor_(reactor),
      clock_(clock),
      link_(link.name),
      interval_(link.groups.poll_interval),
      needed_(std::move(needed)),
      found_(std::move(found)),
      random_(seed),
      client_(reactor, clock, kafka::BufferPool::Create(kKeptBuffers),
              ClientOptions(link, "groups")) {}

awaitable<void> GroupPoll::Run() {
  std::string last_error;
  for (;;) {
    if (!needed_()) {
      client_.Close();
      (void)co_await runtime::Sleep(kUnneededPause);
      continue;
    }
    StatusOr<std::vector<GroupCommit>> round = co_await Ask();
    const std::string error(StatusMessage(round.status()));
    if (round.ok()) {
      const WallTime now = clock_.WallNow();
      for (GroupCommit& commit : *round) commit.committed = now;  // The protocol does not tell.
      found_(*std::move(round));
    } else if (error != last_error) {
      LogWarning("groups", "link {}: the source's groups can't be polled: {}", link_.value(),
                 error);
    }
    last_error = error;
    // Links of many regions should not ask in step.
    const Duration jitter(static_cast<Duration::rep>(random_.Fraction() *
                                                     static_cast<double>(interval_.count()) / 10));
    (void)co_await runtime::Sleep(interval_ + jitter);
  }
}

awaitable<StatusOr<std::vector<GroupCommit>>> GroupPoll::Ask() {
  kafka::MetadataRequest request;
  request.topics.emplace();  // No topics: the brokers only.
  request.allow_auto_topic_creation = false;
  auto metadata = co_await client_.Metadata(std::move(request));
  CO_RETURN_IF_ERROR(metadata.status());
  std::vector<GroupCommit> commits;
  const std::vector<NodeId> nodes = client_.metadata().nodes();
  for (const NodeId node : nodes) {
    auto broker = co_await client_.Connect(node);
    CO_RETURN_IF_ERROR(broker.status());
    const Status asked = co_await AskBroker(**broker, commits);
    CO_RETURN_IF_ERROR(asked);
  }
  co_return commits;
}

awaitable<Status> GroupPoll::AskBroker(kafka::Connection& broker, std::vector<GroupCommit>& out) {
  const kafka::ListGroupsRequest request;
  auto listed = co_await broker.Call(request, kafka::CallLimits());
  CO_RETURN_IF_ERROR(listed.status());
  const kafka::ErrorCode error = listed->message.error_code;
  if (error != kafka::ErrorCode::kNone) {
    co_return Unavailable("ListGroups: {}", kafka::ErrorName(error));
  }
  const StatusOr<int16_t> version = broker.VersionFor<kafka::OffsetFetchRequest>();
  CO_RETURN_IF_ERROR(version.status());
  std::vector<GroupId> groups;
  for (const kafka::ListedGroup& group : listed->message.groups) groups.push_back(group.group_id);
  for (size_t begin = 0; begin < groups.size();) {
    const size_t most = *version >= kManyGroupsVersion ? kGroupsAtOnce : 1;
    const size_t end = std::min(groups.size(), begin + most);
    std::vector<GroupId> some(groups.begin() + static_cast<std::ptrdiff_t>(begin),
                              groups.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
    Status asked = OkStatus();
    if (most > 1) {
      asked = co_await AskMany(broker, std::move(some), out);
    } else {
      asked = co_await AskOne(broker, some.front(), out);
    }
    CO_RETURN_IF_ERROR(asked);
  }
  co_return OkStatus();
}

awaitable<Status> GroupPoll::AskMany(kafka::Connection& broker, std::vector<GroupId> groups,
                                     std::vector<GroupCommit>& out) {
  kafka::OffsetFetchRequest request;
  for (const GroupId& group : groups) request.groups.emplace_back().group_id = group;
  auto answer = co_await broker.Call(request, kafka::CallLimits());
  CO_RETURN_IF_ERROR(answer.status());
  for (const kafka::OffsetFetchGroupResult& group : answer->message.groups) {
    if (group.error_code != kafka::ErrorCode::kNone) {
      co_return Unusable(group.group_id, group.error_code);
    }
    Take(group.group_id, group.topics, out);
  }
  co_return OkStatus();
}

awaitable<Status> GroupPoll::AskOne(kafka::Connection& broker, GroupId group,
                                    std::vector<GroupCommit>& out) {
  kafka::OffsetFetchRequest request;
  request.group_id = group;
  auto answer = co_await broker.Call(request, kafka::CallLimits());
  CO_RETURN_IF_ERROR(answer.status());
  if (answer->message.error_code != kafka::ErrorCode::kNone) {
    co_return Unusable(group, answer->message.error_code);
  }
  Take(group, answer->message.topics, out);
  co_return OkStatus();
}

}  // namespace atl::mirror
