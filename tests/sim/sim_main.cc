// Runs seeds of the simulation.
//   sim [--seeds N] [--first SEED]                   ctest `sim`; N also by ATOLL_SIM_SEEDS
//   sim --seed SEED                                  one seed, with its trace
//   sim --mutations [--seeds N]                      ctest `sim_mutations`: every planted bug is
//   found
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/logging.h"
#include "tests/sim/scenario.h"

namespace atl::sim {
namespace {

struct Arguments {
  uint64_t first = 1;
  uint64_t seeds = 1000;
  bool one = false;
  bool mutations = false;
  bool all_marks = true;
  Mutation mutation = Mutation::kNone;
};

struct Outcome {
  std::optional<Failure> failure;
  uint64_t hash = 0;
  std::array<bool, kMarkCount> reached{};
};

void PrintFailure(uint64_t seed, World& world) {
  for (const std::string& line : world.last_lines()) std::fprintf(stderr, "%s\n", line.c_str());
  std::fprintf(stderr, "seed %llu breaks %s: %s\n", static_cast<unsigned long long>(seed),
               world.failure()->invariant.c_str(), world.failure()->what.c_str());
}

Outcome RunSeed(uint64_t seed, Mutation mutation, bool print) {
  Scenario scenario(seed, mutation);
  scenario.Run();
  World& world = scenario.world();
  if (print && world.failure()) PrintFailure(seed, world);
  return {.failure = world.failure(), .hash = world.trace_hash(), .reached = world.reached()};
}

// Every seed of the range; some of them twice, which must give the same trace.
int RunSeeds(const Arguments& arguments) {
  constexpr uint64_t kTwiceEvery = 20;
  std::array<bool, kMarkCount> reached{};
  for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const Outcome outcome = RunSeed(seed, arguments.mutation, true);
    if (outcome.failure) return 1;
    for (size_t i = 0; i < kMarkCount; ++i) reached[i] = reached[i] || outcome.reached[i];
    if (seed % kTwiceEvery != 0) continue;
    const Outcome again = RunSeed(seed, arguments.mutation, true);
    if (again.hash != outcome.hash) {
      std::fprintf(stderr, "seed %llu is not deterministic\n",
                   static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  int missed = 0;
  for (size_t i = 0; i < kMarkCount; ++i) {
    if (reached[i]) continue;
    ++missed;
    const std::string name(MarkName(static_cast<Mark>(i)));
    std::fprintf(stderr, "not reached: %s\n", name.c_str());
  }
  std::printf("%llu seeds, %zu of %zu marks reached\n",
              static_cast<unsigned long long>(arguments.seeds),
              kMarkCount - static_cast<size_t>(missed), kMarkCount);
  return arguments.all_marks && missed > 0 ? 1 : 0;
}

int RunOne(const Arguments& arguments) {
  Scenario scenario(arguments.first, arguments.mutation);
  scenario.Run();
  World& world = scenario.world();
  for (const std::string& line : world.last_lines()) std::printf("%s\n", line.c_str());
  std::printf("seed %llu: trace hash %016llx\n", static_cast<unsigned long long>(arguments.first),
              static_cast<unsigned long long>(world.trace_hash()));
  if (!world.failure()) return 0;
  PrintFailure(arguments.first, world);
  return 1;
}

int RunMutations(const Arguments& arguments) {
  int survivors = 0;
  for (int i = 1; i < static_cast<int>(Mutation::kLast); ++i) {
    const auto mutation = static_cast<Mutation>(i);
    const std::string name(MutationName(mutation));
    uint64_t seed = arguments.first;
    std::optional<Failure> found;
    for (; seed < arguments.first + arguments.seeds && !found; ++seed) {
      found = RunSeed(seed, mutation, false).failure;
    }
    if (found) {
      std::printf("%s: found by seed %llu: %s: %s\n", name.c_str(),
                  static_cast<unsigned long long>(seed - 1), found->invariant.c_str(),
                  found->what.c_str());
    } else {
      ++survivors;
      std::printf("%s: NOT FOUND in %llu seeds\n", name.c_str(),
                  static_cast<unsigned long long>(arguments.seeds));
    }
    std::fflush(stdout);
  }
  return survivors == 0 ? 0 : 1;
}

bool Parse(int count, char** words, Arguments& arguments) {
  // A smaller number of seeds than the default does not reach every mark.
  if (const char* text = std::getenv("ATOLL_SIM_SEEDS"); text != nullptr) {
    arguments.seeds = std::strtoull(text, nullptr, 10);
    arguments.all_marks = arguments.seeds >= 1000;
  }
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const bool more = i + 1 < count;
    if (word == "--mutations") {
      arguments.mutations = true;
    } else if (word == "--seeds" && more) {
      arguments.seeds = std::strtoull(words[++i], nullptr, 10);
      arguments.all_marks = arguments.seeds >= 1000;
    } else if (word == "--first" && more) {
      arguments.first = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--seed" && more) {
      arguments.first = std::strtoull(words[++i], nullptr, 10);
      arguments.one = true;
    } else if (word == "--mutation" && more) {
      const auto mutation = MutationNamed(words[++i]);
      if (!mutation) return false;
      arguments.mutation = *mutation;
    } else {
      return false;
    }
  }
  return arguments.seeds > 0;
}

int Main(int count, char** words) {
  Arguments arguments;
  if (!Parse(count, words, arguments)) {
    std::fprintf(stderr,
                 "usage: sim [--seeds N] [--first SEED] | --seed SEED | --mutations; "
                 "[--mutation NAME]\n");
    return 2;
  }
  // Thousands of torn tails and failed disks are this program's daily bread.
  SetLogLevel(LogLevel::kError);
  if (arguments.mutations) return RunMutations(arguments);
  return arguments.one ? RunOne(arguments) : RunSeeds(arguments);
}

}  // namespace
}  // namespace atl::sim

int main(int count, char** words) { return atl::sim::Main(count, words); }
