// How far a copy here is the history of its topic's present owner, as the lineage tells it. After a
// change of owner a log may go on where that history does not, until the link has set the tail
// aside: offsets there say nothing about the owner's, and what the owner has is not there yet.
//
// Any thread; looks under leaf locks only.
#pragma once

#include "base/types.h"
#include "checkpoint/failover_table.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/ownership/owners.h"

namespace atl::mirror {

// The high watermark, or less. Where nobody told yet at which offset the owner began, nothing of an
// older owner's last epoch counts.
Offset EndInHistory(const Owners& owners, const broker::Topic& topic, PartitionId partition);

// Every partition here is the owner's, to the end that the fenced owner answered.
bool IsDrained(const broker::Catalog& catalog, const Owners& owners,
               const checkpoint::FailoverRecord& record);

}  // namespace atl::mirror
