// Where a mirror's records come from, as fetchers and topic sync see it: a cluster that can be
// described, and channels to its brokers. KafkaSource is the one implementation, for Atoll regions
// and for Apache Kafka alike (both speak Kafka's protocol); tests have a fake.
//
// Everything lives on the link's reactor. A channel has one call at a time; after an error of a
// call (not of a partition in it) it is dead. Destroy neither while a call runs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"
#include "kafka/client/connection.h"
#include "kafka/wire/error_code.h"
#include "mirror/pull/partition_mirror.h"
#include "runtime/asio.h"

namespace atl::mirror {

struct SourcePartition {
  NodeId leader{-1};  // -1: none now.
  LeaderEpoch epoch = kNoEpoch;
};

struct TopicAtSource {
  TopicName name;
  TopicId id;  // Zero where the source has no topic ids (Kafka before 2.8).
  bool internal = false;
  // Not kNone: the topic is there, what else is said of it can't be used now.
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  std::vector<SourcePartition> partitions;  // By partition id.
};

struct ClusterAtSource {
  std::string cluster_id;
  std::vector<NodeId> nodes;
  std::vector<TopicAtSource> topics;  // By name.
};

struct PartitionAtSource {
  TopicName topic;
  PartitionId partition;
};

struct FetchSlice {
  PartitionAtSource at;
  Offset offset;
  ByteCount most;
};

// What changes in the channel's standing question: slices stay asked until they are dropped. One
// that is in both lists was dropped first and set again.
struct FetchChange {
  std::vector<FetchSlice> set;
  std::vector<PartitionAtSource> drop;
  ByteCount most;  // Of the whole answer.
  Duration max_wait{};
};

struct FetchedSlice {
  PartitionAtSource at;
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  SourceOffsets offsets;
  BytesView records;                   // Into the answer's bytes.
  std::vector<SourceAborted> aborted;  // Of a read_committed source.
};

struct FetchAnswer {
  std::vector<FetchedSlice> slices;
  std::shared_ptr<const void> bytes;
  ByteCount received_bytes{0};  // The answer's over the wire.
  ByteCount sent_bytes{0};      // On this channel since the answer before.
};

struct EpochQuestion {
  PartitionAtSource at;
  LeaderEpoch epoch;
};
struct EpochAnswer {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  LeaderEpoch epoch = kNoEpoch;  // With kNone: the source doesn't know.
  Offset end = kNoOffset;
};

struct OffsetQuestion {
  PartitionAtSource at;
  Timestamp time;  // kafka::kEarliestTimestamp, kafka::kLatestTimestamp, or a record's time.
};
struct OffsetAnswer {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  Offset offset = kNoOffset;  // With kNone: no record at or behind that time.
};

class SourceChannel {
 public:
  virtual ~SourceChannel() = default;
  // Long poll: answers when a slice has something new (records, an error, a moved end), or after
  // max_wait with none. Slices without news are left out.
  virtual runtime::awaitable<StatusOr<FetchAnswer>> Fetch(FetchChange change) = 0;
  // Apart from the standing question, at once. One slice of answer per slice asked, in order.
  virtual runtime::awaitable<StatusOr<FetchAnswer>> FetchOnce(std::vector<FetchSlice> slices,
                                                              ByteCount most) = 0;
  // One answer per question, in order.
  virtual runtime::awaitable<StatusOr<std::vector<EpochAnswer>>> EpochEnds(
      std::vector<EpochQuestion> questions) = 0;
  virtual runtime::awaitable<StatusOr<std::vector<OffsetAnswer>>> Offsets(
      std::vector<OffsetQuestion> questions) = 0;

  virtual kafka::PathSample path() const = 0;
  virtual ByteCount received_bytes() const = 0;  // Rises while an answer comes in.
};

using TopicConfigs = std::map<TopicName, std::map<std::string, std::string>>;

class Source {
 public:
  virtual ~Source() = default;
  virtual runtime::awaitable<StatusOr<ClusterAtSource>> Describe() = 0;
  // Effective values of the topics that could be read.
  virtual runtime::awaitable<StatusOr<TopicConfigs>> Configs(std::vector<TopicName> topics) = 0;
  // A connection of its own to that broker, as Describe() named it.
  virtual runtime::awaitable<StatusOr<std::unique_ptr<SourceChannel>>> Open(NodeId node) = 0;
};

}  // namespace atl::mirror
