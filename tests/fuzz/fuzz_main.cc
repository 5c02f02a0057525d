// libFuzzer's entry; ATOLL_FUZZ_TARGET names the function of targets.h.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atl::fuzz::ATOLL_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}
