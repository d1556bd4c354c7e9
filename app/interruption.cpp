// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/interruption.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {
namespace {

constexpr int patienceMs = 1500;
constexpr char signalled = 's', finished = 'q';

// A handler can reach nothing but globals.
int pipeEnds[2] = {-1, -1};

void put(char what) {
  // A full pipe holds more news than anybody needs.
  [[maybe_unused]] const auto written = ::write(pipeEnds[1], &what, 1);
}

void onSignal(int) {
  const int kept = errno;
  put(signalled);
  errno = kept;
}

/// The next byte, or '\0' when none came in time; −1 waits for ever.
char next(int timeoutMs) {
  pollfd entry{pipeEnds[0], POLLIN, 0};
  while (true) {
    const int ready = ::poll(&entry, 1, timeoutMs);
    if (ready == 0) return '\0';
    char what = '\0';
    if (ready > 0 && ::read(pipeEnds[0], &what, 1) == 1) return what;
    if (errno != EINTR && errno != EAGAIN) return finished;
  }
}

}  // namespace

Interruption::Interruption(std::function<void()> force) : force_(std::move(force)) {
  if (::pipe2(pipeEnds, O_CLOEXEC) != 0) throw RunError("no pipe for signals could be opened; close other programs");
  ::fcntl(pipeEnds[1], F_SETFL, O_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  watcher_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  // The handler stays: a signal that comes in the last milliseconds changes nothing any more.
  put(finished);
  watcher_.join();
}

void Interruption::watch() {
  if (next(-1) == finished) return;
  source_.request_stop();
  if (next(patienceMs) == finished) return;
  force_();
}

}  // namespace eigenscape
