// The fuzzers' corpus as an ordinary test: every file as it is, cut at every length, and with every
// byte changed. What a fuzzer once found stays in corpus/ and is tried for ever.
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

namespace atl::fuzz {
namespace {

std::vector<Bytes> Corpus(const std::string& target) {
  const std::string folder = JoinPath(ATOLL_CORPUS_FOLDER, target);
  const StatusOr<std::vector<std::string>> names = PosixFileSystem().List(folder);
  REQUIRE(names.status() == OkStatus());
  std::vector<Bytes> inputs;
  for (const std::string& name : *names) {
    inputs.push_back(*ReadWholeFile(PosixFileSystem(), JoinPath(folder, name), ByteCount(1 << 20)));
  }
  REQUIRE(inputs.size() >= 5);
  return inputs;
}

void Replay(const std::string& target, void (*run)(BytesView)) {
  for (const Bytes& input : Corpus(target)) {
    run(input);
    for (size_t length = 0; length < input.size(); ++length) run(BytesView(input).first(length));
    for (size_t at = 0; at < input.size(); ++at) {
      for (const int change : {0x01, 0x80, 0xFF}) {
        Bytes changed = input;
        changed[at] ^= static_cast<std::byte>(change);
        run(changed);
      }
    }
  }
}

TEST_CASE("The corpus of requests holds", "[corpus]") { Replay("request", &Request); }
TEST_CASE("The corpus of fetch responses holds", "[corpus]") {
  Replay("fetch_response", &FetchResponse);
}
TEST_CASE("The corpus of group responses holds", "[corpus]") {
  Replay("group_response", &GroupResponse);
}
TEST_CASE("The corpus of record batches holds", "[corpus]") {
  Replay("record_batch", &RecordBatch);
}
TEST_CASE("The corpus of control frames holds", "[corpus]") {
  Replay("control_frame", &ControlFrame);
}

}  // namespace
}  // namespace atl::fuzz
