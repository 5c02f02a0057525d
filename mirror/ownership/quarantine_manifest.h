// What the quarantine writes beside a tail's batches, as JSON, so that a person can read it without
// Atoll: manifest.json says what the tail is and never changes, reinject.json how far it was
// produced again. Pure functions. The files may have been touched by anybody: a member that is
// missing, of another type or out of its range is kDataLoss naming it.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"

namespace atl::mirror {

struct TailFile {
  std::string name;  // The first batch's base offset in 20 digits, ".log".
  ByteCount bytes;
  friend bool operator==(const TailFile&, const TailFile&) = default;
};

// Where a reading of a tail goes on: at a batch.
struct TailCursor {
  size_t file = 0;
  FilePosition position;
  std::string ToString() const;  // "FILE:POSITION"
  static StatusOr<TailCursor> Parse(std::string_view text);
  friend bool operator==(const TailCursor&, const TailCursor&) = default;
};

// How far a tail was produced again. What lies below `next` was confirmed or left out.
struct ReinjectProgress {
  Offset next = kNoOffset;  // kNoOffset: not begun.
  TailCursor at;            // The batch that contains `next`.
  int64_t produced = 0;
  int64_t left_out = 0;
  bool done = false;
  // Under which the record at `next` is, or was already, sent: a broker that remembers the producer
  // answers a repetition as the duplicate that it is.
  ProducerId producer_id = kNoProducer;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  Sequence sequence{0};
  friend bool operator==(const ReinjectProgress&, const ReinjectProgress&) = default;
};

// One tail: batches of one partition that were in this region's log at [first, end) and are not in
// the history of the topic's owner.
struct QuarantinedTail {
  std::string id;  // 16 hexadecimal digits, of the contents: a repetition gives the same.
  TopicName topic;
  TopicId topic_id;
  PartitionId partition;
  RegionName region;      // Whose log it was.
  LinkName link;          // That found it.
  LeaderEpoch epoch;      // Of the last batch.
  LeaderEpoch new_epoch;  // The owner's, when it was found.
  Offset first;
  Offset end;
  int64_t records = 0;  // Without control records.
  ByteCount bytes;
  bool transactional = false;  // Some batch belongs to a transaction.
  uint64_t attempt = 0;
  WallTime time{};
  std::vector<TailFile> files;
  // Not in the manifest.
  std::string folder;
  ReinjectProgress progress;
};

boost::json::object ManifestObject(const QuarantinedTail& tail);
std::string EncodeManifest(const QuarantinedTail& tail);
StatusOr<QuarantinedTail> DecodeManifest(std::string_view text);
std::string EncodeProgress(const ReinjectProgress& progress);
StatusOr<ReinjectProgress> DecodeProgress(std::string_view text);

}  // namespace atl::mirror
