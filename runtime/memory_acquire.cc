#include "runtime/asio.h"
#include "runtime/memory_place.h"

namespace atl::runtime {

awaitable<MemoryPermit> MemoryBudget::Acquire(Reactor& reactor, ByteCount bytes) {
  if (bytes > capacity_) co_return MemoryPermit();
  MemoryPermit at_once = TryAcquire(bytes);
  if (at_once) co_return at_once;
  Place place(*this, reactor, bytes);
  (void)co_await place.timer().async_wait(kToken);
  co_return place.Take();
}

}  // namespace atl::runtime
