// The visitor that encodes a message: see codec.h, whose EncodeInto is the way to use it. Fields
// that the version does not have are left out; null where the version has no null is written as
// empty. One owner, no lock. A string or array longer than its length field can say latches ok().
#pragma once

#include <utility>

#include "kafka/wire/wire_buffer.h"
#include "kafka/wire/wire_type.h"

namespace atl::kafka {

// Whether a tagged field differs from its default and so is written.
template <class T, class D>
bool TagIsPresent(const T& value, const D& default_value) {
  if constexpr (kIsOptional<T>)
    return value.has_value();
  else if constexpr (kIsVector<T>)
    return !value.empty();
  else
    return value != default_value;
}

class Writer {
 public:
  Writer(WireBuffer& out, int16_t version, bool flexible)
      : out_(out), version_(version), flexible_(flexible) {}

  template <class T>
  void Field(std::string_view, const T& value, Versions versions = {}) {
    if (versions.Has(version_)) Put(value, versions.NullableIn(version_));
  }
  // Counted here; written by PutTags when the struct ends. The default counts for numbers only.
  template <class T, class D = T>
  void Tagged(uint32_t, std::string_view, const T& value, Versions versions, const D& none = {}) {
    if (versions.Has(version_) && TagIsPresent(value, none)) ++tag_count_;
  }

  template <Described M>
  void Struct(const M& m) {
    const uint32_t outer = std::exchange(tag_count_, 0);
    M::Describe(*this, m);
    if (flexible_) PutTags(m);
    tag_count_ = outer;
  }

  // False when a string or array was longer than its length field can say.
  bool ok() const { return ok_; }

 private:
  friend class TagWriter;
  enum class LengthKind { kString, kArray };

  template <class T>
  void Put(const T& value, bool nullable = false);
  template <Described M>
  void PutTags(const M& m);
  void PutUnsigned(uint32_t value);
  void PutLength(LengthKind kind, size_t length);
  void PutNull(LengthKind kind, bool nullable);
  void PutText(std::string_view text);
  void PutRecords(const RecordData& records);

  WireBuffer& out_;
  const int16_t version_;
  const bool flexible_;
  uint32_t tag_count_ = 0;  // Tagged fields present in the struct being written.
  bool ok_ = true;
};

// Second run over a struct: writes its tagged fields, in the order of Describe (rising tags).
class TagWriter {
 public:
  explicit TagWriter(Writer& writer) : writer_(writer) {}
  template <class T>
  void Field(std::string_view, const T&, Versions = {}) {}
  template <class T, class D = T>
  void Tagged(uint32_t tag, std::string_view, const T& value, Versions versions,
              const D& none = {}) {
    if (!versions.Has(writer_.version_) || !TagIsPresent(value, none)) return;
    WireBuffer body;
    Writer inner(body, writer_.version_, true);
    if constexpr (kIsOptional<T>)
      inner.Put(*value);
    else
      inner.Put(value);
    writer_.ok_ = writer_.ok_ && inner.ok_;
    writer_.PutUnsigned(tag);
    writer_.PutUnsigned(static_cast<uint32_t>(body.total_bytes()));
    for (const WirePiece& piece : body.Pieces()) writer_.out_.Append(std::get<BytesView>(piece));
  }

 private:
  Writer& writer_;
};

template <class T>
void Writer::Put(const T& value, bool nullable) {
  if constexpr (WireNumber<T>) {
    const auto number = ToInteger(value);
    StoreBig(out_.Extend(sizeof number), number);
  } else if constexpr (Text<T>) {
    PutText(ToString(value));
  } else if constexpr (std::same_as<T, Uuid>) {
    out_.Append(std::as_bytes(std::span(value.bytes())));
  } else if constexpr (std::same_as<T, RecordData>) {
    PutRecords(value);
  } else if constexpr (kIsOptional<T>) {
    using Inner = typename T::value_type;
    if (value.has_value())
      Put(*value);
    else
      PutNull(Text<Inner> ? LengthKind::kString : LengthKind::kArray, nullable);
  } else if constexpr (kIsVector<T>) {
    PutLength(LengthKind::kArray, value.size());
    if constexpr (std::same_as<T, Bytes>) {
      if (ok_) out_.Append(value);
    } else {
      for (const auto& element : value) Put(element);
    }
  } else {
    Struct(value);
  }
}

template <Described M>
void Writer::PutTags(const M& m) {
  PutUnsigned(tag_count_);
  if (tag_count_ == 0) return;
  TagWriter tags(*this);
  M::Describe(tags, m);
}

}  // namespace atl::kafka
