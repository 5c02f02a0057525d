// The records of a quarantined tail, one after the other, as an export prints them and a
// reinjection produces them. What became of a transaction is told by the marker that follows in the
// tail itself: without one it was open, and nobody ever saw its records committed.
// Blocks on the disk; no lock, one caller. Damage is kDataLoss naming file and position.
#pragma once

#include <boost/json/array.hpp>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "kafka/record/batch_builder.h"
#include "kafka/record/record_reader.h"
#include "mirror/ownership/quarantine.h"

namespace atl::mirror {

enum class Fate { kPlain, kCommitted, kAborted, kOpen, kControl };
std::string_view FateName(Fate fate);  // "plain", "committed", ...

// What each batch of a tail is.
class TailFates {
 public:
  // Reads the tail once, if it has transactions at all.
  static StatusOr<TailFates> Of(const Quarantine& quarantine, const QuarantinedTail& tail);
  Fate FateOf(const kafka::BatchHeader& header) const;

 private:
  std::map<ProducerId, std::map<Offset, Fate>> markers_;
};

// One page of an export: each record as a JSON object, and where the next page begins (nothing: it
// was the last). A page ends with the batch that reaches `most` bytes.
struct RecordPage {
  boost::json::array records;
  std::optional<TailCursor> next;
};
StatusOr<RecordPage> ExportRecords(const Quarantine& quarantine, const QuarantinedTail& tail,
                                   const TailFates& fates, TailCursor from, ByteCount most);

// What one request of a reinjection carries: one batch of the records from `progress.next` on, with
// their keys, values, headers and timestamps, and headers that name their origin. The same progress
// gives the same batch, byte for byte, so that it can be sent again.
struct ReinjectChunk {
  Bytes batch;  // Empty: nothing more is to be produced.
  int32_t records = 0;
  int64_t left_out = 0;  // Aborted or open, on the way.
  Offset next;
  TailCursor at;
  bool last = false;
};
StatusOr<ReinjectChunk> NextChunk(const Quarantine& quarantine, const QuarantinedTail& tail,
                                  const TailFates& fates, const ReinjectProgress& progress);

// How many records a reinjection would produce, and leave out, from the start.
struct ReinjectCount {
  int64_t produce = 0;
  int64_t left_out = 0;
};
StatusOr<ReinjectCount> CountRecords(const Quarantine& quarantine, const QuarantinedTail& tail,
                                     const TailFates& fates);

}  // namespace atl::mirror
