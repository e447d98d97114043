#include "support/tcp_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace msgq::test {
namespace {

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &out.sin_addr);
  return out;
}

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t some = ::send(fd, data, size, MSG_NOSIGNAL);
    if (some <= 0) return;
    data += some;
    size -= static_cast<std::size_t>(some);
  }
}

void end(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

}  // namespace

TcpRelay::TcpRelay(const std::string& host, int port) : host_(host), target_(port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any = address_of("127.0.0.1", 0);
  socklen_t size = sizeof any;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
      ::listen(listener_, 16) != 0 || pipe(wake_) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size) != 0)
    throw std::runtime_error("no relay");
  port_ = ntohs(any.sin_port);
  thread_ = std::thread([this] { run(); });
}

TcpRelay::~TcpRelay() {
  ::close(wake_[1]);
  thread_.join();
  drop_late();
  for (Link& link : links_) {
    end(link.client);
    end(link.server);
  }
  ::close(wake_[0]);
  ::close(listener_);
}

void TcpRelay::cut_requests_after(std::size_t count, bool keeps) {
  MutexLock lock(mutex_);
  requests_ = count;
  keeps_ = keeps;
  was_cut_ = false;
}

void TcpRelay::cut_replies_after(std::size_t count) {
  MutexLock lock(mutex_);
  replies_ = count;
  was_cut_ = false;
}

void TcpRelay::mute() {
  MutexLock lock(mutex_);
  is_mute_ = true;
}

void TcpRelay::pass_all() {
  MutexLock lock(mutex_);
  requests_ = replies_ = kNoLimit;
  is_mute_ = false;
}

bool TcpRelay::was_cut() {
  MutexLock lock(mutex_);
  return was_cut_;
}

std::size_t TcpRelay::deliver_late() {
  std::vector<Late> late;
  {
    MutexLock lock(mutex_);
    late = std::exchange(late_, {});
  }
  std::size_t count = 0;
  for (Late& each : late) {
    write_all(each.server, each.bytes.data(), each.bytes.size());
    count += each.bytes.size();
    ::shutdown(each.server, SHUT_WR);
    std::array<char, 4096> rest;
    while (::recv(each.server, rest.data(), rest.size(), 0) > 0) {
    }
    end(each.server);
  }
  return count;
}

void TcpRelay::drop_late() {
  MutexLock lock(mutex_);
  for (Late& each : late_) end(each.server);
  late_.clear();
}

void TcpRelay::accept_one() {
  Link link;
  link.client = ::accept(listener_, nullptr, nullptr);
  link.server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = address_of(host_, target_);
  if (::connect(link.server, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    end(link.client);
    end(link.server);
    return;
  }
  const int on = 1;
  ::setsockopt(link.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(link.server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  links_.push_back(link);
}

bool TcpRelay::pass_request(Link& link) {
  std::array<char, 1 << 16> buffer;
  const ssize_t got = ::recv(link.client, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    end(link.client);
    end(link.server);
    return false;
  }
  const auto size = static_cast<std::size_t>(got);
  MutexLock lock(mutex_);
  const std::size_t passing = std::min(size, requests_);
  write_all(link.server, buffer.data(), passing);
  if (requests_ != kNoLimit) requests_ -= passing;
  if (passing == size) return true;
  requests_ = kNoLimit;
  was_cut_ = true;
  end(link.client);
  if (keeps_)
    late_.push_back({std::exchange(link.server, -1), {buffer.data() + passing, size - passing}});
  else
    end(link.server);
  return false;
}

bool TcpRelay::pass_reply(Link& link) {
  std::array<char, 1 << 16> buffer;
  const ssize_t got = ::recv(link.server, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    end(link.client);
    end(link.server);
    return false;
  }
  const auto size = static_cast<std::size_t>(got);
  MutexLock lock(mutex_);
  if (is_mute_) return true;
  const std::size_t passing = std::min(size, replies_);
  write_all(link.client, buffer.data(), passing);
  if (replies_ != kNoLimit) replies_ -= passing;
  if (passing == size) return true;
  replies_ = kNoLimit;
  was_cut_ = true;
  end(link.client);
  end(link.server);
  return false;
}

void TcpRelay::run() {
  for (;;) {
    std::vector<pollfd> on{{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Link& link : links_) {
      on.push_back({link.client, POLLIN, 0});
      on.push_back({link.server, POLLIN, 0});
    }
    if (::poll(on.data(), on.size(), -1) < 0) continue;
    if (on[0].revents != 0) return;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      Link& link = links_[i];
      if (on[2 + 2 * i].revents != 0 && !pass_request(link)) continue;
      if (on[3 + 2 * i].revents != 0) pass_reply(link);
    }
    std::erase_if(links_, [](const Link& link) { return link.client < 0; });
    if (on[1].revents != 0) accept_one();
  }
}

}  // namespace msgq::test
