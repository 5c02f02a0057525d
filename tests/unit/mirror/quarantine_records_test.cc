#include "mirror/quarantine_records.h"

#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "base/memory_file.h"
#include "mirror/quarantine_text.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

struct Spec {
  std::string value;
  std::optional<std::string> key = {};
};

// A quarantine with one tail of the given batches.
struct Rig {
  Rig() {
    quarantine = *Quarantine::Open(files, metrics, "/data/quarantine", RegionName("us-east"));
  }

  void Add(const std::vector<Spec>& records, int64_t producer = -1, bool transactional = false,
           kafka::Codec codec = kafka::Codec::kNone) {
    kafka::BatchBuilder::Options options{.base_offset = end, .leader_epoch = LeaderEpoch(257)};
    options.codec = codec;
    options.producer_id = ProducerId(producer);
    options.producer_epoch = ProducerEpoch(static_cast<int16_t>(producer < 0 ? -1 : 0));
    options.base_sequence = Sequence(producer < 0 ? -1 : 0);
    options.transactional = transactional;
    kafka::BatchBuilder builder(options);
    for (const Spec& spec : records) {
      std::optional<BytesView> key;
      if (spec.key) key = AsBytes(*spec.key);
      builder.Add(Timestamp(1000), key, AsBytes(spec.value), {{"h", "v"}, {"none", std::nullopt}});
    }
    Push(*builder.Build(), static_cast<int64_t>(records.size()));
  }
  void Mark(int64_t producer, bool commit) {
    kafka::BatchBuilder::Options options{.base_offset = end, .leader_epoch = LeaderEpoch(257)};
    options.producer_id = ProducerId(producer);
    options.producer_epoch = ProducerEpoch(0);
    Push(kafka::BatchBuilder::ControlMarker(options, commit, Timestamp(1), 0), 1);
  }
  QuarantinedTail Keep() {
    const auto kept =
        quarantine->SetAside({.topic = TopicName("orders"),
                              .topic_id = Uuid({7}),
                              .partition = PartitionId(0),
                              .link = LinkName("l"),
                              .new_epoch = LeaderEpoch(514),
                              .first = Offset(100),
                              .end = end},
                             [&](const Quarantine::Take& take) -> Status {
                               for (const Bytes& batch : batches)
                                 RETURN_IF_ERROR(take(*kafka::BatchView::Parse(batch)));
                               return OkStatus();
                             });
    REQUIRE(kept.ok());
    return *kept;
  }

  MemoryFileSystem files;
  Metrics metrics;
  std::unique_ptr<Quarantine> quarantine;
  std::vector<Bytes> batches;
  Offset end{100};

 private:
  void Push(Bytes batch, int64_t count) {
    batches.push_back(std::move(batch));
    end = end + RecordCount(count);
  }
};

struct Produced {
  std::string value;
  std::string origin;  // The offset in its header.
  friend bool operator==(const Produced&, const Produced&) = default;
};

std::vector<Produced> Unpack(const ReinjectChunk& chunk) {
  std::vector<Produced> produced;
  const kafka::BatchView batch = *kafka::BatchView::Parse(chunk.batch);
  REQUIRE(batch.CrcMatches());
  REQUIRE(batch.header().record_count == chunk.records);
  kafka::RecordReader reader = *kafka::RecordReader::Open(batch);
  kafka::Record record;
  while (*reader.Next(record)) {
    REQUIRE(record.headers.size() == 5);
    REQUIRE(record.headers[0].key == "h");
    REQUIRE_FALSE(record.headers[1].value);
    REQUIRE(record.headers[2].key == "atoll.origin.region");
    REQUIRE(AsText(*record.headers[2].value) == "us-east");
    REQUIRE(record.headers[3].key == "atoll.origin.epoch");
    REQUIRE(AsText(*record.headers[3].value) == "257");
    REQUIRE(record.headers[4].key == "atoll.origin.offset");
    produced.push_back(
        {std::string(AsText(*record.value)), std::string(AsText(*record.headers[4].value))});
  }
  return produced;
}

struct Run {
  std::vector<Produced> produced;
  int64_t left_out = 0;
  int chunks = 0;
};

// All chunks, each asked for twice: a repetition is the same batch.
Run RunAll(Rig& rig, const QuarantinedTail& tail) {
  const TailFates fates = *TailFates::Of(*rig.quarantine, tail);
  ReinjectProgress progress;
  progress.producer_id = ProducerId(3);
  progress.producer_epoch = ProducerEpoch(0);
  Run run;
  while (true) {
    const auto chunk = NextChunk(*rig.quarantine, tail, fates, progress);
    REQUIRE(chunk.ok());
    REQUIRE(NextChunk(*rig.quarantine, tail, fates, progress)->batch == chunk->batch);
    if (chunk->records > 0) {
      REQUIRE(kafka::BatchHeader::Parse(chunk->batch)->base_sequence == progress.sequence);
      for (Produced& one : Unpack(*chunk)) run.produced.push_back(std::move(one));
    }
    run.left_out += chunk->left_out;
    ++run.chunks;
    if (chunk->last) return run;
    progress.next = chunk->next;
    progress.at = chunk->at;
    progress.sequence = progress.sequence.Plus(chunk->records);
  }
}

}  // namespace

