#include "mirror/ownership/quarantine.h"

#include <set>
#include <string>
#include <vector>

#include "base/failpoint.h"
#include "base/memory_file.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::BatchSpec;
using test::MakeBatch;
using Operation = MemoryFileSystem::Operation;
using Unsynced = MemoryFileSystem::Unsynced;

const std::string kFolder = "/data/quarantine";

struct Store {
  explicit Store(uint64_t seed = 1) : files(seed) {
    REQUIRE(files.CreateFolders("/data").ok());
    Open();
  }
  void Open() {
    quarantine.reset();
    auto opened = Quarantine::Open(files, metrics, kFolder, RegionName("us-east"));
    INFO(StatusMessage(opened.status()));
    REQUIRE(opened.ok());
    quarantine = *std::move(opened);
  }
  Quarantine::Request Request(int64_t first, int64_t end) const {
    Quarantine::Request request;
    request.topic = TopicName("orders");
    request.topic_id = Uuid({7});
    request.partition = PartitionId(3);
    request.link = LinkName("from-eu-west");
    request.new_epoch = LeaderEpoch(514);
    request.first = Offset(first);
    request.end = Offset(end);
    request.attempt = 5;
    request.time = WallTime(std::chrono::hours(1));
    return request;
  }
  StatusOr<QuarantinedTail> Keep(const std::vector<Bytes>& batches, int64_t first, int64_t end) {
    return quarantine->SetAside(Request(first, end), [&](const Quarantine::Take& take) -> Status {
      for (const Bytes& bytes : batches) {
        RETURN_IF_ERROR(take(*kafka::BatchView::Parse(bytes)));
      }
      return OkStatus();
    });
  }
  StatusOr<Bytes> All(const QuarantinedTail& tail) const {
    Bytes bytes;
    TailCursor cursor;
    RETURN_IF_ERROR(quarantine->Read(tail, cursor, [&](const kafka::BatchView& batch) {
      bytes.insert(bytes.end(), batch.bytes().begin(), batch.bytes().end());
      return StatusOr<bool>(true);
    }));
    return bytes;
  }
  double Metric() const {
    for (const MetricFamily& family : metrics.Collect()) {
      if (family.name == "atoll_quarantine_records") return family.metric.front().gauge.value;
    }
    return -1;
  }

  MemoryFileSystem files;
  Metrics metrics;
  std::unique_ptr<Quarantine> quarantine;
};

std::vector<Bytes> Tail() {
  return {MakeBatch({.base = 100, .count = 2}), MakeBatch({.base = 102, .count = 3}),
          MakeBatch({.base = 110, .count = 1})};
}

Bytes Joined(const std::vector<Bytes>& batches) {
  Bytes joined;
  for (const Bytes& batch : batches) joined.insert(joined.end(), batch.begin(), batch.end());
  return joined;
}

}  // namespace

TEST_CASE("a tail is kept verbatim, under its first offset, and found again by the next process") {
  Store store;
  const StatusOr<QuarantinedTail> kept = store.Keep(Tail(), 100, 111);
  REQUIRE(kept.ok());
  REQUIRE(kept->records == 6);
  REQUIRE(kept->files.size() == 1);
  REQUIRE(kept->files[0].name == "00000000000000000100.log");
  store.files.Crash(Unsynced::kLost);
  store.Open();
  const StatusOr<QuarantinedTail> found = store.quarantine->Find(kept->id);
  REQUIRE(found.ok());
  REQUIRE(found->topic == TopicName("orders"));
  REQUIRE(found->topic_id == Uuid({7}));
  REQUIRE(found->partition == PartitionId(3));
  REQUIRE(found->region == RegionName("us-east"));
  REQUIRE(found->link == LinkName("from-eu-west"));
  REQUIRE(found->epoch == LeaderEpoch(257));
  REQUIRE(found->new_epoch == LeaderEpoch(514));
  REQUIRE(found->first == Offset(100));
  REQUIRE(found->end == Offset(111));
  REQUIRE(found->attempt == 5);
  REQUIRE(found->time == WallTime(std::chrono::hours(1)));
  REQUIRE(*store.All(*found) == Joined(Tail()));
  REQUIRE(store.Metric() == 6);
}

TEST_CASE("S12: the same tail is not written twice, another one of the same range is") {
  Store store;
  const auto first = store.Keep(Tail(), 100, 111);
  REQUIRE(store.Keep(Tail(), 100, 111)->id == first->id);
  store.Open();
  REQUIRE(store.Keep(Tail(), 100, 111)->id == first->id);
  REQUIRE(store.quarantine->List().size() == 1);
  std::vector<Bytes> other = Tail();
  other[2] = MakeBatch({.base = 110, .count = 1, .epoch = 513});
  REQUIRE(store.Keep(other, 100, 111)->id != first->id);
  REQUIRE(store.quarantine->List().size() == 2);
  REQUIRE(store.Metric() == 12);
}

