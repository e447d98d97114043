// The transport of one engine, there until the engine has closed: whoever is inside then finishes,
// nobody else gets in, and the last one out takes it down. So what was closed holds no file and no
// connection, however long somebody still refers to it.
//
// Threads: any; enter() takes no lock.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/turnstile.h"
#include "transport/transport.h"

namespace msgq::transport {

class Tenancy {
 public:
  explicit Tenancy(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  // The transport for as long as this lasts; after end() it is false, and using it throws kClosed.
  class Visit {
   public:
    explicit Visit(Tenancy& tenancy) : tenancy_(tenancy), is_in_(tenancy.door_.enter()) {}
    ~Visit() {
      if (is_in_) tenancy_.door_.leave(1);
      tenancy_.end_if_left();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    explicit operator bool() const { return is_in_; }
    Transport* operator->() const {
      if (!is_in_) throw closed_here();
      return tenancy_.transport_.get();
    }

   private:
    Tenancy& tenancy_;
    const bool is_in_;
  };

  // Without a visit. REQUIRES: end() comes later, as for whoever builds the engine or closes it.
  Transport* operator->() const { return transport_.get(); }
  void end() {
    door_.close();
    end_if_left();
  }

 private:
  void end_if_left() {
    if (door_.is_closed() && door_.inside() == 0 && !is_ended_.exchange(true)) transport_.reset();
  }

  // fixed after construction, until the last one out takes it down
  std::unique_ptr<Transport> transport_;
  Turnstile door_;
  // atomic: of several that find themselves the last, one is
  std::atomic<bool> is_ended_{false};
};

}  // namespace msgq::transport
