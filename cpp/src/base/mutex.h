// A mutex that clang's thread-safety analysis understands. The order in which mutexes may be held
// together is one numbered list in docs/threading.md.
//
// Threads: any. Never held across a store call, a wait for another part, or with the GIL wanted.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MSGQ_ATTRIBUTE(x) __attribute__((x))
#else
#define MSGQ_ATTRIBUTE(x)
#endif
#define MSGQ_GUARDED_BY(x) MSGQ_ATTRIBUTE(guarded_by(x))
#define MSGQ_REQUIRES(x) MSGQ_ATTRIBUTE(requires_capability(x))

namespace msgq {

class MSGQ_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() MSGQ_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  // False, at once, when it is held.
  bool try_lock() MSGQ_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }
  void unlock() MSGQ_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class MSGQ_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MSGQ_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() MSGQ_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace msgq
