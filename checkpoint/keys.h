// THE layout of every key in the store: one byte for the table, then big-endian parts, so that the
// order of the bytes is the order of the numbers. Text parts are their bytes and a final zero byte
// (no name in Atoll or Kafka contains one); a group, which may, is its length in two bytes and its
// bytes. Pure functions.
// NEVER change a number or a layout here: they are on disks. A new table takes a new number; a
// table that goes leaves its number unused for ever.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"

namespace atl::checkpoint {

enum class TableId : uint8_t {
  kRegionIdentity = 0x01,
  kCleanShutdown = 0x02,
  kProducerIdBlock = 0x03,
  kTopic = 0x10,                // topic id
  kPartitionState = 0x11,       // topic id, partition
  kProducerSnapshot = 0x12,     // topic id, partition
  kTransactionSnapshot = 0x13,  // topic id, partition
  kMirrorPosition = 0x20,       // link, topic id, partition
  kLinkState = 0x21,            // link
  kLinkTopicState = 0x22,       // link, topic name
  kVerified = 0x25,             // link, topic id, partition
  kGroupKnowledge = 0x26,       // link, topic name, partition, group
  kExtent = 0x27,       // target topic id, partition, link, topic name, partition, source offset
  kFanInSource = 0x28,  // target topic id, partition, link, topic name, partition
  kFanInTarget = 0x29,  // topic id, partition
  kOwnership = 0x30,    // topic id
  kEvent = 0x40,        // id
  kFailover = 0x41,     // id
  kGroup = 0x50,        // group
  kGroupOffset = 0x51,  // group, topic name, partition
};

std::string TablePrefix(TableId table);  // Also the whole key of the tables with one row.
std::string TopicKey(TableId table, const TopicId& topic);
std::string PartitionKey(TableId table, const TopicId& topic, PartitionId partition);
std::string LinkKey(TableId table, const LinkName& link);
std::string LinkTopicKey(const LinkName& link, const TopicName& topic);
std::string MirrorPositionKey(const LinkName& link, const TopicId& topic, PartitionId partition);
std::string GroupKnowledgeKey(const LinkName& link, const TopicName& topic, PartitionId partition,
                              const GroupId& group);
// Of a source partition of a fan-in topic: `target` and `into` are here, the rest is the source's.
std::string FanInSourceKey(TableId table, const TopicId& target, PartitionId into,
                           const LinkName& link, const TopicName& topic, PartitionId partition);
std::string ExtentKey(const TopicId& target, PartitionId into, const LinkName& link,
                      const TopicName& topic, PartitionId partition, Offset source);
std::string VerifiedKey(const LinkName& link, const TopicId& topic, PartitionId partition);
std::string EventKey(int64_t id);
std::string FailoverKey(int64_t id);
// A group's id has at most 32767 bytes (CHECK): Kafka's protocol can't say a longer one.
std::string GroupKey(TableId table, const GroupId& group);
std::string GroupOffsetKey(const GroupId& group, const TopicName& topic, PartitionId partition);

// The id in a key; kDataLoss if it is no key of that table.
StatusOr<int64_t> EventIdOf(std::string_view key);
StatusOr<int64_t> FailoverIdOf(std::string_view key);

// For people: "topic/8sLx…", "mirror-position/from-us-east/8sLx…/3"; "unknown/0xff01" for a key
// that no table explains.
std::string PrintableKey(std::string_view key);

}  // namespace atl::checkpoint
