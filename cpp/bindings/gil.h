// The GIL guard, and the sliced wait: waits without the GIL for at most 100 ms, retakes it, looks
// for signals, goes on until its deadline or until `is_over` says that waiting on is in vain. The
// core never calls Python; Python comes down and waits.
//
// Threads: callers hold the GIL.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace msgq::bindings {

namespace py = pybind11;
using Nanos = std::chrono::nanoseconds;

inline constexpr Nanos kSlice = std::chrono::milliseconds(100);

// Gives the GIL up for a scope. At interpreter exit CPython (before 3.14) ends a daemon thread that
// wants the GIL back by pthread_exit, whose unwinding a destructor cannot let through: such a
// thread stops here for good, as it does from 3.14 on. (pybind11's own guard terminates the
// process.)
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      while (true) pause();
    }
  }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* const state_;
};

// A hundred years.
inline constexpr Nanos kForever = std::chrono::hours(24) * 36'500;

// Seconds from Python; huge is "for ever".
inline Nanos to_nanos(double seconds) {
  const double most = std::chrono::duration<double>(kForever).count();
  return Nanos(static_cast<std::int64_t>(std::clamp(seconds, 0.0, most) * 1e9));
}

// Calls `wait(slice)` without the GIL until it returns something true or `timeout` is over; raises
// what a signal handler raised in between. Returns what the last call returned.
template <typename Wait, typename IsOver>
auto sliced_wait(Nanos timeout, Wait wait, IsOver is_over) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const Nanos left = until - std::chrono::steady_clock::now();
    const Nanos slice = std::clamp(left, Nanos::zero(), kSlice);
    auto result = [&] {
      const GilReleased released;
      return wait(slice);
    }();
    if (result || left <= kSlice || is_over()) return result;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
}

template <typename Wait>
auto sliced_wait(Nanos timeout, Wait wait) {
  return sliced_wait(timeout, wait, [] { return false; });
}

}  // namespace msgq::bindings
