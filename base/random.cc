#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/check.h"

namespace atl {

// The state is filled by splitmix64, as the authors of xoshiro256** advise: nearby seeds give
// unrelated sequences, and the state is never all zero.
Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    word = mixed ^ (mixed >> 31);
  }
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  CHECK(bound > 0, "an empty range has no number");
  // Values below `uneven` would make the first numbers of the range likelier.
  const uint64_t uneven = -bound % bound;
  uint64_t value = Next();
  while (value < uneven) value = Next();
  return value % bound;
}

double Random::Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

uint64_t SystemSeed() {
  uint64_t seed = 0;
  ssize_t got = -1;
  do {
    got = ::getrandom(&seed, sizeof seed, 0);
  } while (got < 0 && errno == EINTR);
  CHECK(got == static_cast<ssize_t>(sizeof seed), "getrandom gave {} bytes, errno {}", got, errno);
  return seed;
}

}  // namespace atl
