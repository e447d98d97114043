// A TCP proxy that delays and does nothing else, quick enough not to be what is measured: every
// byte takes half the round trip in each direction, however many are on their way.
//
//   delay_proxy PORT [rtt_us=2000]
//
// Listens on 127.0.0.1, on a port that it prints, before PORT of the same machine. It ends when
// its standard input does. Two threads a connection, one for each direction.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "arguments.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;
// What one direction may hold: the product of delay and rate, generously.
constexpr std::size_t kHeldMax = std::size_t{64} << 20;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// A socket of one connection; closed when both directions are done with it.
struct Socket {
  explicit Socket(int opened) : fd(opened) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(fd); }
  const int fd;
};
using Shared = std::shared_ptr<Socket>;

struct Piece {
  Clock::time_point due;
  std::string bytes;  // none: the end of the stream
};

sockaddr_in address(std::int64_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  made.sin_port = htons(static_cast<std::uint16_t>(port));
  return made;
}

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

/// One direction: reads whenever there is something, writes each piece when it is due.
class Direction {
 public:
  Direction(Shared from, Shared to, Clock::duration delay)
      : from_(std::move(from)), to_(std::move(to)), delay_(delay) {}

  void run() {
    bool goes_on = true;
    while (goes_on) {
      wait();
      if (!is_over_ && held_ < kHeldMax) take();
      goes_on = give();
    }
    shutdown(from_->fd, SHUT_RD);
  }

 private:
  /// Until there is something to read or a piece is due.
  void wait() {
    pollfd asked{from_->fd, POLLIN, 0};
    const bool reads = !is_over_ && held_ < kHeldMax;
    if (pieces_.empty()) {
      poll(&asked, 1, -1);
      return;
    }
    const auto left = std::chrono::nanoseconds(pieces_.front().due - Clock::now()).count();
    if (left <= 0) return;
    const timespec time{left / 1'000'000'000, left % 1'000'000'000};
    ppoll(&asked, reads ? 1 : 0, &time, nullptr);
  }

  void take() {
    buffer_.resize(kReadBytes);
    const ssize_t got = recv(from_->fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const auto count = static_cast<std::size_t>(got > 0 ? got : 0);
    is_over_ = count == 0;
    held_ += count;
    pieces_.push_back({Clock::now() + delay_, buffer_.substr(0, count)});
  }

  bool give() {
    while (!pieces_.empty() && pieces_.front().due <= Clock::now()) {
      const Piece piece = std::move(pieces_.front());
      pieces_.pop_front();
      held_ -= piece.bytes.size();
      if (piece.bytes.empty()) shutdown(to_->fd, SHUT_WR);
      if (piece.bytes.empty() || !send_all(to_->fd, piece.bytes)) return false;
    }
    return true;
  }

  const Shared from_, to_;
  const Clock::duration delay_;
  std::deque<Piece> pieces_;
  std::string buffer_;
  std::size_t held_ = 0;
  bool is_over_ = false;
};

void join_up(const Shared& client, std::int64_t port, Clock::duration delay) {
  const auto server = std::make_shared<Socket>(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto target = address(port);
  if (connect(server->fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) return;
  for (const auto& [from, to] : {std::pair(client, server), std::pair(server, client)}) {
    std::thread([direction = std::make_shared<Direction>(from, to, delay)] {
      prctl(PR_SET_TIMERSLACK, 1);  // of this thread; 50 us otherwise
      direction->run();
    }).detach();
  }
}

int listening() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto here = address(0);
  socklen_t size = sizeof here;
  auto* const name = reinterpret_cast<sockaddr*>(&here);
  if (fd < 0 || bind(fd, name, size) != 0 || listen(fd, 1024) != 0) give_up("delay_proxy: listen");
  if (getsockname(fd, name, &size) != 0) give_up("delay_proxy: getsockname");
  std::printf("%d\n", ntohs(here.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: delay_proxy PORT [name=value ...]\n");
    return 2;
  }
  const std::int64_t port = std::atoll(argv[1]);
  const ceiling::Arguments given(argc, argv);
  const auto delay = std::chrono::microseconds(given.number("rtt_us", 2000) / 2);
  const int fd = listening();
  for (;;) {
    pollfd asked[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(asked, 2, -1);
    if (asked[1].revents != 0) _exit(0);
    if (asked[0].revents == 0) continue;
    join_up(std::make_shared<Socket>(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)), port, delay);
  }
}
