// The first error that a response carries, wherever it is: what the request is counted under. One
// visitor over Describe, so no handler keeps books.
#pragma once

#include "kafka/wire/codec.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

class FirstErrorVisitor {
 public:
  template <class T>
  void Field(std::string_view, const T& value, kafka::Versions = {}) {
    if (error_ == kafka::ErrorCode::kNone) Look(value);
  }
  template <class T, class D = T>
  void Tagged(uint32_t, std::string_view, const T& value, kafka::Versions, const D& = {}) {
    if (error_ == kafka::ErrorCode::kNone) Look(value);
  }
  kafka::ErrorCode error() const { return error_; }

 private:
  template <class T>
  void Look(const T& value) {
    if constexpr (std::same_as<T, kafka::ErrorCode>) {
      error_ = value;
    } else if constexpr (kafka::kIsOptional<T>) {
      if (value.has_value()) Look(*value);
    } else if constexpr (kafka::kIsVector<T>) {
      if constexpr (kafka::Described<typename T::value_type>) {
        for (const auto& element : value) {
          if (error_ == kafka::ErrorCode::kNone) Look(element);
        }
      }
    } else if constexpr (kafka::Described<T>) {
      T::Describe(*this, value);
    }
  }

  kafka::ErrorCode error_ = kafka::ErrorCode::kNone;
};

template <kafka::ResponseMessage M>
kafka::ErrorCode FirstError(const M& response) {
  FirstErrorVisitor visitor;
  M::Describe(visitor, response);
  return visitor.error();
}

}  // namespace atl::broker
