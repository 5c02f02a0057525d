// Topics, partitions, mirrors, ownership: what goes in comes out, and damage is named.
#include <array>
#include <string>

#include "checkpoint/keys.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/mirror_table.h"
#include "checkpoint/ownership_table.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "checkpoint/verify_table.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

using std::chrono::nanoseconds;

TopicId Id(uint8_t last) {
  std::array<uint8_t, 16> bytes{};
  bytes[15] = last;
  return TopicId(bytes);
}

TopicRecord Topic(uint8_t id, const std::string& name) {
  TopicRecord topic;
  topic.name = TopicName(name);
  topic.id = Id(id);
  topic.partition_count = 12;
  topic.config = {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}, {"empty", ""}};
  topic.epoch = LeaderEpoch::First(RegionOrdinal(7));
  topic.owner = RegionOrdinal(7);
  topic.link = LinkName("from-us-east");
  topic.frozen = true;
  topic.generation = 3;
  topic.created = WallTime(nanoseconds(1'764'000'000'123'456'789));
  return topic;
}

// One more byte at the end: the checksum no longer fits.
void Damage(MemoryStore& store, const std::string& key) {
  WriteBatch batch;
  batch.Put(key, **store.Get(key) + "x");
  REQUIRE(store.Write(batch, Sync::kNow).ok());
}

}  // namespace

TEST_CASE("A topic comes back with every field, by id and in the list", "[checkpoint]") {
  MemoryStore store;
  TopicTable topics(store);
  const TopicRecord orders = Topic(1, "orders");
  TopicRecord plain;
  plain.name = TopicName("plain");
  plain.id = Id(2);
  REQUIRE(topics.Put(plain, Sync::kLazy).ok());
  REQUIRE(topics.Put(orders, Sync::kNow).ok());
  REQUIRE(topics.Get(Id(1)).value() == orders);
  REQUIRE(topics.List().value() == std::vector<TopicRecord>{orders, plain});
  REQUIRE(topics.Get(Id(3)).value() == std::nullopt);
  REQUIRE(topics.Delete(Id(1), Sync::kNow).ok());
  REQUIRE(topics.List().value() == std::vector<TopicRecord>{plain});
}

TEST_CASE("Rows of several tables become durable in one batch", "[checkpoint]") {
  MemoryStore store;
  TopicTable topics(store);
  OwnershipTable ownership(store);
  WriteBatch batch;
  TopicTable::StagePut(batch, Topic(1, "orders"));
  OwnershipRecord record;
  record.topic = Id(1);
  OwnershipTable::StagePut(batch, record);
  REQUIRE(store.Write(batch, Sync::kLazy).ok());
  REQUIRE(store.unsynced_batches() == 1);
  store.Crash(0);
  REQUIRE(topics.List().value().empty());
  REQUIRE(ownership.List().value().empty());
}

TEST_CASE("A damaged row is named, and the others can still be listed", "[checkpoint]") {
  MemoryStore store;
  TopicTable topics(store);
  for (const uint8_t id : std::array<uint8_t, 3>{1, 2, 3})
    REQUIRE(topics.Put(Topic(id, "t"), Sync::kNow).ok());
  Damage(store, TopicKey(TableId::kTopic, Id(2)));
  const std::string name = "topic/" + Id(2).ToString();

  const Status got = topics.Get(Id(2)).status();
  REQUIRE(got.code() == StatusCode::kDataLoss);
  REQUIRE(std::string(StatusMessage(got)).starts_with(name));
  REQUIRE(topics.List().status() == got);
  std::vector<Status> damaged;
  REQUIRE(topics.List(&damaged).value().size() == 2);
  REQUIRE(damaged == std::vector<Status>{got});
}

