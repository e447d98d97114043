// A TCP relay before the server that ends the client's connection after so many bytes and keeps
// what the client sent, to be delivered when the client has gone: what a proxy's buffer does.
//
// Threads: the relay's own does the work; its methods are safe from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace msgq::test {

class TcpRelay {
 public:
  static constexpr std::size_t kNoLimit = ~std::size_t{0};

  TcpRelay(const std::string& host, int port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  int port() const { return port_; }
  // Of the bytes to the server, counted over all connections from now on, so many pass; then the
  // client is cut off. What it sent beyond is kept when `keeps`, and the server hears nothing of
  // the end; otherwise the server sees it too.
  void cut_requests_after(std::size_t count, bool keeps);
  // The same of the bytes to the client; the server sees the end.
  void cut_replies_after(std::size_t count);
  // From now on nothing of the server's reaches the client, and the client is not told.
  void mute();
  void pass_all();
  // What was kept reaches the server, and then the end; returns when the server has answered all of
  // it and ended. How many bytes that were.
  std::size_t deliver_late();
  // Forgets what was kept; the servers see the end.
  void drop_late();
  bool was_cut();

 private:
  struct Link {
    int client = -1, server = -1;
  };
  struct Late {
    int server = -1;
    std::string bytes;
  };
  void run();
  void accept_one();
  // False when the link has ended.
  bool pass_request(Link& link);
  bool pass_reply(Link& link);

  // fixed after construction
  const std::string host_;
  const int target_;
  int listener_ = -1, port_ = 0;
  int wake_[2] = {-1, -1};
  // only the relay's thread
  std::vector<Link> links_;
  // guarded by mutex_
  Mutex mutex_;
  std::size_t requests_ MSGQ_GUARDED_BY(mutex_) = kNoLimit;
  std::size_t replies_ MSGQ_GUARDED_BY(mutex_) = kNoLimit;
  bool keeps_ MSGQ_GUARDED_BY(mutex_) = false;
  bool is_mute_ MSGQ_GUARDED_BY(mutex_) = false;
  bool was_cut_ MSGQ_GUARDED_BY(mutex_) = false;
  std::vector<Late> late_ MSGQ_GUARDED_BY(mutex_);
  std::thread thread_;  // last: runs as soon as it is there
};

}  // namespace msgq::test
