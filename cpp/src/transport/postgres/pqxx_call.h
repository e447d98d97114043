// Runs a transaction over libpqxx, for everything that is not the hot path; its errors become ours
// by the table in failure.h.
//
// Threads: any; a connection each.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "transport/postgres/failure.h"

namespace msgq::transport::postgres {

// libpqxx 6 forgets the state where it has a class for it.
inline std::string state_of(const pqxx::sql_error& error) {
  if (!error.sqlstate().empty()) return error.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return "42501";
  if (dynamic_cast<const pqxx::undefined_table*>(&error) != nullptr) return "42P01";
  if (dynamic_cast<const pqxx::undefined_function*>(&error) != nullptr) return "42883";
  if (dynamic_cast<const pqxx::disk_full*>(&error) != nullptr) return "53100";
  if (dynamic_cast<const pqxx::too_many_connections*>(&error) != nullptr) return "53300";
  if (dynamic_cast<const pqxx::out_of_memory*>(&error) != nullptr) return "53200";
  return "?????";
}

// Calls `run` as pqxx_call does, and turns what libpqxx throws into an Error.
template <typename Run>
auto guarded(Run run) {
  try {
    return run();
  } catch (const pqxx::sql_error& error) {
    throw refusal(state_of(error), error.what(), {});
  } catch (const pqxx::broken_connection& error) {
    throw no_connection(error.what());
  }
}

// A server that takes a connection and says nothing is given up.
inline std::string with_connect_timeout(const std::string& dsn) {
  if (dsn.find("connect_timeout") != dsn.npos) return dsn;
  if (dsn.find("://") == dsn.npos) return dsn + " connect_timeout=5";
  return dsn + (dsn.find('?') == dsn.npos ? "?" : "&") + "connect_timeout=5";
}

template <typename Run>
auto pqxx_call(const std::string& dsn, Run run) {
  return guarded([&] {
    pqxx::connection connection(with_connect_timeout(dsn));
    pqxx::work work(connection);
    return run(work);
  });
}

}  // namespace msgq::transport::postgres
