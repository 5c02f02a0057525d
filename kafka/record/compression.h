// Kafka's codecs: gzip, snappy (raw and xerial-framed are read, xerial is written), lz4 frames,
// zstd. Unpacking streams through a bounded output: above `limit` it stops with kResourceExhausted,
// damage is kDataLoss.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "kafka/record/batch_view.h"

namespace atl::kafka {

StatusOr<Bytes> Compress(Codec codec, BytesView plain);
StatusOr<Bytes> Decompress(Codec codec, BytesView packed, ByteCount limit);

}  // namespace atl::kafka
