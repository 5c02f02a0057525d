// What the fuzzers run on arbitrary bytes. Each aborts (CHECK) when a promise is broken: what was
// decoded can be encoded, and gives the same message again; bounds hold. fuzz_main.cc feeds them
// from libFuzzer, corpus_replay_test.cc from the files in corpus/.
#pragma once

#include "base/bytes.h"

namespace atl::fuzz {

// A whole request frame without its length: header, then the body of any API.
void Request(BytesView frame);
// The first byte chooses the version, the rest is a Fetch response's body.
void FetchResponse(BytesView input);
// What a link asks of a foreign source's groups: the first byte chooses OffsetFetch, ListGroups or
// FindCoordinator, the second the version, the rest is the response's body.
void GroupResponse(BytesView input);
// One partition's records in a Produce request, or what a mirror's source sends.
void RecordBatch(BytesView records);
// What another region sends over the control plane: one frame.
void ControlFrame(BytesView bytes);

}  // namespace atl::fuzz
