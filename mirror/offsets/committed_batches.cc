#include "mirror/offsets/committed_batches.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "kafka/record/batch_builder.h"
#include "kafka/record/record_reader.h"

namespace atl::mirror {
namespace {

// Follows the transactions of one answer from batch to batch.
class AbortedFilter {
 public:
  explicit AbortedFilter(std::span<const SourceAborted> aborted)
      : waiting_(aborted.begin(), aborted.end()) {
    std::sort(waiting_.begin(), waiting_.end(), [](const SourceAborted& a, const SourceAborted& b) {
      return a.first_offset < b.first_offset;
    });
  }

  // Is the batch committed data? To be asked of every batch, in order.
  StatusOr<bool> Keeps(const kafka::BatchView& batch) {
    const kafka::BatchHeader& header = batch.header();
    for (; next_ < waiting_.size() && waiting_[next_].first_offset <= header.last_offset();
         ++next_) {
      aborted_.insert(waiting_[next_].producer_id);
    }
    if (header.is_control()) {
      ASSIGN_OR_RETURN(const kafka::ControlType type, kafka::ReadControlType(batch));
      if (type == kafka::ControlType::kAbort) aborted_.erase(header.producer_id);
      return false;
    }
    return !(header.is_transactional() && aborted_.contains(header.producer_id));
  }

 private:
  std::vector<SourceAborted> waiting_;
  size_t next_ = 0;
  std::set<ProducerId> aborted_;
};

// The batch without its records below `start`: rare (a start inside a batch), so it may cost.
StatusOr<Bytes> WithoutBelow(const kafka::BatchView& batch, Offset start) {
  kafka::BatchBuilder::Options options;
  options.base_offset = start;
  options.codec = batch.header().codec();
  kafka::BatchBuilder builder(options);
  ASSIGN_OR_RETURN(kafka::RecordReader reader, kafka::RecordReader::Open(batch));
  kafka::Record record;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(record));
    if (!more) break;
    if (record.offset < start) continue;
    std::vector<kafka::BatchBuilder::Header> headers;
    for (const kafka::RecordHeader& header : record.headers) {
      kafka::BatchBuilder::Header& copy = headers.emplace_back();
      copy.key = header.key;
      if (header.value) copy.value = std::string(AsText(*header.value));
    }
    builder.Add(record.timestamp, record.key, record.value, headers,
                static_cast<int32_t>((record.offset - start).value()));
  }
  if (builder.record_count() == 0) return Bytes();
  return builder.Build(static_cast<int32_t>((batch.header().last_offset() - start).value()));
}

struct Kept {
  BytesView bytes;
  Offset source;
  RecordCount length;
};

}  // namespace

StatusOr<CommittedBatches> TakeCommitted(std::span<const kafka::BatchView> batches,
                                         std::span<const SourceAborted> aborted, Offset start) {
  CommittedBatches out;
  std::vector<Kept> kept;
  std::vector<Bytes> cut;  // Owns what was built anew; its elements' buffers stay where they are.
  AbortedFilter filter(aborted);
  size_t size = 0;
  for (const kafka::BatchView& batch : batches) {
    const kafka::BatchHeader& header = batch.header();
    ASSIGN_OR_RETURN(const bool keeps, filter.Keeps(batch));
    if (!keeps || header.next_offset() <= start) continue;
    Kept one{batch.bytes(), header.base_offset, header.next_offset() - header.base_offset};
    if (header.base_offset < start) {
      ASSIGN_OR_RETURN(Bytes rest, WithoutBelow(batch, start));
      if (rest.empty()) continue;
      cut.push_back(std::move(rest));
      one = {cut.back(), start, header.next_offset() - start};
    }
    size += one.bytes.size();
    kept.push_back(one);
  }
  out.bytes.resize(size);
  size_t at = 0;
  for (const Kept& one : kept) {
    const MutableBytes place = MutableBytes(out.bytes).subspan(at, one.bytes.size());
    std::memcpy(place.data(), one.bytes.data(), one.bytes.size());
    kafka::StampNoProducer(place);
    out.batches.push_back(place);
    out.taken.runs.push_back({one.source, one.length});
    at += one.bytes.size();
  }
  const kafka::BatchHeader& last = batches.back().header();
  out.taken.next = last.next_offset();
  out.taken.epoch = last.leader_epoch;
  out.taken.last_batch = FanInSourceRow::LastBatch{.base_offset = last.base_offset,
                                                   .last_offset_delta = last.last_offset_delta,
                                                   .length = last.length,
                                                   .crc = last.crc,
                                                   .max_timestamp = last.max_timestamp};
  return out;
}

}  // namespace atl::mirror
