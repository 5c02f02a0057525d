#include "mirror/quarantine_records.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "mirror/quarantine_text.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;

// What a chunk's records may take, before compression; a single larger record goes alone.
constexpr int64_t kChunkBytes = 256 * 1024;
constexpr int32_t kChunkRecords = 10'000;
constexpr int64_t kOriginBytes = 120;  // What the origin's headers take, about.

json::object ToJson(const kafka::Record& record, const kafka::BatchHeader& batch, Fate fate) {
  json::object object;
  object["offset"] = record.offset.value();
  object["timestamp"] = record.timestamp.value();
  object["leaderEpoch"] = batch.leader_epoch.value();
  object["kind"] = std::string(FateName(fate));
  if (batch.has_producer()) {
    object["producerId"] = batch.producer_id.value();
    object["producerEpoch"] = batch.producer_epoch.value();
    const auto delta = static_cast<int32_t>((record.offset - batch.base_offset).value());
    const bool counted = batch.base_sequence != kNoSequence;
    object["sequence"] = counted ? batch.base_sequence.Plus(delta).value() : -1;
  }
  PutBytes(object, "key", record.key);
  PutBytes(object, "value", record.value);
  json::array headers;
  for (const kafka::RecordHeader& header : record.headers) {
    json::object entry;
    PutBytes(entry, "key", AsBytes(header.key));
    PutBytes(entry, "value", header.value);
    headers.push_back(std::move(entry));
  }
  object["headers"] = std::move(headers);
  return object;
}

// Every record of one batch, in order; false from `take` ends it.
template <class TakeRecord>
StatusOr<bool> ForRecords(const kafka::BatchView& batch, const TakeRecord& take) {
  ASSIGN_OR_RETURN(kafka::RecordReader reader, kafka::RecordReader::Open(batch));
  kafka::Record record;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(record));
    if (!more) return true;
    if (!take(record)) return false;
  }
}

bool IsProduced(Fate fate) { return fate == Fate::kPlain || fate == Fate::kCommitted; }

int64_t SizeOf(const kafka::Record& record) {
  size_t bytes =
      record.key.value_or(BytesView()).size() + record.value.value_or(BytesView()).size();
  for (const kafka::RecordHeader& header : record.headers) {
    bytes += header.key.size() + header.value.value_or(BytesView()).size();
  }
  return static_cast<int64_t>(bytes) + kOriginBytes;
}

// Fills one batch with records until it is full.
class ChunkBuilder {
 public:
  ChunkBuilder(const QuarantinedTail& tail, const ReinjectProgress& progress)
      : region_(tail.region.value()), builder_(OptionsOf(progress)) {
    chunk_.next = std::max(progress.next, tail.first);
  }

  // False: full before all of the batch was in it.
  StatusOr<bool> Add(const kafka::BatchView& batch, Fate fate) {
    const kafka::BatchHeader& header = batch.header();
    if (header.is_control()) {
      chunk_.next = header.next_offset();
      return true;
    }
    ASSIGN_OR_RETURN(const bool whole, ForRecords(batch, [&](const kafka::Record& record) {
                       return record.offset < chunk_.next || AddRecord(record, header, fate);
                     }));
    if (whole) chunk_.next = header.next_offset();
    return whole;
  }
  bool full() const { return bytes_ >= kChunkBytes || builder_.record_count() >= kChunkRecords; }
  StatusOr<ReinjectChunk> Build(TailCursor at) && {
    chunk_.at = at;
    chunk_.records = builder_.record_count();
    if (chunk_.records > 0) {
      ASSIGN_OR_RETURN(chunk_.batch, builder_.Build());
    }
    return std::move(chunk_);
  }

 private:
  static kafka::BatchBuilder::Options OptionsOf(const ReinjectProgress& progress) {
    kafka::BatchBuilder::Options options;
    options.producer_id = progress.producer_id;
    options.producer_epoch = progress.producer_epoch;
    options.base_sequence = progress.sequence;
    return options;
  }
  bool AddRecord(const kafka::Record& record, const kafka::BatchHeader& batch, Fate fate) {
    if (!IsProduced(fate)) {
      ++chunk_.left_out;
      chunk_.next = record.offset + RecordCount(1);
      return true;
    }
    const int64_t size = SizeOf(record);
    if (builder_.record_count() > 0 && (full() || bytes_ + size > kChunkBytes)) return false;
    std::vector<kafka::BatchBuilder::Header> headers;
    for (const kafka::RecordHeader& header : record.headers) {
      std::optional<std::string> value;
      if (header.value) value = std::string(AsText(*header.value));
      headers.push_back({std::string(header.key), std::move(value)});
    }
    headers.push_back({"atoll.origin.region", region_});
    headers.push_back({"atoll.origin.epoch", std::to_string(batch.leader_epoch.value())});
    headers.push_back({"atoll.origin.offset", std::to_string(record.offset.value())});
    builder_.Add(record.timestamp, record.key, record.value, headers);
    bytes_ += size;
    chunk_.next = record.offset + RecordCount(1);
    return true;
  }

