// The printed schemas against tests/golden/schemas.txt. That text was diffed against Apache Kafka's
// message JSON; the one difference is ListOffsets' replica_id, whose default here says "no broker".
#include "kafka/wire/schema_printer.h"

#include "base/file.h"
#include "tests/unit/kafka/wire/all_messages.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

TEST_CASE("The schemas are those of the golden text", "[schema]") {
  std::string text;
  AllRequests::ForEach([&]<class R>(const R&) {
    if (!text.empty()) text += "\n";
    text += SchemaText<R>();
  });
  const StatusOr<Bytes> golden = ReadWholeFile(
      PosixFileSystem(), JoinPath(ATOLL_GOLDEN_FOLDER, "schemas.txt"), ByteCount(1 << 20));
  REQUIRE(golden.status() == OkStatus());
  REQUIRE(text == AsText(*golden));
}

}  // namespace
}  // namespace atl::kafka