TEST_CASE("control records are kept and not counted") {
  Store store;
  kafka::BatchBuilder::Options options{.base_offset = Offset(111),
                                       .leader_epoch = LeaderEpoch(257)};
  options.producer_id = ProducerId(4);
  options.producer_epoch = ProducerEpoch(0);
  std::vector<Bytes> tail = Tail();
  tail.push_back(kafka::BatchBuilder::ControlMarker(options, false, Timestamp(1), 0));
  const auto kept = store.Keep(tail, 100, 112);
  REQUIRE(kept->records == 6);
  REQUIRE(*store.All(*kept) == Joined(tail));
}

TEST_CASE("a reading goes on where it stopped") {
  Store store;
  const auto kept = store.Keep(Tail(), 100, 111);
  TailCursor cursor;
  std::vector<Offset> seen;
  for (int i = 0; i < 3; ++i) {
    cursor = *TailCursor::Parse(cursor.ToString());
    REQUIRE(store.quarantine
                ->Read(*kept, cursor,
                       [&](const kafka::BatchView& batch) {
                         seen.push_back(batch.header().base_offset);
                         return StatusOr<bool>(false);
                       })
                .ok());
  }
  REQUIRE(seen == std::vector<Offset>{Offset(100), Offset(102), Offset(110)});
  for (const char* wrong : {"", ":", "1", "1:", ":1", "a:1", "1:b", "1:-1", "1:2:3"}) {
    INFO(wrong);
    REQUIRE_FALSE(TailCursor::Parse(wrong).ok());
  }
}

