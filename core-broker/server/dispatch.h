// The one list of what this broker serves. Dispatch, the ApiVersions answer, version checks and
// metric names all follow from it. A frame goes: header -> row of the list -> version -> body ->
// handler. What Kafka answers by closing the connection is returned as a reason to close.
//
// Called on the connection's reactor; the handlers' own headers say where they go from there.
#pragma once

#include <array>
#include <string_view>

#include "core-broker/server/handlers/alter_configs.h"
#include "core-broker/server/handlers/create_partitions.h"
#include "core-broker/server/handlers/create_topics.h"
#include "core-broker/server/handlers/delete_records.h"
#include "core-broker/server/handlers/delete_topics.h"
#include "core-broker/server/handlers/describe_cluster.h"
#include "core-broker/server/handlers/describe_configs.h"
#include "core-broker/server/handlers/describe_log_dirs.h"
#include "core-broker/server/handlers/fetch.h"
#include "core-broker/server/handlers/find_coordinator.h"
#include "core-broker/server/handlers/group.h"
#include "core-broker/server/handlers/group_admin.h"
#include "core-broker/server/handlers/group_offsets.h"
#include "core-broker/server/handlers/init_producer_id.h"
#include "core-broker/server/handlers/list_offsets.h"
#include "core-broker/server/handlers/metadata.h"
#include "core-broker/server/handlers/offset_for_leader_epoch.h"
#include "core-broker/server/handlers/produce.h"
#include "kafka/wire/api_table.h"

namespace atl::broker {

void HandleApiVersions(ExchangePtr exchange, kafka::ApiVersionsRequest request);

using Apis = kafka::ApiTable<
    kafka::Api<kafka::ProduceRequest, &HandleProduce>,
    kafka::Api<kafka::FetchRequest, &HandleFetch>,
    kafka::Api<kafka::ListOffsetsRequest, &HandleListOffsets>,
    kafka::Api<kafka::MetadataRequest, &HandleMetadata>,
    kafka::Api<kafka::OffsetCommitRequest, &HandleOffsetCommit>,
    kafka::Api<kafka::OffsetFetchRequest, &HandleOffsetFetch>,
    kafka::Api<kafka::FindCoordinatorRequest, &HandleFindCoordinator>,
    kafka::Api<kafka::JoinGroupRequest, &HandleJoinGroup>,
    kafka::Api<kafka::HeartbeatRequest, &HandleHeartbeat>,
    kafka::Api<kafka::LeaveGroupRequest, &HandleLeaveGroup>,
    kafka::Api<kafka::SyncGroupRequest, &HandleSyncGroup>,
    kafka::Api<kafka::DescribeGroupsRequest, &HandleDescribeGroups>,
    kafka::Api<kafka::ListGroupsRequest, &HandleListGroups>,
    kafka::Api<kafka::ApiVersionsRequest, &HandleApiVersions>,
    kafka::Api<kafka::CreateTopicsRequest, &HandleCreateTopics>,
    kafka::Api<kafka::DeleteTopicsRequest, &HandleDeleteTopics>,
    kafka::Api<kafka::DeleteRecordsRequest, &HandleDeleteRecords>,
    kafka::Api<kafka::InitProducerIdRequest, &HandleInitProducerId>,
    kafka::Api<kafka::OffsetForLeaderEpochRequest, &HandleOffsetForLeaderEpoch>,
    kafka::Api<kafka::DescribeConfigsRequest, &HandleDescribeConfigs>,
    kafka::Api<kafka::AlterConfigsRequest, &HandleAlterConfigs>,
    kafka::Api<kafka::DescribeLogDirsRequest, &HandleDescribeLogDirs>,
    kafka::Api<kafka::CreatePartitionsRequest, &HandleCreatePartitions>,
    kafka::Api<kafka::DeleteGroupsRequest, &HandleDeleteGroups>,
    kafka::Api<kafka::OffsetDeleteRequest, &HandleOffsetDelete>,
    kafka::Api<kafka::IncrementalAlterConfigsRequest, &HandleIncrementalAlterConfigs>,
    kafka::Api<kafka::DescribeClusterRequest, &HandleDescribeCluster>>;

// Reads the header of a whole frame and makes the exchange. kDataLoss: the frame is not a request.
StatusOr<ExchangePtr> Admit(const Exchange::Context& context, FrameBuffer frame,
                            MonotonicTime received);

enum class Dispatched {
  kHandled,  // Answered, or will be.
  kUnknownApi,
  kUnsupportedVersion,
  kMalformed,  // The body is not what its version says.
};
Dispatched Dispatch(const ExchangePtr& exchange);

// Whether the next frame may be read before this request is answered (Kafka's clients rely on the
// order of everything else).
inline bool Pipelines(const Exchange& exchange) {
  return exchange.header().api_key == kafka::ProduceRequest::kApiKey;
}

}  // namespace atl::broker
