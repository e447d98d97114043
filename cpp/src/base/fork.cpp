#include "base/fork.h"

#include <pthread.h>

#include <atomic>

namespace msgq {
namespace {

std::atomic<std::uint32_t> generation{0};

struct Registration {
  Registration() {
    pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
  }
};

}  // namespace

std::uint32_t fork_generation() {
  static const Registration registration;
  return generation.load(std::memory_order_relaxed);
}

}  // namespace msgq
