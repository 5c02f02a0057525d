#include <catch2/catch.hpp>

#include "core-broker/server/handlers/frame_buffer.h"

namespace atl::broker {
namespace {

void FillAll(FrameMemory& memory, FrameBuffer& frame) {
  while (!frame.complete()) {
    if (frame.wanted() > ByteCount(0)) {
      frame.Permit(memory.budget().TryAcquire(frame.wanted()));
    }
    const MutableBytes room = frame.room();
    for (size_t i = 0; i < room.size(); ++i) {
      room[i] = static_cast<std::byte>((frame.filled() + i) % 251);
    }
    frame.Fill(room.size());
  }
}

TEST_CASE("A frame that lies about its length holds memory only for what has come") {
  auto memory = std::make_shared<FrameMemory>(ByteCount(200 << 20));
  FrameBuffer frame(memory, 100 << 20);
  frame.Permit(memory->budget().TryAcquire(frame.wanted()));
  REQUIRE(memory->budget().used() == ByteCount(64 << 10));
  frame.Fill(frame.room().size());
  frame.Permit(memory->budget().TryAcquire(frame.wanted()));
  REQUIRE(memory->budget().used() == ByteCount(128 << 10));
  frame.Release();
  REQUIRE(memory->budget().used() == ByteCount(0));
}

TEST_CASE("Bytes survive the growth of their frame") {
  auto memory = std::make_shared<FrameMemory>(ByteCount(200 << 20));
  for (const size_t size : {size_t{1}, size_t{4096}, size_t{65537}, size_t{3'000'000}}) {
    FrameBuffer frame(memory, size);
    FillAll(*memory, frame);
    REQUIRE(frame.bytes().size() == size);
    for (size_t i = 0; i < size; i += 997) {
      REQUIRE(frame.bytes()[i] == static_cast<std::byte>(i % 251));
    }
    REQUIRE(memory->budget().used() == ByteCount(static_cast<int64_t>(size)));
  }
  REQUIRE(memory->budget().used() == ByteCount(0));
}

TEST_CASE("A slab is used again") {
  auto memory = std::make_shared<FrameMemory>(ByteCount(200 << 20));
  const std::byte* first = nullptr;
  for (int i = 0; i < 3; ++i) {
    FrameBuffer frame(memory, 200'000);
    FillAll(*memory, frame);
    if (i == 1) first = frame.bytes().data();
    if (i == 2) REQUIRE(frame.bytes().data() == first);
  }
}

TEST_CASE("A budget that is used up permits nothing more") {
  auto memory = std::make_shared<FrameMemory>(ByteCount(100'000));
  FrameBuffer frame(memory, 90'000);
  FillAll(*memory, frame);
  FrameBuffer second(memory, 90'000);
  REQUIRE_FALSE(memory->budget().TryAcquire(second.wanted()));
  frame.Release();
  REQUIRE(memory->budget().TryAcquire(second.wanted()));
}

}  // namespace
}  // namespace atl::broker
