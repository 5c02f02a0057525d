#include "runtime/signal.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>

#include "base/check.h"
#include "runtime/asio.h"

namespace atl::runtime {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t Signals() {
  sigset_t set = StopSignals();
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void PrepareSignals() {
  // Blocked in every thread: one that comes early stays pending until it is waited for.
  const sigset_t set = Signals();
  const int blocked = ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  CHECK(blocked == 0, "pthread_sigmask: {}", blocked);
  ::signal(SIGPIPE, SIG_IGN);
}

void LetSignalsEndUs() {
  const sigset_t set = StopSignals();
  const int unblocked = ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  CHECK(unblocked == 0, "pthread_sigmask: {}", unblocked);
}

awaitable<int> WaitForSignal(Reactor& reactor) {
  const sigset_t set = Signals();
  const int descriptor = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(descriptor >= 0, "signalfd: errno {}", errno);
  asio::posix::stream_descriptor stream(reactor.context(), descriptor);
  while (true) {
    const auto result = co_await stream.async_wait(asio::posix::descriptor_base::wait_read, kToken);
    const auto& [error] = result;
    if (error) co_return 0;
    signalfd_siginfo received{};
    if (::read(descriptor, &received, sizeof received) == sizeof received) {
      co_return static_cast<int>(received.ssi_signo);
    }
  }
}

}  // namespace atl::runtime
