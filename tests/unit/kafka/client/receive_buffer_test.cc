#include "kafka/client/receive_buffer.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

TEST_CASE("A returned buffer is given out again with its capacity", "[client]") {
  const auto pool = BufferPool::Create(ByteCount(1 << 20));
  const std::byte* first = nullptr;
  {
    const auto buffer = pool->Take();
    buffer->Reserve(1000);
    first = buffer->data();
  }
  REQUIRE(pool->free_bytes() == ByteCount(1000));
  const auto again = pool->Take();
  REQUIRE(again->data() == first);
  REQUIRE(again->capacity() == 1000);
  REQUIRE(pool->free_bytes() == ByteCount(0));
}

TEST_CASE("Growing keeps what is in a buffer", "[client]") {
  ReceiveBuffer buffer;
  buffer.Reserve(4);
  buffer.data()[3] = std::byte{42};
  buffer.Reserve(5000000);
  REQUIRE(buffer.data()[3] == std::byte{42});
}

TEST_CASE("The pool keeps no more than it may", "[client]") {
  const auto pool = BufferPool::Create(ByteCount(1500));
  {
    const auto a = pool->Take();
    const auto b = pool->Take();
    a->Reserve(1000);
    b->Reserve(1000);
  }
  REQUIRE(pool->free_bytes() == ByteCount(1000));
  pool->Trim(ByteCount(500));
  REQUIRE(pool->free_bytes() == ByteCount(0));
}

TEST_CASE("A buffer outlives its pool", "[client]") {
  auto pool = BufferPool::Create(ByteCount(1500));
  const auto buffer = pool->Take();
  buffer->Reserve(10);
  pool.reset();
  buffer->Reserve(100);
  REQUIRE(buffer->capacity() == 100);
}

}  // namespace
}  // namespace atl::kafka
