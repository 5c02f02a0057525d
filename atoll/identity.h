// Who this data folder belongs to, told twice: in DATADIR/meta.properties (as Kafka does) and in
// the store. The file survives a lost store, so that peers still recognise the region by its
// cluster id. A folder of another region, or a store that was copied in from one, is refused.
#pragma once

#include <string>

#include "base/file.h"
#include "base/random.h"
#include "base/status.h"
#include "checkpoint/region_table.h"

namespace atl {

inline constexpr const char* kIdentityFile = "meta.properties";

struct IdentityOutcome {
  checkpoint::RegionIdentity identity;
  bool is_new = false;      // Neither the file nor the store knew anything.
  bool store_lost = false;  // The file knew this region, the store did not.
};

// Durable on return. kFailedPrecondition when folder, store and configuration do not agree: the
// message names both sides.
StatusOr<IdentityOutcome> LoadIdentity(FileSystem& files, const std::string& data_folder,
                                       checkpoint::RegionTable& table, const RegionName& name,
                                       RegionOrdinal ordinal, Random& random);

}  // namespace atl