TEST_CASE("UTF-8 is text, everything else is base64 and says so") {
  const std::vector<std::pair<std::string, bool>> cases = {
      {"", true},
      {"plain \x01 text", true},
      {std::string("\0", 1), true},
      {"\xC3\xA9", true},
      {"\xE2\x82\xAC", true},
      {"\xF0\x9F\x8C\x8D", true},
      {"\xEF\xBF\xBF", true},
      {"\xF4\x8F\xBF\xBF", true},
      {"\x80", false},
      {"\xC3", false},
      {"\xE2\x82", false},
      {"a\xF0\x9F\x8C", false},
      {"\xC0\xAF", false},
      {"\xC1\xBF", false},
      {"\xE0\x9F\xBF", false},
      {"\xF0\x8F\xBF\xBF", false},
      {"\xED\xA0\x80", false},
      {"\xF4\x90\x80\x80", false},
      {"\xF5\x80\x80\x80", false},
      {"\xFF", false},
  };
  for (const auto& [text, good] : cases) {
    INFO(Base64(AsBytes(text)));
    REQUIRE(IsUtf8(AsBytes(text)) == good);
    boost::json::object object;
    PutBytes(object, "key", AsBytes(text));
    REQUIRE(object.contains("keyEncoding") == !good);
  }
  boost::json::object object;
  PutBytes(object, "value", std::nullopt);
  REQUIRE(boost::json::serialize(object) == R"({"value":null})");
}

TEST_CASE("base64 is RFC 4648's") {
  REQUIRE(Base64({}).empty());
  REQUIRE(Base64(AsBytes("f")) == "Zg==");
  REQUIRE(Base64(AsBytes("fo")) == "Zm8=");
  REQUIRE(Base64(AsBytes("foo")) == "Zm9v");
  REQUIRE(Base64(AsBytes("foobar")) == "Zm9vYmFy");
  REQUIRE(Base64(AsBytes("\xFF\xFE\xFD")) == "//79");
}

TEST_CASE("a reinjection has every record once, in order, with where it comes from") {
  Rig rig;
  rig.Add({{"a"}, {"b"}});
  rig.Add({{"c"}}, 9);
  rig.Add({{"d"}, {"e"}}, -1, false, kafka::Codec::kZstd);
  const Run run = RunAll(rig, rig.Keep());
  REQUIRE(
      run.produced ==
      std::vector<Produced>{{"a", "100"}, {"b", "101"}, {"c", "102"}, {"d", "103"}, {"e", "104"}});
  REQUIRE(run.chunks == 1);
}

TEST_CASE("a large tail goes in chunks that end inside batches where they must") {
  Rig rig;
  std::vector<Spec> many(5'000, {std::string(100, 'x')});
  rig.Add(many);
  rig.Add({{std::string(600'000, 'y')}, {"small"}});
  rig.Add(many);
  const Run run = RunAll(rig, rig.Keep());
  REQUIRE(run.produced.size() == 10'002);
  REQUIRE(run.chunks > 8);
  for (size_t i = 0; i < run.produced.size(); ++i) {
    REQUIRE(run.produced[i].origin == std::to_string(100 + i));
  }
}

TEST_CASE("of transactions only what was committed in the tail is produced") {
  Rig rig;
  rig.Add({{"committed"}}, 5, true);
  rig.Add({{"aborted"}, {"aborted"}}, 6, true);
  rig.Add({{"plain"}}, 5, false);
  rig.Mark(5, true);
  rig.Mark(6, false);
  rig.Add({{"open"}}, 5, true);
  rig.Add({{"last"}});
  const QuarantinedTail tail = rig.Keep();
  REQUIRE(tail.transactional);
  const Run run = RunAll(rig, tail);
  REQUIRE(run.produced ==
          std::vector<Produced>{{"committed", "100"}, {"plain", "103"}, {"last", "107"}});
  REQUIRE(run.left_out == 3);
  const auto count = CountRecords(*rig.quarantine, tail, *TailFates::Of(*rig.quarantine, tail));
  REQUIRE(count->produce == 3);
  REQUIRE(count->left_out == 3);
}

TEST_CASE("an export is paged by batches and says what each record is") {
  Rig rig;
  rig.Add({{"a", "k"}, {std::string("\xFF\0", 2)}}, 5, true);
  rig.Mark(5, false);
  rig.Add({{"b"}});
  const QuarantinedTail tail = rig.Keep();
  const TailFates fates = *TailFates::Of(*rig.quarantine, tail);
  std::vector<std::string> lines;
  int pages = 0;
  for (std::optional<TailCursor> at = TailCursor(); at; ++pages) {
    auto page = ExportRecords(*rig.quarantine, tail, fates, *at, ByteCount(1));
    REQUIRE(page.ok());
    for (const auto& record : page->records) lines.push_back(boost::json::serialize(record));
    at = page->next;
  }
  REQUIRE(pages == 4);  // The last one finds nothing more.
  REQUIRE(lines.size() == 4);
  REQUIRE(lines[0] ==
          R"({"offset":100,"timestamp":1000,"leaderEpoch":257,"kind":"aborted","producerId":5,)"
          R"("producerEpoch":0,"sequence":0,"key":"k","value":"a","headers":[{"key":"h",)"
          R"("value":"v"},{"key":"none","value":null}]})");
  REQUIRE(lines[1].find(R"("key":null,"value":"/wA=","valueEncoding":"base64")") !=
          std::string::npos);
  REQUIRE(lines[1].find(R"("sequence":1)") != std::string::npos);
  REQUIRE(lines[2].find(R"("kind":"control")") != std::string::npos);
  REQUIRE(lines[3].find(R"("kind":"plain","key":null,"value":"b")") != std::string::npos);
}

}  // namespace atl::mirror
