// What all tables share: a protobuf message in and out of a sealed value, one row, all rows. Only
// checkpoint/*.cc includes this. A table brings two functions, Message ToMessage(const Row&) and
// StatusOr<Row> FromMessage(const Message&); the latter trusts the checksum for bit flips and still
// checks what a later version or a bug of ours could have written.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/uuid.h"
#include "checkpoint/keys.h"
#include "checkpoint/store.h"
#include "checkpoint/value.h"

namespace atl::checkpoint {

inline std::string IdBytes(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}
inline StatusOr<Uuid> IdFromBytes(std::string_view bytes) {
  std::array<uint8_t, 16> id{};
  if (bytes.size() != id.size()) return Corrupt("an id has {} bytes instead of 16", bytes.size());
  std::memcpy(id.data(), bytes.data(), id.size());
  return Uuid(id);
}
inline int64_t ToNanoseconds(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime FromNanoseconds(int64_t ns) { return WallTime(Duration(ns)); }

template <class Message>
void StageRow(WriteBatch& batch, std::string key, const Message& message) {
  std::string value = SealValue(key, message.SerializeAsString());
  batch.Put(std::move(key), std::move(value));
}

template <class Message>
Status PutRow(Store& store, std::string key, const Message& message, Sync sync) {
  WriteBatch batch;
  StageRow(batch, std::move(key), message);
  return store.Write(batch, sync);
}

template <class Message>
StatusOr<Message> DecodeRow(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const std::string_view payload, OpenValue(key, value));
  Message message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return Corrupt("{}: value is no {}", PrintableKey(key), message.GetTypeName());
  return message;
}

template <class Message, class Row>
StatusOr<Row> ReadRow(std::string_view key, std::string_view value,
                      StatusOr<Row> (*from_message)(const Message&)) {
  ASSIGN_OR_RETURN(const Message message, DecodeRow<Message>(key, value));
  StatusOr<Row> row = from_message(message);
  if (!row.ok()) return Annotate(row.status(), PrintableKey(key));
  return row;
}

template <class Message, class Row>
StatusOr<std::optional<Row>> GetRow(Store& store, std::string_view key,
                                    StatusOr<Row> (*from_message)(const Message&)) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, store.Get(key));
  if (!value) return std::optional<Row>();
  ASSIGN_OR_RETURN(Row row, ReadRow(key, *value, from_message));
  return std::optional<Row>(std::move(row));
}

// Hands the readable rows under `prefix` to `take`, which says whether to go on. Damaged ones go to
// `damaged`; without that list the first one is the result.
template <class Message, class Row, class Take>
Status VisitRows(Store& store, std::string_view prefix, ScanOrder order,
                 StatusOr<Row> (*from_message)(const Message&), std::vector<Status>* damaged,
                 Take take) {
  return store.Scan(prefix, order,
                    [&](std::string_view key, std::string_view value) -> StatusOr<ScanStep> {
                      StatusOr<Row> row = ReadRow(key, value, from_message);
                      if (row.ok()) return take(*std::move(row));
                      if (damaged == nullptr) return row.status();
                      damaged->push_back(row.status());
                      return ScanStep::kContinue;
                    });
}

template <class Message, class Row>
StatusOr<std::vector<Row>> ListRows(Store& store, std::string_view prefix,
                                    StatusOr<Row> (*from_message)(const Message&),
                                    std::vector<Status>* damaged) {
  std::vector<Row> rows;
  RETURN_IF_ERROR(
      VisitRows(store, prefix, ScanOrder::kAscending, from_message, damaged, [&](Row row) {
        rows.push_back(std::move(row));
        return ScanStep::kContinue;
      }));
  return rows;
}

}  // namespace atl::checkpoint
