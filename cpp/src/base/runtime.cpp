#include "base/runtime.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/mutex.h"

namespace msgq {
namespace {

// One thread and its stop flag. All signals are blocked in it: they belong to the embedder.
class ServiceThread {
 public:
  ServiceThread(Clock& clock, Service& service) : clock_(clock), service_(service) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  void stop() {
    is_stopping_.store(true, std::memory_order_seq_cst);
    service_.event().signal();
    thread_.join();
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), service_.name());
    while (!is_stopping_.load(std::memory_order_seq_cst)) {
      const auto key = service_.event().key();
      const Nanos until = service_.step();
      if (until == Nanos::zero() || service_.event().glance(key)) continue;
      if (until == kNever) {
        service_.event().wait(key, kNever);
      } else if (const Nanos now = clock_.steady(); until > now) {
        service_.event().wait(key, until - now);
      }
    }
  }

  // fixed after construction
  Clock& clock_;
  Service& service_;
  // atomic: pairs with the load in run(); the event orders it
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

class ThreadRuntime final : public Runtime {
 public:
  explicit ThreadRuntime(Clock& clock) : clock_(clock) {}
  ~ThreadRuntime() override {
    for (auto& entry : threads_) entry.second->stop();
  }
  void start(Service& service) override {
    MutexLock lock(mutex_);
    threads_[&service] = std::make_unique<ServiceThread>(clock_, service);
  }
  void stop(Service& service) override {
    std::unique_ptr<ServiceThread> thread;
    {
      MutexLock lock(mutex_);
      if (auto found = threads_.find(&service); found != threads_.end()) {
        thread = std::move(found->second);
        threads_.erase(found);
      }
    }
    if (thread) thread->stop();
  }

 private:
  Clock& clock_;
  Mutex mutex_;
  std::map<Service*, std::unique_ptr<ServiceThread>> threads_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Runtime> make_thread_runtime(Clock& clock) {
  return std::make_unique<ThreadRuntime>(clock);
}

}  // namespace msgq
