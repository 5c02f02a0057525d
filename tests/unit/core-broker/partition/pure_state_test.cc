#include "core-broker/partition/leader_epochs.h"
#include "core-broker/partition/transaction_index.h"

#include <catch2/catch.hpp>

namespace atl::broker {
namespace {

using kafka::ControlType;

EpochStart Start(int32_t epoch, int64_t offset) { return {LeaderEpoch(epoch), Offset(offset)}; }
EpochEnd End(int32_t epoch, int64_t offset) { return {LeaderEpoch(epoch), Offset(offset)}; }

LeaderEpochs ThreeEpochs() { return LeaderEpochs({Start(2, 0), Start(4, 100), Start(7, 250)}); }

void Records(TransactionIndex& index, int64_t producer, int64_t offset) {
  index.Note({ProducerId(producer), Offset(offset), {}});
}
void Marker(TransactionIndex& index, int64_t producer, int64_t offset, ControlType type) {
  index.Note({ProducerId(producer), Offset(offset), type});
}
AbortedTransaction Aborted(int64_t producer, int64_t first) {
  return {ProducerId(producer), Offset(first)};
}

}  // namespace

TEST_CASE("The end of an epoch follows Kafka's rule", "[epochs]") {
  const LeaderEpochs epochs = ThreeEpochs();
  const Offset log_end(300);
  struct Row {
    int32_t asked;
    EpochEnd answer;
  };
  for (const Row& row :
       {Row{7, End(7, 300)}, Row{4, End(4, 250)}, Row{6, End(4, 250)}, Row{3, End(2, 100)},
        Row{1, End(1, 0)}, Row{8, EpochEnd{}}, Row{-1, EpochEnd{}}}) {
    INFO("asked " << row.asked);
    REQUIRE(epochs.EndOf(LeaderEpoch(row.asked), log_end) == row.answer);
  }
  REQUIRE(LeaderEpochs().EndOf(LeaderEpoch(0), log_end) == EpochEnd{});
}

TEST_CASE("A position is one in this log as far as its epoch goes here (KIP-320, S13)") {
  const LeaderEpochs epochs = ThreeEpochs();  // 2 from 0, 4 from 100, 7 from 250.
  const Offset log_end(300);
  const auto position = [&](int64_t next, int32_t epoch, int32_t current = 9) {
    const auto found =
        epochs.PositionOf(Offset(next), LeaderEpoch(epoch), LeaderEpoch(current), log_end);
    return found.value_or(kNoOffset).value();
  };
  REQUIRE(position(90, 2) == 90);
  REQUIRE(position(120, 2) == 100);
  REQUIRE(position(290, 7) == 290);
  REQUIRE(position(310, 7) == 300);
  REQUIRE(position(40, 1) == 0);  // Retention has passed it.
  REQUIRE(position(999, -1) == 999);
  REQUIRE(position(300, 9) == 300);  // Heard by asking for the end.
  REQUIRE(position(310, 9) == 300);
  REQUIRE(position(40, 9, 7) == -1);  // Of a tail that went, and never here.
  REQUIRE(position(40, 3) == -1);
  REQUIRE_FALSE(LeaderEpochs().PositionOf(Offset(4), LeaderEpoch(3), LeaderEpoch(4), Offset(0)));
  REQUIRE(LeaderEpochs().PositionOf(Offset(4), LeaderEpoch(4), LeaderEpoch(4), Offset(0)) ==
          Offset(0));
}

TEST_CASE("Epochs only rise, and one without a record is replaced by the next", "[epochs]") {
  LeaderEpochs epochs;
  REQUIRE(epochs.Note(LeaderEpoch(3), Offset(10)));
  REQUIRE(epochs.Note(LeaderEpoch(3), Offset(20)));
  REQUIRE_FALSE(epochs.Note(LeaderEpoch(2), Offset(30)));
  REQUIRE(epochs.Note(LeaderEpoch(5), Offset(10)));
  REQUIRE(epochs.chain().size() == 1);
  REQUIRE(epochs.last() == LeaderEpoch(5));
  REQUIRE(LeaderEpochs().Note(kNoEpoch, Offset(0)));
}

TEST_CASE("Truncating epochs keeps the one that contains the new start", "[epochs]") {
  LeaderEpochs epochs = ThreeEpochs();
  epochs.TruncateBefore(Offset(150));
  REQUIRE(epochs.chain().front() == Start(4, 150));
  REQUIRE(epochs.chain().size() == 2);
  epochs.TruncateFrom(Offset(250));
  REQUIRE(epochs.last() == LeaderEpoch(4));
  epochs.TruncateBefore(Offset(1000));  // An empty log remembers its last epoch.
  REQUIRE(epochs.chain().front() == Start(4, 1000));
}

TEST_CASE("The last stable offset waits for the oldest open transaction", "[transactions]") {
  TransactionIndex index;
  REQUIRE(index.FirstOpen(Offset(50)) == Offset(50));
  Records(index, 1, 10);
  Records(index, 2, 12);
  Records(index, 1, 14);  // Goes on.
  REQUIRE(index.FirstOpen(Offset(50)) == Offset(10));
  Marker(index, 1, 16, ControlType::kCommit);
  REQUIRE(index.FirstOpen(Offset(50)) == Offset(12));
  REQUIRE(index.IsOpen(ProducerId(2)));
  Marker(index, 2, 17, ControlType::kOther);  // Not understood: nothing ends.
  REQUIRE(index.has_open());
  Marker(index, 2, 18, ControlType::kAbort);
  REQUIRE(index.FirstOpen(Offset(50)) == Offset(50));
}

TEST_CASE("Aborted transactions are listed by first offset where they overlap", "[transactions]") {
  TransactionIndex index;
  Records(index, 1, 0);
  Records(index, 2, 5);
  Marker(index, 2, 10, ControlType::kAbort);  // [5, 10], while 1 is open.
  Marker(index, 1, 20, ControlType::kAbort);  // [0, 20]
  Records(index, 3, 30);
  Marker(index, 3, 35, ControlType::kCommit);
  Records(index, 4, 40);
  Marker(index, 4, 45, ControlType::kAbort);  // [40, 45]
  Marker(index, 9, 46, ControlType::kAbort);  // Nothing was open.
  using List = std::vector<AbortedTransaction>;
  REQUIRE(index.AbortedIn(Offset(0), Offset(50)) ==
          List{Aborted(1, 0), Aborted(2, 5), Aborted(4, 40)});
  REQUIRE(index.AbortedIn(Offset(11), Offset(40)) == List{Aborted(1, 0)});
  REQUIRE(index.AbortedIn(Offset(21), Offset(40)).empty());
  REQUIRE(index.AbortedIn(Offset(45), Offset(46)) == List{Aborted(4, 40)});
  REQUIRE(index.AbortedIn(Offset(0), Offset(3)) == List{Aborted(1, 0)});
  index.TruncateBefore(Offset(21));
  REQUIRE(index.AbortedIn(Offset(0), Offset(50)) == List{Aborted(4, 40)});
}

TEST_CASE("A transaction snapshot holds open and aborted ones, and damage is refused",
          "[transactions]") {
  TransactionIndex index;
  Records(index, 1, 0);
  Marker(index, 1, 5, ControlType::kAbort);
  Records(index, 2, 7);
  const Bytes bytes = index.Encode();
  const StatusOr<TransactionIndex> restored = TransactionIndex::Decode(bytes);
  REQUIRE(restored.ok());
  REQUIRE(restored->FirstOpen(Offset(9)) == Offset(7));
  REQUIRE(restored->AbortedIn(Offset(0), Offset(9)).size() == 1);
  REQUIRE(restored->Encode() == bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    REQUIRE_FALSE(TransactionIndex::Decode(BytesView(bytes).first(length)).ok());
  }
}

}  // namespace atl::broker