TEST_CASE("A partition's state and its snapshots come back and go together", "[checkpoint]") {
  MemoryStore store;
  PartitionStateTable table(store);
  const PartitionState state{Id(1),
                             PartitionId(3),
                             Offset(100),
                             Offset(5'000'000'000),
                             {{LeaderEpoch(257), Offset(0)}, {LeaderEpoch(513), Offset(700)}}};
  const PartitionSnapshot producers{Offset(4'000), CopyBytes(AsBytes(std::string("\0\xFF", 2)))};
  const PartitionSnapshot transactions{Offset(3'000), {}};
  WriteBatch batch;
  PartitionStateTable::StagePut(batch, state);
  PartitionStateTable::StageProducers(batch, Id(1), PartitionId(3), producers);
  PartitionStateTable::StageTransactions(batch, Id(1), PartitionId(3), transactions);
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  const PartitionState other{Id(1), PartitionId(4), Offset(0), Offset(0), {}, Offset(0)};
  REQUIRE(table.Put(other, Sync::kNow).ok());

  REQUIRE(table.Get(Id(1), PartitionId(3)).value() == state);
  REQUIRE(table.Producers(Id(1), PartitionId(3)).value() == producers);
  REQUIRE(table.Transactions(Id(1), PartitionId(3)).value() == transactions);
  REQUIRE(table.Producers(Id(1), PartitionId(4)).value() == std::nullopt);
  REQUIRE(table.List().value() == std::vector<PartitionState>{state, other});

  WriteBatch deletion;
  PartitionStateTable::StageDelete(deletion, Id(1), PartitionId(3));
  REQUIRE(store.Write(deletion, Sync::kNow).ok());
  REQUIRE(store.Clone().size() == 1);
  REQUIRE(table.List().value() == std::vector<PartitionState>{other});
}

TEST_CASE("A mirror position comes back with every field and only for its link", "[checkpoint]") {
  MemoryStore store;
  MirrorTable mirrors(store);
  MirrorPosition position;
  position.link = LinkName("east");
  position.topic = Id(1);
  position.partition = PartitionId(3);
  position.applied_end = Offset(500);
  REQUIRE(mirrors.PutPosition(position, Sync::kLazy).ok());
  REQUIRE(mirrors.Position(LinkName("east"), Id(1), PartitionId(3)).value() == position);

  position.source_end = Offset(600);
  position.source_epoch = LeaderEpoch(257);
  position.source_topic = Id(9);
  position.time = WallTime(nanoseconds(1));
  position.state = MirrorState::kHalted;
  position.reason = "bad batch at 500";
  REQUIRE(mirrors.PutPosition(position, Sync::kLazy).ok());
  MirrorPosition other = position;
  other.link = LinkName("east-2");
  REQUIRE(mirrors.PutPosition(other, Sync::kLazy).ok());
  REQUIRE(mirrors.Positions(LinkName("east")).value() == std::vector<MirrorPosition>{position});

  WriteBatch batch;
  MirrorTable::StageDeletePosition(batch, LinkName("east"), Id(1), PartitionId(3));
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  REQUIRE(mirrors.Positions(LinkName("east")).value().empty());
}

TEST_CASE("What was verified comes back with every field and only for its link", "[checkpoint]") {
  MemoryStore store;
  VerifyTable table(store);
  VerifiedRecord record;
  record.link = LinkName("east");
  record.topic = Id(1);
  record.partition = PartitionId(3);
  VerifiedRecord other = record;
  other.partition = PartitionId(4);
  other.verified_to = Offset(500);
  other.epoch = LeaderEpoch(257);
  other.time = WallTime(nanoseconds(1));
  other.mismatch_first = Offset(500);
  other.mismatch_end = Offset(510);
  other.reason = "the batch at 500";
  VerifiedRecord elsewhere = other;
  elsewhere.link = LinkName("east-2");
  WriteBatch batch;
  for (const VerifiedRecord& each : {record, other, elsewhere}) VerifyTable::StagePut(batch, each);
  REQUIRE(store.Write(batch, Sync::kLazy).ok());
  REQUIRE(table.List(LinkName("east")).value() == std::vector<VerifiedRecord>{record, other});

  WriteBatch deletion;
  VerifyTable::StageDelete(deletion, LinkName("east"), Id(1), PartitionId(3));
  REQUIRE(store.Write(deletion, Sync::kNow).ok());
  REQUIRE(table.List(LinkName("east")).value() == std::vector<VerifiedRecord>{other});
}

TEST_CASE("Pauses and the source's identity are kept per link and per topic", "[checkpoint]") {
  MemoryStore store;
  MirrorTable mirrors(store);
  const LinkState east{LinkName("east"), true, "cluster A"};
  const LinkState west{LinkName("west"), false, ""};
  REQUIRE(mirrors.PutLink(west, Sync::kNow).ok());
  REQUIRE(mirrors.PutLink(east, Sync::kNow).ok());
  REQUIRE(mirrors.Link(LinkName("east")).value() == east);
  REQUIRE(mirrors.Link(LinkName("north")).value() == std::nullopt);
  REQUIRE(mirrors.Links().value() == std::vector<LinkState>{east, west});

  const LinkTopicState orders{LinkName("east"), TopicName("orders"), true};
  const LinkTopicState audit{LinkName("west"), TopicName("audit"), false};
  REQUIRE(mirrors.PutLinkTopic(orders, Sync::kNow).ok());
  REQUIRE(mirrors.PutLinkTopic(audit, Sync::kNow).ok());
  REQUIRE(mirrors.LinkTopic(LinkName("east"), TopicName("orders")).value() == orders);
  REQUIRE(mirrors.LinkTopic(LinkName("east"), TopicName("audit")).value() == std::nullopt);
  REQUIRE(mirrors.LinkTopics(LinkName("west")).value() == std::vector<LinkTopicState>{audit});
}

TEST_CASE("An ownership record comes back with its whole lineage", "[checkpoint]") {
  MemoryStore store;
  OwnershipTable ownership(store);
  OwnershipRecord record;
  record.topic = Id(1);
  record.name = TopicName("orders");
  record.epoch = LeaderEpoch(513);
  record.owner = RegionOrdinal(1);
  record.owner_name = RegionName("us-east");
  record.state = OwnershipState::kFenced;
  record.cut = {Offset(100), Offset(0), Offset(7)};
  record.lineage = {{LeaderEpoch(257), RegionOrdinal(1), {Offset(0), Offset(0), Offset(0)}},
                    {LeaderEpoch(513), RegionOrdinal(1), record.cut}};
  record.link = LinkName("from-us-east");
  record.reason = "unclean stop";
  record.time = WallTime(nanoseconds(1'764'000'000'000'000'000));
  REQUIRE(ownership.Put(record, Sync::kNow).ok());
  REQUIRE(ownership.Get(Id(1)).value() == record);
  REQUIRE(ownership.List().value() == std::vector<OwnershipRecord>{record});
  WriteBatch batch;
  OwnershipTable::StageDelete(batch, Id(1));
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  REQUIRE(ownership.Get(Id(1)).value() == std::nullopt);
}

TEST_CASE("States have the names of the specification", "[checkpoint]") {
  REQUIRE(MirrorStateName(MirrorState::kLocating) == "locating");
  REQUIRE(MirrorStateName(MirrorState::kMirroring) == "mirroring");
  REQUIRE(MirrorStateName(MirrorState::kCaughtUp) == "caught_up");
  REQUIRE(MirrorStateName(MirrorState::kPaused) == "paused");
  REQUIRE(MirrorStateName(MirrorState::kSourceUnavailable) == "source_unavailable");
  REQUIRE(MirrorStateName(MirrorState::kHalted) == "halted");
  REQUIRE(MirrorStateName(MirrorState::kGap) == "gap");
  REQUIRE(MirrorStateName(MirrorState::kDiverged) == "diverged");
  REQUIRE(MirrorStateName(MirrorState::kConflict) == "conflict");
  REQUIRE(MirrorStateName(MirrorState::kRetired) == "retired");
  REQUIRE(MirrorStateName(MirrorState::kPromoted) == "promoted");
  REQUIRE(OwnershipStateName(OwnershipState::kServing) == "serving");
  REQUIRE(OwnershipStateName(OwnershipState::kFenced) == "fenced");
  REQUIRE(OwnershipStateName(OwnershipState::kPromoting) == "promoting");
}

}  // namespace atl::checkpoint
