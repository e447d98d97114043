#include "transport/postgres/failure.h"

#include <algorithm>
#include <array>

namespace msgq::transport::postgres {
namespace {

struct Meaning {
  std::string_view state;  // a whole SQLSTATE, or its class
  ErrorCode code;
  std::string_view advice;
};

// Prepared statements come and go with sessions.
constexpr std::string_view kSaysPooled =
    "a pooler in transaction mode is in between: say pgbouncer=on, or auto";

// The first that fits wins: whole states before their classes.
constexpr std::array kMeanings{
    Meaning{kOwnerClosed, ErrorCode::kStoreUnavailable, "it comes back with a new one"},
    Meaning{kLaneClosed, ErrorCode::kStoreUnavailable, "it is looked up again"},
    Meaning{kRemembered, ErrorCode::kStoreUnavailable, "the rest is sent again"},
    Meaning{kQueueFull, ErrorCode::kQueueFull, "it is looked at again"},
    Meaning{kClaimLost, ErrorCode::kLeaseLost, "nothing that depends on it was done"},
    Meaning{kNotKept, ErrorCode::kNotFound, "begin elsewhere"},
    Meaning{kWrongIsolation, ErrorCode::kStoreRejected, "msgq sets it itself; a pooler changed it"},
    Meaning{"53100", ErrorCode::kStoreFull, "make room on the server's disk"},
    Meaning{"53300", ErrorCode::kStoreUnavailable,
            "raise the server's max_connections, or use fewer processes"},
    Meaning{"57P04", ErrorCode::kStoreRejected, "the database was dropped"},
    Meaning{kTakesNoWrites, ErrorCode::kStoreUnavailable,
            "the server takes no writes, as standbys do: name the primary, or several hosts with "
            "target_session_attrs=read-write"},
    Meaning{"28P01", ErrorCode::kConfigInvalid, "check user and password of the URL"},
    Meaning{"28000", ErrorCode::kConfigInvalid,
            "check the user of the URL and the server's pg_hba.conf"},
    Meaning{"3D000", ErrorCode::kConfigInvalid, "create the database, or name another in the URL"},
    Meaning{"26000", ErrorCode::kStoreRejected, kSaysPooled},
    Meaning{"42P05", ErrorCode::kStoreRejected, kSaysPooled},
    Meaning{"42501", ErrorCode::kStoreRejected,
            "ask the owner of the database for the right, see docs/postgresql.md"},
    Meaning{"3F000", ErrorCode::kSchemaMismatch, "make the schema: msgq db upgrade"},
    Meaning{"42P01", ErrorCode::kSchemaMismatch, "make the tables: msgq db upgrade"},
    Meaning{"42883", ErrorCode::kSchemaMismatch, "make the functions: msgq db upgrade"},
    Meaning{"08", ErrorCode::kStoreUnavailable, "the connection was lost"},
    Meaning{"40", ErrorCode::kStoreUnavailable, "another transaction was in the way"},
    Meaning{"53", ErrorCode::kStoreUnavailable, "the server lacks something"},
    Meaning{"55", ErrorCode::kStoreUnavailable, "something was in use"},
    Meaning{"57", ErrorCode::kStoreUnavailable, "the server or an operator stopped it"},
    Meaning{"58", ErrorCode::kStoreUnavailable, "the server's system failed"},
    Meaning{"XX", ErrorCode::kStoreRejected, "the server reports damage or a bug of its own"},
};

// What libpq says of a URL that it cannot read quotes the URL, with the password in it.
constexpr std::array<std::string_view, 3> kUnreadableUrl{"URI", "connection info string",
                                                         "percent-encoded"};
// What another URL alone will mend.
constexpr std::array<std::string_view, 7> kWrongUrl{
    "password", "authentication", "does not exist",      "pg_hba.conf",
    "invalid ", "certificate",    "does not support SSL"};
// What looks like it and passes.
constexpr std::array<std::string_view, 3> kPasses{
    "authentication due to timeout", "expected authentication request", "invalid response"};

// Without everything between the first and the last quote.
std::string without_quoted(std::string_view message) {
  const std::size_t from = message.find('"'), to = message.rfind('"');
  if (from == message.npos) return std::string(message);
  return std::string(message.substr(0, from)) + "\"...\"" + std::string(message.substr(to + 1));
}

const Meaning* meaning_of(std::string_view state) {
  for (const Meaning& each : kMeanings)
    if (state.substr(0, each.state.size()) == each.state) return &each;
  return nullptr;
}

// "... FATAL:  28P01: no password\nLOCATION: ..." is the state; of several hosts that of the last.
std::string_view state_of(std::string_view message) {
  constexpr std::string_view kMark = "FATAL:  ";
  constexpr std::size_t kStateSize = 5;
  const std::size_t at = message.rfind(kMark);
  if (at == message.npos) return {};
  const std::string_view rest = message.substr(at + kMark.size());
  return rest.size() > kStateSize && rest[kStateSize] == ':' ? rest.substr(0, kStateSize)
                                                             : std::string_view();
}

// Of a server's own words only those for people; on one line.
std::string plain(std::string_view message) {
  constexpr std::string_view kError = "ERROR:  ";
  std::string out;
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    if (line.substr(0, kError.size()) == kError) line.remove_prefix(kError.size());
    if (!line.empty() && line.substr(0, 9) != "LOCATION:")
      out += (out.empty() ? "" : "; ") + std::string(line);
  }
  return out;
}

}  // namespace

Refusal refusal(std::string_view state, std::string_view message, std::string_view detail) {
  const Meaning* meaning = meaning_of(state);
  std::string text = "PostgreSQL: " + plain(message);
  if (!detail.empty()) text += " (" + std::string(detail) + ")";
  text += " [SQLSTATE " + std::string(state) + "]";
  if (meaning != nullptr) text += "; " + std::string(meaning->advice);
  return {meaning != nullptr ? meaning->code : ErrorCode::kStoreRejected, text, std::string(state),
          std::string(detail)};
}

bool is_outcome_unknown(std::string_view state) { return state == "08007" || state == "40003"; }

Error no_connection(std::string_view message) {
  const std::string_view state = state_of(message);
  if (const Meaning* meaning = state.empty() ? nullptr : meaning_of(state))
    return {meaning->code, "PostgreSQL: " + plain(message) + "; " + std::string(meaning->advice)};
  const auto has = [&](std::string_view part) { return message.find(part) != message.npos; };
  const auto has_any = [&](const auto& parts) {
    return std::any_of(parts.begin(), parts.end(), has);
  };
  if (has_any(kUnreadableUrl))
    return {ErrorCode::kConfigInvalid, "PostgreSQL: " + without_quoted(plain(message))};
  if (has("certificate") || has("does not support SSL"))
    return {ErrorCode::kConfigInvalid,
            "PostgreSQL: " + plain(message) +
                "; sslrootcert=FILE names who vouches for the server, a weaker sslmode is to be "
                "said in the URL"};
  const bool is_wrong = has_any(kWrongUrl) && !has_any(kPasses);
  return {is_wrong ? ErrorCode::kConfigInvalid : ErrorCode::kStoreUnavailable,
          "PostgreSQL: " + plain(message)};
}

}  // namespace msgq::transport::postgres
