#include "checkpoint/inspect.h"

#include <array>
#include <sstream>
#include <string>

#include "checkpoint/event_table.h"
#include "checkpoint/keys.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/mirror_table.h"
#include "checkpoint/ownership_table.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/region_table.h"
#include "checkpoint/rocks_store.h"
#include "checkpoint/topic_table.h"
#include "tests/support/temp_folder.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

const TopicId kTopic(std::array<uint8_t, 16>{0x10, 0x20, 0x30});
const WallTime kTime(std::chrono::nanoseconds(1'764'000'000'000'000'000));

// One row in every table.
void Fill(Store& store) {
  RegionTable region(store);
  REQUIRE(region.PutIdentity({kTopic, RegionName("us-east"), RegionOrdinal(1)}).ok());
  REQUIRE(region.PutCleanShutdown(kTime).ok());
  REQUIRE(region.AllocateProducerIds().ok());
  TopicRecord topic;
  topic.name = TopicName("orders");
  topic.id = kTopic;
  topic.partition_count = 4;
  topic.config = {{"retention.ms", "1"}};
  topic.created = kTime;
  REQUIRE(TopicTable(store).Put(topic, Sync::kNow).ok());
  WriteBatch batch;
  const PartitionState state{
      kTopic, PartitionId(3), Offset(0), Offset(9), {{LeaderEpoch(257), Offset(0)}}};
  PartitionStateTable::StagePut(batch, state);
  PartitionStateTable::StageProducers(batch, kTopic, PartitionId(3), {Offset(9), Bytes(3)});
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  MirrorTable mirrors(store);
  MirrorPosition position;
  position.link = LinkName("east");
  position.topic = kTopic;
  position.state = MirrorState::kSourceUnavailable;
  position.reason = "said \"no\"\n";
  position.time = kTime;
  REQUIRE(mirrors.PutPosition(position, Sync::kNow).ok());
  REQUIRE(mirrors.PutLink({LinkName("east"), true, "abc"}, Sync::kNow).ok());
  REQUIRE(mirrors.PutLinkTopic({LinkName("east"), TopicName("t"), true}, Sync::kNow).ok());
  OwnershipRecord record;
  record.topic = kTopic;
  record.lineage = {{LeaderEpoch(257), RegionOrdinal(1), {Offset(0), Offset(5)}}};
  record.time = kTime;
  REQUIRE(OwnershipTable(store).Put(record, Sync::kNow).ok());
  Event event;
  event.kind = EventKind::kDivergence;
  event.time = kTime;
  REQUIRE((*EventTable::Open(store))->Append(event, Sync::kNow).ok());
}

std::string Expected() {
  const std::string id = kTopic.ToString();
  const std::string zero = Uuid().ToString();
  return "region-identity {\"cluster_id\": \"" + id +
         "\", \"name\": \"us-east\", \"ordinal\": 1}\n"
         "clean-shutdown {\"time_ns\": \"2025-11-24T16:00:00.000Z\"}\n"
         "producer-id-block {\"next\": 1000}\n"
         "topic/" +
         id + " {\"name\": \"orders\", \"topic_id\": \"" + id +
         "\", \"partition_count\": 4, \"config\": [{\"key\": \"retention.ms\", \"value\": \"1\"}], "
         "\"epoch\": -1, \"owner\": 0, \"link\": \"\", \"frozen\": false, \"generation\": 1, "
         "\"created_ns\": \"2025-11-24T16:00:00.000Z\"}\n"
         "partition/" +
         id + "/3 {\"topic_id\": \"" + id +
         "\", \"partition\": 3, \"log_start\": 0, "
         "\"recovery_point\": 9, \"epochs\": [{\"epoch\": 257, \"start\": 0}]}\n"
         "producers/" +
         id +
         "/3 {\"offset\": 9, \"contents\": \"<3 bytes>\"}\n"
         "mirror-position/east/" +
         id + "/0 {\"link\": \"east\", \"topic_id\": \"" + id +
         "\", \"partition\": 0, \"applied_end\": 0, \"source_end\": -1, \"source_epoch\": -1, "
         "\"source_topic_id\": \"" +
         zero +
         "\", \"time_ns\": \"2025-11-24T16:00:00.000Z\", "
         "\"state\": \"source_unavailable\", \"reason\": \"said \\\"no\\\"\\u000a\"}\n"
         "link/east {\"link\": \"east\", \"paused\": true, \"source_cluster_id\": \"abc\"}\n"
         "link-topic/east/t {\"link\": \"east\", \"topic\": \"t\", \"paused\": true}\n"
         "ownership/" +
         id + " {\"topic_id\": \"" + id +
         "\", \"name\": \"\", \"epoch\": -1, "
         "\"owner\": 0, \"owner_name\": \"\", \"state\": \"serving\", \"cut\": [], \"lineage\": "
         "[{\"epoch\": 257, \"owner\": 1, \"cut\": [0, 5]}], \"link\": \"\", \"reason\": \"\", "
         "\"time_ns\": \"2025-11-24T16:00:00.000Z\", \"attempt_id\": \"" +
         zero +
         "\"}\n"
         "event/1 {\"id\": 1, \"kind\": \"divergence\", \"time_ns\": \"2025-11-24T16:00:00.000Z\", "
         "\"link\": \"\", \"topic\": \"\", \"topic_id\": \"" +
         zero +
         "\", \"partition\": -1, "
         "\"first\": -1, \"end\": -1, \"cause\": \"\", \"source_epoch\": -1}\n";
}

}  // namespace

TEST_CASE("Inspect prints every table in words", "[checkpoint]") {
  MemoryStore store;
  Fill(store);
  std::ostringstream out;
  REQUIRE(Inspect(store, out).ok());
  REQUIRE(out.str() == Expected());
}

TEST_CASE("Inspect finds the store in its own folder and in a region's", "[checkpoint]") {
  const TempFolder folder;
  {
    const auto store = RocksStore::Open(folder.path() + "/checkpoint");
    REQUIRE(store.ok());
    Fill(**store);
  }
  for (const std::string& path : {folder.path(), folder.path() + "/checkpoint"}) {
    std::ostringstream out;
    REQUIRE(Inspect(path, out).ok());
    REQUIRE(out.str() == Expected());
  }
  std::ostringstream out;
  REQUIRE(Inspect(folder.path() + "/nowhere", out).code() == StatusCode::kNotFound);
}

TEST_CASE("Inspect prints unknown keys in hex, names damaged ones, and goes on", "[checkpoint]") {
  MemoryStore store;
  REQUIRE(RegionTable(store).AllocateProducerIds().ok());
  WriteBatch batch;
  batch.Put(LinkKey(TableId::kLinkState, LinkName("east")), "broken value");
  batch.Put("\x7Fnew", "\x01\xFE");
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  std::ostringstream out;
  const Status status = Inspect(store, out);
  REQUIRE(out.str() ==
          "producer-id-block {\"next\": 1000}\n"
          "link/east DAMAGED link/east: value starts with 0x62, not 0xa7\n"
          "unknown/0x7f6e6577 0x01fe\n");
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(std::string(StatusMessage(status)) == "1 damaged values");
}

}  // namespace atl::checkpoint
