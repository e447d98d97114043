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

// The first that fits wins: whole states before their classes.
constexpr std::array kMeanings{
    Meaning{kOwnerClosed, ErrorCode::kStoreUnavailable, "it comes back with a new one"},
    Meaning{kLaneClosed, ErrorCode::kStoreUnavailable, "it is looked up again"},
    Meaning{kWrongIsolation, ErrorCode::kStoreRejected, "msgq sets it itself; a pooler changed it"},
    Meaning{"53100", ErrorCode::kStoreFull, "make room on the server's disk"},
    Meaning{"53300", ErrorCode::kStoreUnavailable,
            "raise the server's max_connections, or use fewer connections or PgBouncer"},
    Meaning{"57P04", ErrorCode::kStoreRejected, "the database was dropped"},
    Meaning{"25006", ErrorCode::kStoreUnavailable,
            "the server is a read-only standby: name the primary, or several hosts with "
            "target_session_attrs=read-write"},
    Meaning{"28P01", ErrorCode::kConfigInvalid, "check user and password of the URL"},
    Meaning{"28000", ErrorCode::kConfigInvalid,
            "check the user of the URL and the server's pg_hba.conf"},
    Meaning{"3D000", ErrorCode::kConfigInvalid, "create the database, or name another in the URL"},
    Meaning{"42501", ErrorCode::kStoreRejected, "ask for the right: msgq db grant"},
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

}  // namespace

Refusal refusal(std::string_view state, std::string_view message, std::string_view detail) {
  const Meaning* meaning = meaning_of(state);
  std::string text = "PostgreSQL: " + std::string(message);
  if (!detail.empty()) text += " (" + std::string(detail) + ")";
  text += " [SQLSTATE " + std::string(state) + "]";
  if (meaning != nullptr) text += "; " + std::string(meaning->advice);
  return {meaning != nullptr ? meaning->code : ErrorCode::kStoreRejected, text, std::string(state)};
}

bool is_outcome_unknown(std::string_view state) { return state == "08007" || state == "40003"; }

Error no_connection(std::string_view message) {
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  const auto has = [&](std::string_view part) { return message.find(part) != message.npos; };
  const auto has_any = [&](const auto& parts) {
    return std::any_of(parts.begin(), parts.end(), has);
  };
  if (has_any(kUnreadableUrl))
    return {ErrorCode::kConfigInvalid, "PostgreSQL: " + without_quoted(message)};
  const bool is_wrong = has_any(kWrongUrl) && !has_any(kPasses);
  return {is_wrong ? ErrorCode::kConfigInvalid : ErrorCode::kStoreUnavailable,
          "PostgreSQL: " + std::string(message)};
}

}  // namespace msgq::transport::postgres
