// The visitor that prints a message's schema, for people and for the golden text in
// tests/golden/schemas.txt: one line per field with its type on the wire, versions, nullability and
// default, in Kafka's words. Versions are those the API serves; "2+" is up to its newest.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "kafka/wire/wire_type.h"

namespace atl::kafka {

class SchemaPrinter {
 public:
  SchemaPrinter(int16_t oldest, int16_t newest) : oldest_(oldest), newest_(newest) {}

  template <class T>
  void Field(std::string_view name, const T& value, Versions versions = {}) {
    Print(name, value, versions);
  }
  template <class T, class D = T>
  void Tagged(uint32_t tag, std::string_view name, const T& value, Versions versions,
              const D& = {}) {
    Print(fmt::format("tag {} {}", tag, name), value, versions);
  }
  const std::string& text() const { return text_; }

 private:
  template <class T>
  static std::string TypeName() {
    if constexpr (std::same_as<T, bool>) {
      return "bool";
    } else if constexpr (WireNumber<T>) {
      return fmt::format("int{}", sizeof(WireInteger<T>) * 8);
    } else if constexpr (Text<T>) {
      return "string";
    } else if constexpr (std::same_as<T, Uuid>) {
      return "uuid";
    } else if constexpr (std::same_as<T, RecordData>) {
      return "records";
    } else if constexpr (std::same_as<T, Bytes>) {
      return "bytes";
    } else if constexpr (kIsOptional<T>) {
      return TypeName<typename T::value_type>();
    } else if constexpr (kIsVector<T>) {
      return fmt::format("[]{}", TypeName<typename T::value_type>());
    } else {
      return "struct";
    }
  }

  template <class T>
  void Print(std::string_view name, const T& value, Versions versions) {
    const int16_t first = std::max(versions.min, oldest_);
    text_ += fmt::format("{:{}}{}: {}", "", indent_, name, TypeName<T>());
    if (versions.max < newest_) {
      text_ += fmt::format(" {}-{}", first, versions.max);
    } else if (first > oldest_) {
      text_ += fmt::format(" {}+", first);
    }
    if constexpr (std::same_as<T, RecordData> || (kIsOptional<T> && !kIsOptionalStruct<T>)) {
      text_ += " nullable";
      if (versions.nullable_from > first) text_ += fmt::format(" {}+", versions.nullable_from);
    }
    if constexpr (WireNumber<T>) {
      if (ToInteger(value) != 0) text_ += fmt::format(" = {}", ToInteger(value));
    }
    text_ += "\n";
    PrintInside<T>();
  }

  template <class T>
  void PrintInside() {
    if constexpr (kIsOptional<T> || kIsVector<T>) {
      PrintInside<typename T::value_type>();
    } else if constexpr (Described<T>) {
      const T prototype{};
      indent_ += 2;
      T::Describe(*this, prototype);
      indent_ -= 2;
    }
  }

  const int16_t oldest_;
  const int16_t newest_;
  int indent_ = 2;
  std::string text_;
};

// The request and the response of an API.
template <RequestMessage R>
std::string SchemaText() {
  const auto fields = []<class M>(const M& prototype) {
    SchemaPrinter printer(R::kMinVersion, R::kMaxVersion);
    M::Describe(printer, prototype);
    return printer.text();
  };
  const std::string flexible =
      R::kFlexibleFrom == kNeverFlexible ? "never" : fmt::format("{}+", R::kFlexibleFrom);
  const std::string head = fmt::format("{} key {} versions {}-{} flexible {}\n", R::kName,
                                       R::kApiKey, R::kMinVersion, R::kMaxVersion, flexible);
  return fmt::format("{} request\n{} response\n{}", head, fields(R{}),
                     fields(typename R::Response{}));
}

}  // namespace atl::kafka