  const std::string region_;
  kafka::BatchBuilder builder_;
  ReinjectChunk chunk_;
  int64_t bytes_ = 0;
};

}  // namespace

std::string_view FateName(Fate fate) {
  switch (fate) {
    case Fate::kPlain:
      return "plain";
    case Fate::kCommitted:
      return "committed";
    case Fate::kAborted:
      return "aborted";
    case Fate::kOpen:
      return "open";
    case Fate::kControl:
      return "control";
  }
  return "";
}

StatusOr<TailFates> TailFates::Of(const Quarantine& quarantine, const QuarantinedTail& tail) {
  TailFates fates;
  if (!tail.transactional) return fates;
  TailCursor cursor;
  const auto note = [&](const kafka::BatchView& batch) -> StatusOr<bool> {
    const kafka::BatchHeader& header = batch.header();
    if (!header.is_control()) return true;
    const kafka::ControlType type =
        kafka::ReadControlType(batch).value_or(kafka::ControlType::kOther);
    if (type == kafka::ControlType::kOther) return true;
    const Fate fate = type == kafka::ControlType::kCommit ? Fate::kCommitted : Fate::kAborted;
    fates.markers_[header.producer_id][header.base_offset] = fate;
    return true;
  };
  RETURN_IF_ERROR(quarantine.Read(tail, cursor, note));
  return fates;
}

Fate TailFates::FateOf(const kafka::BatchHeader& header) const {
  if (header.is_control()) return Fate::kControl;
  if (!header.is_transactional()) return Fate::kPlain;
  const auto producer = markers_.find(header.producer_id);
  if (producer == markers_.end()) return Fate::kOpen;
  const auto marker = producer->second.upper_bound(header.base_offset);
  return marker == producer->second.end() ? Fate::kOpen : marker->second;
}

StatusOr<RecordPage> ExportRecords(const Quarantine& quarantine, const QuarantinedTail& tail,
                                   const TailFates& fates, TailCursor from, ByteCount most) {
  RecordPage page;
  ByteCount bytes;
  bool stopped = false;
  const auto take = [&](const kafka::BatchView& batch) -> StatusOr<bool> {
    const Fate fate = fates.FateOf(batch.header());
    RETURN_IF_ERROR(ForRecords(batch, [&](const kafka::Record& record) {
                      bytes += ByteCount(SizeOf(record));
                      page.records.push_back(ToJson(record, batch.header(), fate));
                      return true;
                    }).status());
    stopped = bytes >= most;
    return !stopped;
  };
  RETURN_IF_ERROR(quarantine.Read(tail, from, take));
  if (stopped) page.next = from;
  return page;
}

StatusOr<ReinjectChunk> NextChunk(const Quarantine& quarantine, const QuarantinedTail& tail,
                                  const TailFates& fates, const ReinjectProgress& progress) {
  ChunkBuilder builder(tail, progress);
  TailCursor cursor = progress.at;
  TailCursor inside;
  bool cut = false;
  bool stopped = false;
  const auto take = [&](const kafka::BatchView& batch) -> StatusOr<bool> {
    inside = cursor;  // It moves behind the batch afterwards.
    ASSIGN_OR_RETURN(const bool whole, builder.Add(batch, fates.FateOf(batch.header())));
    cut = !whole;
    stopped = cut || builder.full();
    return !stopped;
  };
  RETURN_IF_ERROR(quarantine.Read(tail, cursor, take));
  ASSIGN_OR_RETURN(ReinjectChunk chunk, std::move(builder).Build(cut ? inside : cursor));
  chunk.last = !stopped;
  return chunk;
}

StatusOr<ReinjectCount> CountRecords(const Quarantine& quarantine, const QuarantinedTail& tail,
                                     const TailFates& fates) {
  if (!tail.transactional) return ReinjectCount{tail.records, 0};
  ReinjectCount count;
  TailCursor cursor;
  RETURN_IF_ERROR(
      quarantine.Read(tail, cursor, [&](const kafka::BatchView& batch) -> StatusOr<bool> {
        const Fate fate = fates.FateOf(batch.header());
        if (IsProduced(fate)) count.produce += batch.header().record_count;
        if (fate == Fate::kAborted || fate == Fate::kOpen) {
          count.left_out += batch.header().record_count;
        }
        return true;
      }));
  return count;
}

}  // namespace atl::mirror
