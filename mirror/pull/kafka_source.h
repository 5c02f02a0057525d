// The source that is a cluster speaking Kafka's protocol: another Atoll region or Apache Kafka 2.4
// to 4.x. Metadata and configs go over one control connection to any broker; every channel has a
// connection of its own to its broker and an incremental fetch session on it.
// Lives on the link's reactor, as source.h says.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "kafka/client/client.h"
#include "kafka/wire/schema/common.h"
#include "mirror/pull/source.h"
#include "region-config/link.h"

namespace atl::mirror {

// How a link's source is reached. `purpose`: what the source's logs call us by,
// "atoll-PURPOSE-LINK".
kafka::Client::Options ClientOptions(const config::Link& link, std::string_view purpose);

class KafkaSource final : public Source {
 public:
  // All outlive the source. `isolation`: read_committed answers end at the last stable offset,
  // which is then what `high_watermark` says, and name aborted transactions.
  KafkaSource(runtime::Reactor& reactor, const Clock& clock,
              std::shared_ptr<kafka::BufferPool> buffers, kafka::Client::Options options,
              kafka::IsolationLevel isolation = kafka::IsolationLevel::kReadUncommitted);

  runtime::awaitable<StatusOr<ClusterAtSource>> Describe() override;
  runtime::awaitable<StatusOr<TopicConfigs>> Configs(std::vector<TopicName> topics) override;
  runtime::awaitable<StatusOr<std::unique_ptr<SourceChannel>>> Open(NodeId node) override;

 private:
  kafka::Client client_;
  const kafka::IsolationLevel isolation_;
};

}  // namespace atl::mirror
