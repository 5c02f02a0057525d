// The visitor that decodes a message: see codec.h, whose Decode is the way to use it. Bytes come
// from the network. The first bad byte latches and every later read is a no-op; a length above the
// bytes left, or an array count above bytes left / smallest element, fails before anything is
// allocated; arrays together take at most kArraySlack + 4 * frame bytes of memory. Unknown tagged
// fields are stepped over. One owner, no lock.
#pragma once

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "base/varint.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

inline constexpr uint32_t kMaxTags = 64;  // Tagged fields in one struct, unknown ones included.
inline constexpr size_t kArraySlack = size_t{16} << 20;

// The fewest bytes that a value of the type can take, to judge an array's count.
class MinimumSize {
 public:
  MinimumSize(int16_t version, bool flexible) : version_(version), flexible_(flexible) {}
  template <class T>
  void Field(std::string_view, const T&, Versions versions = {}) {
    if (versions.Has(version_)) size_ += Of<T>();
  }
  template <class T, class D = T>
  void Tagged(uint32_t, std::string_view, const T&, Versions, const D& = {}) {}

  template <class T>
  size_t Of() const {
    if constexpr (WireNumber<T>) {
      return sizeof(WireInteger<T>);
    } else if constexpr (Text<T>) {
      return flexible_ ? 1 : 2;
    } else if constexpr (std::same_as<T, Uuid>) {
      return 16;
    } else if constexpr (std::same_as<T, RecordData> || kIsVector<T>) {
      return flexible_ ? 1 : 4;
    } else if constexpr (kIsOptional<T>) {
      return Of<typename T::value_type>();
    } else {
      MinimumSize inner(version_, flexible_);
      const T prototype{};
      T::Describe(inner, prototype);
      return inner.size_ + (flexible_ ? 1 : 0);
    }
  }

 private:
  const int16_t version_;
  const bool flexible_;
  size_t size_ = 0;
};

class Reader {
 public:
  Reader(BytesView in, int16_t version, bool flexible)
      : rest_(in),
        begin_(in.data()),
        array_memory_(kArraySlack + 4 * in.size()),
        version_(version),
        flexible_(flexible) {}

  template <class T>
  void Field(std::string_view name, T& value, Versions versions = {}) {
    if (!ok() || !versions.Has(version_)) return;
    field_ = name;
    Get(value, versions.NullableIn(version_));
  }
  // Comes after the struct's fields, through GetTags.
  template <class T, class D = T>
  void Tagged(uint32_t, std::string_view, T&, Versions, const D& = {}) {}

  template <Described M>
  void Struct(M& m) {
    M::Describe(*this, m);
    if (flexible_) GetTags(m);
  }

  bool ok() const { return problem_ == nullptr; }
  BytesView rest() const { return rest_; }
  // What went wrong first, in which field and at which byte.
  Status status(std::string_view message_name) const;

 private:
  friend class TagReader;
  static constexpr int64_t kNull = -1;
  static constexpr int64_t kFailed = -2;

  template <class T>
  void Get(T& value, bool nullable = false);
  template <class T>
  void GetArray(std::vector<T>& array, size_t count);
  void GetArray(Bytes& bytes, size_t count);
  template <Described M>
  void GetTags(M& m);
  void Fail(const char* problem);
  // The next `count` bytes; fails and returns none when fewer are left.
  BytesView Take(size_t count);
  uint32_t GetUnsigned();
  // kNull (only where allowed), kFailed, or a length that is not above the bytes left.
  int64_t GetStringLength(bool nullable);
  // The same for arrays and records; the caller judges an array's count.
  int64_t GetArrayLength(bool nullable);
  int64_t CheckLength(int64_t length, bool nullable);
  // Whether `count` elements of that many bytes in memory are still allowed.
  bool SpendMemory(size_t count, size_t element_bytes);

