// Varints as Kafka has them: unsigned LEB128 for compact lengths and tags, zigzag for record
// fields. Reading is bounded (5 or 10 bytes) and refuses what does not fit; bytes come from the
// network.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace atl {

// Each reads from the front of `in`, advances it and returns true; on false `in` is unchanged.
bool ReadUnsignedVarint(BytesView& in, uint32_t& value);
bool ReadVarint(BytesView& in, int32_t& value);
bool ReadVarlong(BytesView& in, int64_t& value);

void AppendUnsignedVarint(Bytes& out, uint32_t value);
void AppendVarint(Bytes& out, int32_t value);
void AppendVarlong(Bytes& out, int64_t value);

}  // namespace atl
