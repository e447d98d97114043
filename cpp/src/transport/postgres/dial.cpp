#include "transport/postgres/dial.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "msgq/error.h"
#include "transport/postgres/failure.h"

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kSlice = std::chrono::milliseconds(200);  // between two looks at the curfew

using Options = std::vector<std::pair<const char*, std::string>>;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    const std::size_t comma = text.find(',', from);
    out.push_back(text.substr(from, comma - from));
    if (comma == text.npos) return out;
    from = comma + 1;
  }
}

// What the URL says; empty where it says nothing.
struct Said {
  std::string hosts, addresses, ports, session, application;
};

Said read(const std::string& dsn) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(dsn.c_str(), &complaint), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> freed(complaint, &PQfreemem);
  if (!options) throw no_connection(complaint != nullptr ? complaint : "out of memory");
  Said said;
  const std::array<std::pair<std::string_view, std::string*>, 5> wanted{
      {{"host", &said.hosts},
       {"hostaddr", &said.addresses},
       {"port", &said.ports},
       {"target_session_attrs", &said.session},
       {"application_name", &said.application}}};
  for (const PQconninfoOption* each = options.get(); each->keyword != nullptr; ++each)
    for (const auto& [name, value] : wanted)
      if (name == each->keyword && each->val != nullptr) *value = each->val;
  return said;
}

// What to add to the URL for each of its hosts. One host, or lists that do not fit together, are
// left to libpq.
std::vector<Options> hosts_of(const Said& said) {
  const auto hosts = split(said.hosts), addresses = split(said.addresses),
             ports = split(said.ports);
  const std::size_t count = std::max(hosts.size(), addresses.size());
  const auto fits = [&](const auto& list) { return list.size() == 1 || list.size() == count; };
  const bool has_each = (said.hosts.empty() || hosts.size() == count) &&
                        (said.addresses.empty() || addresses.size() == count) && fits(ports);
  if (count == 1 || !has_each) return {Options()};
  std::vector<Options> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!said.hosts.empty()) out[i].emplace_back("host", hosts[i]);
    if (!said.addresses.empty()) out[i].emplace_back("hostaddr", addresses[i]);
    if (!said.ports.empty()) out[i].emplace_back("port", ports[ports.size() == 1 ? 0 : i]);
  }
  return out;
}

// Why not, in libpq's words, when there is no connection.
struct Tried {
  Handle handle;
  std::string why;
};

Tried try_one(const ConnectionSpec& spec, const Options& options) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : options) {
    names.push_back(name);
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Handle handle(PQconnectStartParams(names.data(), values.data(), 1));
  if (!handle) throw Error(ErrorCode::kStoreUnavailable, "PostgreSQL: out of memory");
  PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);  // with the SQLSTATE
  const Nanos until = steady_now() + spec.connect_timeout;
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = PQconnectPoll(handle.get())) {
    if (state == PGRES_POLLING_FAILED || PQstatus(handle.get()) == CONNECTION_BAD)
      return {nullptr, PQerrorMessage(handle.get())};
    if (!wait_for(handle.get(), state == PGRES_POLLING_WRITING, until, spec.shared->curfew))
      return {nullptr, "no connection within " + std::to_string(spec.connect_timeout.count()) +
                           " ms to " + PQhost(handle.get()) + ":" + PQport(handle.get()) + "\n"};
  }
  PQsetErrorVerbosity(handle.get(), PQERRORS_DEFAULT);
  return {std::move(handle), {}};
}

// What the URL says wins over what stands before it here, not over the rest.
Options options_of(const ConnectionSpec& spec, const Said& said, const Options& host) {
  Options out{{"keepalives_idle", "10"},
              {"keepalives_interval", "5"},
              {"keepalives_count", "2"},
              {"tcp_user_timeout", "20000"}};
  if (!host.empty()) out.emplace_back("target_session_attrs", "read-write");
  out.emplace_back("dbname", spec.dsn);
  out.emplace_back("application_name", application_name(said.application, spec.role));
  out.emplace_back("client_encoding", "UTF8");
  out.insert(out.end(), host.begin(), host.end());
  return out;
}

std::string own_name() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::to_string(getpid()) + "@" + host.data();
}

}  // namespace

std::string application_name(const std::string& given, const std::string& role) {
  constexpr std::size_t kMax = 63;
  constexpr std::string_view kOurs = "msgq ";
  std::string out(kOurs);
  out += (given.empty() ? own_name() : given).substr(0, kMax - kOurs.size() - 1 - role.size());
  return out + " " + role;
}

bool wait_for(PGconn* connection, bool writes, Nanos until, const Curfew& curfew) {
  pollfd on{PQsocket(connection), static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0};
  for (;;) {
    const Nanos left = curfew.clip(until) - steady_now();
    if (left <= Nanos::zero()) return false;
    const auto slice = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kSlice));
    const int ready = poll(&on, 1, static_cast<int>(slice.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Handle dial(const ConnectionSpec& spec) {
  const Said said = read(spec.dsn);
  const std::vector<Options> hosts = hosts_of(said);
  std::atomic<std::size_t>& served = spec.shared->host;
  const std::size_t first = served.load(std::memory_order_relaxed);
  std::string why;
  // Standbys first, where the URL prefers them: libpq looks through all hosts for that, and sees
  // one at a time here.
  const bool prefers = hosts.size() > 1 && said.session == "prefer-standby";
  for (const char* session : {"standby", "any"}) {
    if (!prefers && session[0] == 'a') break;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      const std::size_t at = (first + i) % hosts.size();
      Options options = options_of(spec, said, hosts[at]);
      if (prefers) options.emplace_back("target_session_attrs", session);
      Tried tried = try_one(spec, options);
      if (tried.handle) {
        served.store(at, std::memory_order_relaxed);
        return std::move(tried.handle);
      }
      why += tried.why;
    }
  }
  throw no_connection(why);
}

}  // namespace msgq::transport::postgres
