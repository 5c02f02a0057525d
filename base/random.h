// Randomness, as a port: every user is handed a Random; only main() seeds one from the system.
// xoshiro256**.
#pragma once

#include <array>
#include <cstdint>

namespace atl {

// Not thread-safe: one per owner. Fork() makes an independent one.
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // In [0, 1).
  double Fraction();
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  Random Fork() { return Random(Next()); }

 private:
  std::array<uint64_t, 4> state_;
};

// A seed from the system's entropy.
uint64_t SystemSeed();

}  // namespace atl
