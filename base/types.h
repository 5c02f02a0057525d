// The words everybody uses, as types. No implicit conversion in either direction: a raw number
// enters through an explicit constructor and leaves through value(), which only codecs, files and
// metrics call. Only arithmetic that means something compiles: Offset + RecordCount -> Offset,
// Offset - Offset -> RecordCount. Conventions: *_end is exclusive, *_last is inclusive, *_count
// counts records, *_bytes counts bytes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace atl {

// A number with a meaning. Ordered and hashable, no arithmetic of its own.
template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep value_{};
};

// A number that can be added up.
template <class Tag>
class Count {
 public:
  using rep = int64_t;
  constexpr Count() = default;
  constexpr explicit Count(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(Count, Count) = default;
  constexpr Count& operator+=(Count other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Count& operator-=(Count other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Count operator+(Count a, Count b) { return Count(a.value_ + b.value_); }
  friend constexpr Count operator-(Count a, Count b) { return Count(a.value_ - b.value_); }

 private:
  int64_t value_{};
};

using RecordCount = Count<struct RecordCountTag>;  // How many offsets; a hole counts too.
using ByteCount = Count<struct ByteCountTag>;

// A record's place in a partition's log. -1 stands for "none" exactly where Kafka's protocol says
// so.
class Offset {
 public:
  using rep = int64_t;
  constexpr Offset() = default;
  constexpr explicit Offset(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(Offset, Offset) = default;
  friend constexpr Offset operator+(Offset a, RecordCount n) {
    return Offset(a.value_ + n.value());
  }
  friend constexpr Offset operator-(Offset a, RecordCount n) {
    return Offset(a.value_ - n.value());
  }
  friend constexpr RecordCount operator-(Offset a, Offset b) {
    return RecordCount(a.value_ - b.value_);
  }

 private:
  int64_t value_{};
};
inline constexpr Offset kNoOffset{-1};

// A byte's place in a file.
class FilePosition {
 public:
  using rep = int64_t;
  constexpr FilePosition() = default;
  constexpr explicit FilePosition(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(FilePosition, FilePosition) = default;
  friend constexpr FilePosition operator+(FilePosition a, ByteCount n) {
    return FilePosition(a.value_ + n.value());
  }
  friend constexpr ByteCount operator-(FilePosition a, FilePosition b) {
    return ByteCount(a.value_ - b.value_);
  }

 private:
  int64_t value_{};
};

using PartitionId = Strong<struct PartitionIdTag, int32_t>;
using NodeId = Strong<struct NodeIdTag, int32_t>;
using CorrelationId = Strong<struct CorrelationIdTag, int32_t>;
using ProducerEpoch = Strong<struct ProducerEpochTag, int16_t>;
using Timestamp =
    Strong<struct TimestampTag, int64_t>;  // Kafka's record time: milliseconds since 1970, -1 none.
inline constexpr Timestamp kNoTimestamp{-1};

// 1..250, unique among linked regions. 0 stands for a foreign Kafka cluster, which mints no epochs
// of ours.
using RegionOrdinal = Strong<struct RegionOrdinalTag, int32_t>;
inline constexpr RegionOrdinal kForeignRegion{0};
inline constexpr int32_t kMaxRegionOrdinal = 250;

// Kafka's leader epoch and Atoll's ownership epoch are this one number: `counter << 8 | ordinal of
// the minting region`. Totally ordered; two regions can't mint the same one. -1 is "none". A
// foreign cluster's epochs are taken as they come.
class LeaderEpoch {
 public:
  using rep = int32_t;
  constexpr LeaderEpoch() = default;
  constexpr explicit LeaderEpoch(int32_t value) : value_(value) {}
  constexpr int32_t value() const { return value_; }
  friend constexpr auto operator<=>(LeaderEpoch, LeaderEpoch) = default;

  // The first epoch a region mints for a topic that it creates.
  static constexpr LeaderEpoch First(RegionOrdinal owner) {
    return LeaderEpoch((1 << 8) | owner.value());
  }
  // The next epoch above this one, minted by `owner`, `steps` counters on. The only place that
  // mints. The highest counter stays at its end instead of wrapping: nothing rises above it.
  constexpr LeaderEpoch Next(RegionOrdinal owner, int32_t steps = 1) const {
    const int32_t counter = (value_ < 0 ? 0 : value_) >> 8;
    const int32_t next = counter > kMaxCounter - steps ? kMaxCounter : counter + steps;
    return LeaderEpoch(next << 8 | owner.value());
  }
  static constexpr int32_t kMaxCounter = (int32_t{1} << 23) - 1;
  constexpr RegionOrdinal owner() const { return RegionOrdinal(value_ < 0 ? 0 : value_ & 0xFF); }

 private:
  int32_t value_{};
};
inline constexpr LeaderEpoch kNoEpoch{-1};

// An idempotent producer's id. The minting region's ordinal is in bits 40..47, so that ids handed
// out in two regions never collide (a mirrored batch must never answer for a new local producer).
// -1 is "none".
class ProducerId {
 public:
  using rep = int64_t;
  constexpr ProducerId() = default;
  constexpr explicit ProducerId(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(ProducerId, ProducerId) = default;
  static constexpr ProducerId Mint(RegionOrdinal region, int64_t counter) {
    return ProducerId((static_cast<int64_t>(region.value()) << 40) | counter);
  }

 private:
  int64_t value_{};
};
inline constexpr ProducerId kNoProducer{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};

// A producer's batch sequence: wraps from 2147483647 to 0, never negative. -1 is "none".
class Sequence {
 public:
  using rep = int32_t;
  constexpr Sequence() = default;
  constexpr explicit Sequence(int32_t value) : value_(value) {}
  constexpr int32_t value() const { return value_; }
  friend constexpr bool operator==(Sequence, Sequence) = default;  // Not ordered: it wraps.
  constexpr Sequence Plus(int32_t count) const {
    const int64_t sum = static_cast<int64_t>(value_) + count;
    return Sequence(
        static_cast<int32_t>(sum > INT32_MAX ? sum - (static_cast<int64_t>(INT32_MAX) + 1) : sum));
  }

 private:
  int32_t value_{};
};
inline constexpr Sequence kNoSequence{-1};

// A name with a meaning. Look-ups by string_view go through Hash/Eq of base/hash_map.h.
template <class Tag>
class Name {
 public:
  Name() = default;
  explicit Name(std::string value) : value_(std::move(value)) {}
  explicit Name(std::string_view value) : value_(value) {}
  explicit Name(const char* value) : value_(value) {}
  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string value_;
};

using TopicName = Name<struct TopicNameTag>;
using RegionName = Name<struct RegionNameTag>;
using LinkName = Name<struct LinkNameTag>;
using ClientId = Name<struct ClientIdTag>;
using GroupId = Name<struct GroupIdTag>;

}  // namespace atl

template <class Tag, class Rep>
struct std::hash<atl::Strong<Tag, Rep>> {
  size_t operator()(atl::Strong<Tag, Rep> v) const { return std::hash<Rep>{}(v.value()); }
};
template <>
struct std::hash<atl::Offset> {
  size_t operator()(atl::Offset v) const { return std::hash<int64_t>{}(v.value()); }
};
template <>
struct std::hash<atl::ProducerId> {
  size_t operator()(atl::ProducerId v) const { return std::hash<int64_t>{}(v.value()); }
};
template <class Tag>
struct std::hash<atl::Name<Tag>> {
  size_t operator()(const atl::Name<Tag>& v) const { return std::hash<std::string>{}(v.value()); }
};