TEST_CASE("a batch outside the range means that the log was not still") {
  Store store;
  REQUIRE(store.Keep(Tail(), 100, 110).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(store.Keep(Tail(), 102, 111).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(store.quarantine->List().empty());
}

TEST_CASE("a full disk keeps nothing, leaves nothing, and says so") {
  Store store;
  store.files.SetCapacity(ByteCount(100));
  REQUIRE(store.Keep(Tail(), 100, 111).status().code() == StatusCode::kResourceExhausted);
  REQUIRE(store.quarantine->List().empty());
  REQUIRE(store.files.List("/data/quarantine/orders." + Uuid({7}).ToString() + "/3")->empty());
  store.files.SetCapacity(ByteCount(1 << 20));
  REQUIRE(store.Keep(Tail(), 100, 111).ok());
}

TEST_CASE("a power cut at any operation leaves the tail whole or not at all", "[crash]") {
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  for (int nth = 1;; ++nth) {
    Store store(static_cast<uint64_t>(nth));
    int count = 0;
    bool dead = false;
    store.files.SetFault([&](Operation operation, const std::string&) {
      if (operation != Operation::kRead && ++count == nth) dead = true;
      return dead ? Unavailable("the power is off") : OkStatus();
    });
    const bool kept = store.Keep(Tail(), 100, 111).ok();
    store.files.SetFault({});
    store.files.Crash(unsynced);
    store.Open();
    const std::vector<QuarantinedTail> tails = store.quarantine->List();
    INFO("operation " << nth);
    REQUIRE(store.quarantine->damaged().empty());
    REQUIRE((tails.size() == 1 || (tails.empty() && !kept)));
    if (!tails.empty()) REQUIRE(*store.All(tails[0]) == Joined(Tail()));
    REQUIRE(store.Keep(Tail(), 100, 111).ok());
    REQUIRE(store.quarantine->List().size() == 1);
    if (!dead) break;
  }
}

TEST_CASE("damage is named, never deleted, and never served") {
  Store store;
  const auto kept = store.Keep(Tail(), 100, 111);
  const std::string log = JoinPath(kept->folder, kept->files[0].name);
  SECTION("a flipped bit in a batch") {
    store.files.FlipBit(log, FilePosition(80), 3);
    const auto all = store.All(*kept);
    REQUIRE(all.status().code() == StatusCode::kDataLoss);
    REQUIRE(StatusMessage(all.status()).find(log) != std::string_view::npos);
  }
  SECTION("a file that is shorter than its manifest says") {
    const auto file = *store.files.Open(log, OpenMode::kReadWrite);
    REQUIRE(file->Truncate(FilePosition(90)).ok());
    REQUIRE(store.All(*kept).status().code() == StatusCode::kDataLoss);
    REQUIRE(store.Keep(Tail(), 100, 111).status().code() == StatusCode::kDataLoss);
  }
  SECTION("a file that is gone") {
    REQUIRE(store.files.Remove(log).ok());
    REQUIRE_FALSE(store.All(*kept).ok());
    REQUIRE_FALSE(store.Keep(Tail(), 100, 111).ok());
  }
  SECTION("a manifest that is none") {
    const std::string wrong = GENERATE(
        as<std::string>(), "", "{", "[]", "{}", R"({"version":2})", R"({"version":1,"id":5})",
        R"({"version":1,"id":"a","topic":"t","topicId":"AAAAAAAAAAAAAAAAAAAABQ","partition":0,)"
        R"("region":"r","link":"l","epoch":1,"newEpoch":2,"first":0,"end":1,"records":1,"bytes":1,)"
        R"("attempt":1,"timeNanoseconds":1,"files":[{"name":"../../x.log","bytes":1}]})");
    INFO(wrong);
    REQUIRE(
        WriteWholeFile(store.files, JoinPath(kept->folder, "manifest.json"), AsBytes(wrong)).ok());
    store.Open();
    REQUIRE(store.quarantine->List().empty());
    REQUIRE(store.quarantine->damaged().size() == 1);
    REQUIRE(store.files.Exists(log).value());
  }
  SECTION("a stray file") {
    REQUIRE(WriteWholeFile(store.files, kFolder + "/README", AsBytes("hello")).ok());
    store.Open();
    REQUIRE(store.quarantine->List().size() == 1);
    REQUIRE(store.quarantine->damaged().size() == 1);
  }
}

TEST_CASE("S12: what the disk does not give at the start is named, and found when it does") {
  Store store;
  const auto kept = store.Keep(Tail(), 100, 111);
  const auto fail_reads_of = [&](const std::string& folder) {
    store.files.SetFault([folder](Operation operation, const std::string& path) -> Status {
      const bool fails = operation == Operation::kRead && path.starts_with(folder);
      return fails ? Corrupt("{}: Input/output error", path) : OkStatus();
    });
  };
  fail_reads_of(kept->folder);
  store.Open();
  REQUIRE(store.quarantine->List().empty());
  REQUIRE(store.quarantine->damaged().size() == 1);
  store.quarantine->LookAgain();
  REQUIRE(store.quarantine->List().empty());
  REQUIRE(store.quarantine->damaged().size() == 1);
  REQUIRE_FALSE(store.Keep(Tail(), 100, 111).ok());
  fail_reads_of("none");
  SECTION("looked at again") { store.quarantine->LookAgain(); }
  SECTION("set aside again") { REQUIRE(store.Keep(Tail(), 100, 111)->id == kept->id); }
  REQUIRE(store.quarantine->List().size() == 1);
  REQUIRE(store.quarantine->damaged().empty());
  REQUIRE(*store.All(*store.quarantine->Find(kept->id)) == Joined(Tail()));
  REQUIRE(store.Metric() == 6);
}

TEST_CASE("what an operator moved out of the quarantine is damaged no more") {
  Store store;
  REQUIRE(WriteWholeFile(store.files, kFolder + "/README", AsBytes("hello")).ok());
  store.Open();
  REQUIRE(store.quarantine->damaged().size() == 1);
  REQUIRE(store.files.Remove(kFolder + "/README").ok());
  store.quarantine->LookAgain();
  REQUIRE(store.quarantine->damaged().empty());
}

TEST_CASE("progress survives a power cut, a dropped tail does not come back") {
  Store store;
  const auto kept = store.Keep(Tail(), 100, 111);
  const ReinjectProgress progress{.next = Offset(102),
                                  .at = {0, FilePosition(70)},
                                  .produced = 2,
                                  .left_out = 1,
                                  .done = false,
                                  .producer_id = ProducerId(9),
                                  .producer_epoch = ProducerEpoch(1),
                                  .sequence = Sequence(2)};
  REQUIRE(store.quarantine->SaveProgress(kept->id, progress).ok());
  store.files.Crash(Unsynced::kLost);
  store.Open();
  REQUIRE(store.quarantine->Find(kept->id)->progress == progress);
  REQUIRE(store.quarantine->Drop(kept->id).ok());
  REQUIRE(store.quarantine->Drop(kept->id).code() == StatusCode::kNotFound);
  REQUIRE(store.Metric() == -1);
  store.files.Crash(Unsynced::kLost);
  store.Open();
  REQUIRE(store.quarantine->List().empty());
  REQUIRE(store.quarantine->damaged().empty());
}

}  // namespace atl::mirror