  BytesView rest_;
  const std::byte* begin_;
  size_t array_memory_;  // What arrays may still take.
  const int16_t version_;
  const bool flexible_;
  const char* problem_ = nullptr;  // Set once; then rest_ is empty.
  size_t problem_at_ = 0;
  std::string_view field_;
};

// Run over a struct once per tagged field on the wire: lets only the wanted one through.
class TagReader {
 public:
  TagReader(Reader& reader, uint32_t wanted) : reader_(reader), wanted_(wanted) {}
  template <class T>
  void Field(std::string_view, T&, Versions = {}) {}
  template <class T, class D = T>
  void Tagged(uint32_t tag, std::string_view name, T& value, Versions versions, const D& = {}) {
    if (tag != wanted_ || !versions.Has(reader_.version_)) return;
    known_ = true;
    reader_.field_ = name;
    if constexpr (kIsOptionalStruct<T>)
      reader_.Get(value.emplace());
    else
      reader_.Get(value, true);
  }
  bool known() const { return known_; }

 private:
  Reader& reader_;
  const uint32_t wanted_;
  bool known_ = false;
};

template <class T>
void Reader::Get(T& value, bool nullable) {
  if constexpr (WireNumber<T>) {
    const BytesView bytes = Take(sizeof(WireInteger<T>));
    if (!bytes.empty()) value = static_cast<T>(LoadBig<WireInteger<T>>(bytes.data()));
  } else if constexpr (Text<T>) {
    const int64_t length = GetStringLength(false);
    if (length >= 0) value = T(AsText(Take(static_cast<size_t>(length))));
  } else if constexpr (std::same_as<T, Uuid>) {
    const BytesView bytes = Take(16);
    std::array<uint8_t, 16> id{};
    if (!bytes.empty()) std::memcpy(id.data(), bytes.data(), id.size());
    value = Uuid(id);
  } else if constexpr (std::same_as<T, RecordData>) {
    const int64_t length = GetArrayLength(true);
    if (length >= 0) value = RecordData(Take(static_cast<size_t>(length)));
  } else if constexpr (kIsOptional<T>) {
    using Inner = typename T::value_type;
    if constexpr (Text<Inner>) {
      const int64_t length = GetStringLength(nullable);
      value = std::nullopt;
      if (length >= 0) value.emplace(AsText(Take(static_cast<size_t>(length))));
    } else {
      const int64_t count = GetArrayLength(nullable);
      value = std::nullopt;
      if (count >= 0) GetArray(value.emplace(), static_cast<size_t>(count));
    }
  } else if constexpr (kIsVector<T>) {
    const int64_t count = GetArrayLength(false);
    if (count >= 0) GetArray(value, static_cast<size_t>(count));
  } else {
    Struct(value);
  }
}

template <class T>
void Reader::GetArray(std::vector<T>& array, size_t count) {
  const size_t smallest = std::max<size_t>(1, MinimumSize(version_, flexible_).Of<T>());
  if (count > rest_.size() / smallest) return Fail("array count above the bytes left");
  if (!SpendMemory(count, sizeof(T))) return Fail("arrays take too much memory");
  array.resize(count);
  for (T& element : array) {
    Get(element);
    if (!ok()) return;
  }
}

template <Described M>
void Reader::GetTags(M& m) {
  const uint32_t count = GetUnsigned();
  if (count > kMaxTags) return Fail("more tagged fields than a struct may have");
  int64_t last = -1;
  for (uint32_t i = 0; i < count && ok(); ++i) {
    const uint32_t tag = GetUnsigned();
    if (ok() && tag <= last) return Fail("tags do not rise");
    last = tag;
    const BytesView body = Take(GetUnsigned());
    if (!ok()) return;
    const BytesView behind = std::exchange(rest_, body);
    TagReader reader(*this, tag);
    M::Describe(reader, m);
    if (!ok()) return;
    if (reader.known() && !rest_.empty()) return Fail("a tagged field does not fill its size");
    rest_ = behind;
  }
}

}  // namespace atl::kafka
