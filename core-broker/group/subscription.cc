#include "core-broker/group/subscription.h"

namespace atl::broker {
namespace {

// Latches ok() on the first thing that is not there.
class ProtocolReader {
 public:
  explicit ProtocolReader(BytesView rest) : rest_(rest) {}

  template <class T>
  T Number() {
    const BytesView bytes = Take(sizeof(T));
    return ok_ ? LoadBig<T>(bytes.data()) : T{};
  }
  TopicName Topic() {
    const auto length = Number<int16_t>();
    ok_ = ok_ && length >= 0;
    return TopicName(AsText(Take(ok_ ? static_cast<size_t>(length) : 0)));
  }
  // How many elements follow, of which each takes `smallest` bytes at least.
  size_t ArrayCount(size_t smallest) {
    const auto count = Number<int32_t>();
    ok_ = ok_ && count >= 0 && static_cast<size_t>(count) <= rest_.size() / smallest;
    return ok_ ? static_cast<size_t>(count) : 0;
  }
  bool ok() const { return ok_; }

 private:
  BytesView Take(size_t count) {
    ok_ = ok_ && count <= rest_.size();
    if (!ok_) return {};
    const BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  BytesView rest_;
  bool ok_ = true;
};

constexpr size_t kSmallestTopic = 2;              // Its length.
constexpr size_t kSmallestAssignedTopic = 2 + 4;  // And the number of partitions.

}  // namespace

// Version, topics; what newer versions put behind that does not matter here.
std::optional<std::vector<TopicName>> SubscribedTopics(BytesView metadata) {
  ProtocolReader in(metadata);
  const auto version = in.Number<int16_t>();
  std::vector<TopicName> topics(in.ArrayCount(kSmallestTopic));
  for (TopicName& topic : topics) topic = in.Topic();
  if (!in.ok() || version < 0) return std::nullopt;
  return topics;
}

std::optional<std::vector<AssignedTopic>> AssignedPartitions(BytesView assignment) {
  ProtocolReader in(assignment);
  const auto version = in.Number<int16_t>();
  std::vector<AssignedTopic> topics(in.ArrayCount(kSmallestAssignedTopic));
  for (AssignedTopic& assigned : topics) {
    assigned.topic = in.Topic();
    assigned.partitions.resize(in.ArrayCount(sizeof(int32_t)));
    for (PartitionId& partition : assigned.partitions) {
      partition = PartitionId(in.Number<int32_t>());
    }
  }
  if (!in.ok() || version < 0) return std::nullopt;
  return topics;
}

}  // namespace atl::broker
