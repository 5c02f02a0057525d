#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "base/clock.h"
#include "base/failpoint.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

Failpoint first("test.first");
Failpoint second("test.second");

// Disarms at the end of a test, however it ends.
struct Disarm {
  ~Disarm() {
    Failpoint::SetAbortHook(nullptr);
    Failpoint::Configure("").IgnoreError();
  }
};

// The child's state as waitpid gives it, after it has hit `first` under `text`.
pid_t HitInChild(const char* text) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // Not Catch's.
    const bool ok = Failpoint::Configure(text).ok() && first.Hit().ok();
    ::_exit(ok ? 0 : 1);
  }
  return child;
}

TEST_CASE("A failpoint that nobody asked for does nothing", "[failpoint]") {
  REQUIRE(first.Hit().ok());
  first.Pass();
}

TEST_CASE("All failpoints are listed, sorted", "[failpoint]") {
  const std::vector<std::string> names = Failpoint::Names();
  REQUIRE(std::ranges::is_sorted(names));
  REQUIRE(std::ranges::count(names, "test.first") == 1);
  REQUIRE(std::ranges::count(names, "test.second") == 1);
}

TEST_CASE("errno gives the status of that errno, where a status can be given", "[failpoint]") {
  const Disarm disarm;
  REQUIRE(Failpoint::Configure("test.first=errno:ENOSPC").ok());
  REQUIRE(first.Hit().code() == StatusCode::kResourceExhausted);
  REQUIRE(StatusMessage(first.Hit()) == "failpoint test.first: No space left on device");
  first.Pass();
  REQUIRE(second.Hit().ok());
}

TEST_CASE("A number picks one hit, counted from the configuration on", "[failpoint]") {
  const Disarm disarm;
  for (int round = 0; round < 2; ++round) {
    REQUIRE(Failpoint::Configure("test.first=errno:EIO#3,test.second=errno:EIO").ok());
    REQUIRE(first.Hit().ok());
    REQUIRE(first.Hit().ok());
    REQUIRE(first.Hit().code() == StatusCode::kDataLoss);
    REQUIRE(first.Hit().ok());
    REQUIRE_FALSE(second.Hit().ok());
    REQUIRE_FALSE(second.Hit().ok());
  }
}

TEST_CASE("A new text replaces the old one, an empty one disarms all", "[failpoint]") {
  const Disarm disarm;
  REQUIRE(Failpoint::Configure("test.first=errno:EIO").ok());
  REQUIRE(Failpoint::Configure("test.second=errno:EIO").ok());
  REQUIRE(first.Hit().ok());
  REQUIRE_FALSE(second.Hit().ok());
  REQUIRE(Failpoint::Configure("").ok());
  REQUIRE(second.Hit().ok());
}

TEST_CASE("A bad text is refused whole and leaves what was armed", "[failpoint]") {
  const Disarm disarm;
  REQUIRE(Failpoint::Configure("test.first=errno:EIO").ok());
  const auto text =
      GENERATE(as<std::string>(), "test.second", "nobody=abort",
               "test.second=", "test.second=explode", "test.second=errno:ENOTHING",
               "test.second=errno:", "test.second=delay:5", "test.second=delay:xms",
               "test.second=delay:-1ms", "test.second=abort#0", "test.second=abort#x",
               "test.second=errno:EIO,nobody=abort", "test.second=errno:EIO,,test.first=abort");
  INFO(text);
  REQUIRE(Failpoint::Configure(text).code() == StatusCode::kInvalidArgument);
  REQUIRE_FALSE(first.Hit().ok());
  REQUIRE(second.Hit().ok());
}

TEST_CASE("delay waits, then goes on", "[failpoint]") {
  const Disarm disarm;
  REQUIRE(Failpoint::Configure("test.first=delay:5ms").ok());
  const MonotonicTime begin = SystemClock().Now();
  REQUIRE(first.Hit().ok());
  REQUIRE(SystemClock().Now() - begin >= std::chrono::milliseconds(5));
}

TEST_CASE("An abort hook stands in for the end of the process", "[failpoint]") {
  const Disarm disarm;
  Failpoint::SetAbortHook([](const Failpoint& hit) { return Cancelled("{} aborts", hit.name()); });
  REQUIRE(Failpoint::Configure("test.first=abort#2").ok());
  REQUIRE(first.Hit().ok());
  REQUIRE(StatusMessage(first.Hit()) == "test.first aborts");
}

TEST_CASE("abort ends the process at its place", "[failpoint]") {
  int state = 0;
  const pid_t child = HitInChild("test.first=abort");
  REQUIRE(::waitpid(child, &state, 0) == child);
  REQUIRE(WIFSIGNALED(state));
  REQUIRE(WTERMSIG(state) == SIGABRT);
}

TEST_CASE("pause stops the process until somebody lets it go on", "[failpoint]") {
  int state = 0;
  const pid_t child = HitInChild("test.first=pause");
  REQUIRE(::waitpid(child, &state, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(state));
  REQUIRE(::kill(child, SIGCONT) == 0);
  REQUIRE(::waitpid(child, &state, 0) == child);
  REQUIRE(WIFEXITED(state));
  REQUIRE(WEXITSTATUS(state) == 0);
}

}  // namespace
}  // namespace atl
