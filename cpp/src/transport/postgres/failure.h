// The one table that says what an SQLSTATE means for msgq: wait and try again, fix something, or
// give up; and texts that never carry a password.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "msgq/error.h"

namespace msgq::transport::postgres {

// Our own states, raised by the functions in cpp/sql/postgres.
inline constexpr std::string_view kOwnerClosed = "MQ001";
inline constexpr std::string_view kWrongIsolation = "MQ002";
inline constexpr std::string_view kLaneClosed = "MQ003";
inline constexpr std::string_view kRemembered = "MQ004";
inline constexpr std::string_view kQueueFull = "MQ005";
inline constexpr std::string_view kClaimLost = "MQ006";
inline constexpr std::string_view kNotKept = "MQ007";
// The server's: a standby, or a server that an operator has set to read only.
inline constexpr std::string_view kTakesNoWrites = "25006";
// And a lock that somebody holds.
inline constexpr std::string_view kLockTaken = "55P03";
// Two that waited for one another: one was ended.
inline constexpr std::string_view kDeadlock = "40P01";

// An error that the server answered: the statement's transaction certainly did nothing.
class Refusal : public Error {
 public:
  Refusal(ErrorCode code, const std::string& what, std::string state, std::string detail = {})
      : Error(code, what), state_(std::move(state)), detail_(std::move(detail)) {}
  const std::string& state() const noexcept { return state_; }
  const std::string& detail() const noexcept { return detail_; }

 private:
  std::string state_, detail_;
};

// Whether a state leaves open what became of the transaction (08007, 40003).
bool is_outcome_unknown(std::string_view state);
Refusal refusal(std::string_view state, std::string_view message, std::string_view detail);
// What libpq says of a connection that could not be made; what it quotes of the URL is left out.
Error no_connection(std::string_view message);

}  // namespace msgq::transport::postgres
