// The one exception type that leaves the core, and the closed list of what can be wrong.
// Each code answers what a caller does next: fix, wait, retry, or look.
//
// Threads: plain values; any thread.
#pragma once

#include <stdexcept>
#include <string>

namespace msgq {

enum class ErrorCode {
  kConfigInvalid,     // fix the configuration; the text lists every wrong knob
  kPayloadInvalid,    // cannot be stored as it is; nothing was enqueued
  kQueueFull,         // back-pressure; nothing was enqueued; try later
  kWaitTimeout,       // the wait ended, the work did not
  kClosed,            // engine closed, closing, or used after a fork
  kSchemaMismatch,    // the store belongs to another version or to another program
  kStoreUnavailable,  // certainly not written; may be tried again
  kStoreRejected,     // the store said no; trying again does not help
  kStoreFull,         // no room left on the device; certainly not written
  kStoreInDoubt,      // may or may not be written, and could not be found out in time
  kLeaseLost,         // somebody else may be running it; drop the result
  kNotFound,          // no such queue or message
  kDuplicate,         // a message of its dedup id is there; not enqueued again
  kDedupConflict,     // so is it, and of another body; not enqueued
  kRolledBack,        // it was part of something that did not come about; nothing was enqueued
  kUnsupported,       // this transport cannot do it; the text names the transport
  kInternal,          // a bug; the engine refuses further work
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& what, int store_code = 0)
      : std::runtime_error(what), code_(code), store_code_(store_code) {}

  ErrorCode code() const noexcept { return code_; }
  // The store's own number for it (SQLite's extended result code), 0 when there is none.
  int store_code() const noexcept { return store_code_; }
  bool is_retryable() const noexcept {
    return code_ == ErrorCode::kStoreUnavailable || code_ == ErrorCode::kQueueFull ||
           code_ == ErrorCode::kStoreFull || code_ == ErrorCode::kWaitTimeout;
  }
  bool is_in_doubt() const noexcept { return code_ == ErrorCode::kStoreInDoubt; }

 private:
  ErrorCode code_;
  int store_code_;
};

// What every call of a closed engine answers.
inline Error closed_here() {
  return {ErrorCode::kClosed, "the store is closed here; open another client"};
}

}  // namespace msgq
