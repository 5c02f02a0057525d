// Every API with a schema, for tests that must hold for all of them, and a visitor that fills a
// message with random values.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "kafka/wire/api_table.h"
#include "kafka/wire/codec.h"
#include "kafka/wire/schema/api_versions.h"
#include "kafka/wire/schema/cluster.h"
#include "kafka/wire/schema/config.h"
#include "kafka/wire/schema/delete_records.h"
#include "kafka/wire/schema/fetch.h"
#include "kafka/wire/schema/find_coordinator.h"
#include "kafka/wire/schema/group.h"
#include "kafka/wire/schema/group_admin.h"
#include "kafka/wire/schema/group_offset.h"
#include "kafka/wire/schema/init_producer_id.h"
#include "kafka/wire/schema/list_offsets.h"
#include "kafka/wire/schema/metadata.h"
#include "kafka/wire/schema/offset_for_leader_epoch.h"
#include "kafka/wire/schema/produce.h"
#include "kafka/wire/schema/topic.h"

namespace atl::kafka {

template <class... Requests>
struct RequestList {
  using Table = ApiTable<Api<Requests, nullptr>...>;
  // Calls f(Request{}) for each.
  template <class F>
  static void ForEach(F&& f) {
    (f(Requests{}), ...);
  }
};
// By key.
using AllRequests =
    RequestList<ProduceRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
                OffsetCommitRequest, OffsetFetchRequest, FindCoordinatorRequest, JoinGroupRequest,
                HeartbeatRequest, LeaveGroupRequest, SyncGroupRequest, DescribeGroupsRequest,
                ListGroupsRequest, ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
                DeleteRecordsRequest, InitProducerIdRequest, OffsetForLeaderEpochRequest,
                DescribeConfigsRequest, AlterConfigsRequest, DescribeLogDirsRequest,
                CreatePartitionsRequest, DeleteGroupsRequest, IncrementalAlterConfigsRequest,
                OffsetDeleteRequest, DescribeClusterRequest>;

// Calls f(Message{}, version) for every request and response in every version.
template <class F>
void ForEachMessage(F&& f) {
  AllRequests::ForEach([&]<class R>(const R& request) {
    for (int16_t version = R::kMinVersion; version <= R::kMaxVersion; ++version) {
      f(request, version);
      f(typename R::Response{}, version);
    }
  });
}

// Gives every field that a version has a random value; the others stay at their default, so that a
// round trip must give back an equal message.
class Filler {
 public:
  Filler(Random& random, int16_t version) : random_(random), version_(version) {}
  template <class T>
  void Field(std::string_view, T& value, Versions versions = {}) {
    if (versions.Has(version_)) Fill(value, versions.NullableIn(version_));
  }
  template <class T, class D = T>
  void Tagged(uint32_t, std::string_view, T& value, Versions versions, const D& = {}) {
    if (versions.Has(version_) && !random_.OneIn(3)) Fill(value, true);
  }

 private:
  template <class T>
  void Fill(T& value, bool nullable = false) {
    if constexpr (std::same_as<T, bool>) {
      value = random_.OneIn(2);
    } else if constexpr (WireNumber<T>) {
      value = static_cast<T>(static_cast<WireInteger<T>>(random_.Next()));
    } else if constexpr (Text<T>) {
      value = T(std::string(random_.Below(40), static_cast<char>('a' + random_.Below(26))));
    } else if constexpr (std::same_as<T, Uuid>) {
      value = Uuid::Generate(random_);
    } else if constexpr (std::same_as<T, RecordData>) {
      static const Bytes kBatch(300, std::byte{7});
      value = random_.OneIn(4) ? RecordData()
                               : RecordData(BytesView(kBatch).first(random_.Below(kBatch.size())));
    } else if constexpr (kIsOptional<T>) {
      if (nullable && random_.OneIn(3)) return;
      Fill(value.emplace());
    } else if constexpr (kIsVector<T>) {
      value.resize(random_.Below(4));
      for (auto& element : value) Fill(element);
    } else {
      T::Describe(*this, value);
    }
  }

  Random& random_;
  const int16_t version_;
};

template <class M>
M RandomMessage(Random& random, int16_t version) {
  M message{};
  Filler filler(random, version);
  M::Describe(filler, message);
  return message;
}

template <class M>
Bytes EncodeBytes(const M& message, int16_t version) {
  WireBuffer out;
  const Status status = EncodeInto(out, message, version);
  return status.ok() ? *out.Flatten() : Bytes();
}

}  // namespace atl::kafka
