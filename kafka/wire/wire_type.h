// What the codec knows about the types of message fields: which are numbers, names, structs, and
// how a field's versions are written down. Shared by all visitors (codec.h, schema_printer.h).
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/types.h"
#include "base/uuid.h"
#include "kafka/wire/records.h"

namespace atl::kafka {

// In which versions a field exists, and from which on it may be null (only optional fields).
struct Versions {
  int16_t min = 0;
  int16_t max = INT16_MAX;  // Inclusive, as in Kafka's "0-5".
  int16_t nullable_from = 0;

  constexpr bool Has(int16_t version) const { return version >= min && version <= max; }
  constexpr bool NullableIn(int16_t version) const { return version >= nullable_from; }
  constexpr Versions until(int16_t last) const { return {min, last, nullable_from}; }
  constexpr Versions nullable(int16_t from) const { return {min, max, from}; }
};
constexpr Versions since(int16_t first) { return Versions{.min = first}; }
constexpr Versions until(int16_t last) { return Versions{.max = last}; }
constexpr Versions nullable(int16_t from) { return Versions{.nullable_from = from}; }

// Bytes, Kafka's "bytes", is one: on the wire it is framed like an array of int8.
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

// Offset, PartitionId, LeaderEpoch, ...: a number in a type of its own.
template <class T>
concept StrongNumber = requires(const T& t) {
  typename T::rep;
  { t.value() } -> std::same_as<typename T::rep>;
};
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
// TopicName, GroupId, ...: a string in a type of its own. (An optional string has a value(), too.)
template <class T>
concept StrongName = !kIsOptional<T> && requires(const T& t) {
  { t.value() } -> std::same_as<const std::string&>;
};
template <class T>
concept Text = std::same_as<T, std::string> || StrongName<T>;
template <class T>
concept WireNumber = std::integral<T> || std::is_enum_v<T> || StrongNumber<T>;
// A struct with a static Describe(visitor, struct): a message or a part of one.
template <class T>
concept Described = std::is_class_v<T> && requires(int& visitor, T& m) {
  T::Describe(visitor, m);
};

template <class T>
inline constexpr bool kIsOptionalStruct = false;
template <Described T>
inline constexpr bool kIsOptionalStruct<std::optional<T>> = !Text<T>;

// The integer that stands for a number on the wire.
template <WireNumber T>
constexpr auto ToInteger(T value) {
  if constexpr (StrongNumber<T>)
    return value.value();
  else if constexpr (std::is_enum_v<T>)
    return static_cast<std::underlying_type_t<T>>(value);
  else if constexpr (std::same_as<T, bool>)
    return static_cast<int8_t>(value);
  else
    return value;
}
template <WireNumber T>
using WireInteger = decltype(ToInteger(T{}));

template <Text T>
const std::string& ToString(const T& text) {
  if constexpr (StrongName<T>)
    return text.value();
  else
    return text;
}

// As kFlexibleFrom of an API that has no flexible version.
inline constexpr int16_t kNeverFlexible = INT16_MAX;

// A request names its API; a response finds it through its request.
template <class M>
concept RequestMessage = Described<M> && requires {
  typename M::Response;
  { M::kApiKey } -> std::convertible_to<int16_t>;
  { M::kMinVersion } -> std::convertible_to<int16_t>;
  { M::kMaxVersion } -> std::convertible_to<int16_t>;
  { M::kFlexibleFrom } -> std::convertible_to<int16_t>;
  { M::kName } -> std::convertible_to<std::string_view>;
};
template <class M>
concept ResponseMessage = Described<M> && requires {
  typename M::Request;
};
template <class M>
concept Message = RequestMessage<M> || ResponseMessage<M>;

namespace internal {
template <class M>
struct ApiOfMessage {
  using type = M;
};
template <ResponseMessage M>
struct ApiOfMessage<M> {
  using type = typename M::Request;
};
}  // namespace internal
// The request that carries a message's key, versions and name.
template <Message M>
using ApiOf = typename internal::ApiOfMessage<M>::type;

template <RequestMessage R>
constexpr bool HasVersion(int16_t version) {
  return version >= R::kMinVersion && version <= R::kMaxVersion;
}
template <Message M>
constexpr bool IsFlexible(int16_t version) {
  return version >= ApiOf<M>::kFlexibleFrom;
}

}  // namespace atl::kafka
