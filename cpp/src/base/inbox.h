// The in-memory queue between threads, and the only file that knows moodycamel's ConcurrentQueue.
// Order holds per producer token, not between producers; it is unbounded: bounds are ours
// (intake/admission.h), never the library's.
//
// Threads: push from any thread (a Producer by one thread at a time); pop from any thread.
#pragma once

#include <concurrentqueue/concurrentqueue.h>

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace msgq {

template <typename T>
class Inbox {
 public:
  // Remembers one producer's place: quicker, and keeps its order.
  class Producer {
   public:
    explicit Producer(Inbox& inbox) : inbox_(inbox), token_(inbox.queue_) {}
    void push(T item) { inbox_.queue_.enqueue(token_, std::move(item)); }

   private:
    Inbox& inbox_;
    moodycamel::ProducerToken token_;
  };

  void push(T item) { queue_.enqueue(std::move(item)); }
  void push_all(std::vector<T>& items) {
    queue_.enqueue_bulk(std::make_move_iterator(items.begin()), items.size());
    items.clear();
  }
  bool pop(T& item) { return queue_.try_dequeue(item); }
  // Appends up to `count_max` items to `out`; how many.
  std::size_t pop_some(std::vector<T>& out, std::size_t count_max) {
    return queue_.try_dequeue_bulk(std::back_inserter(out), count_max);
  }
  std::size_t size_approx() const { return queue_.size_approx(); }

 private:
  moodycamel::ConcurrentQueue<T> queue_;
};

}  // namespace msgq
