#include "transport/postgres/grants.h"

#include "msgq/error.h"
#include "transport/postgres/pqxx_call.h"
#include "transport/postgres/schema.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

// All that a producer's process calls that needs a table.
constexpr const char* kSenders =
    "{append,append_one,park,remember,find_remembered,find_others,forget_dedup,make_room,length_of,"
    "open_queue,enqueue,join_process,note_lock,note_listens,has_listeners,"
    "shard_of,store_name,beat,leave_process,"
    "open_owner,close_owner,leave_owner,give_back,find_request,sweep_flushed,read_directory,"
    "read_lanes,directory_version,clock_ms}";

// As an element of an array in PostgreSQL's text form.
std::string element(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string array_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (name.empty() || name.find('\0') != name.npos)
      throw Error(ErrorCode::kConfigInvalid, "a role needs a name without NUL");
    out += (out.empty() ? "" : ",") + element(name);
  }
  return "{" + out + "}";
}

std::vector<std::string> texts(const pqxx::result& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows) out.push_back(row[0].as<std::string>());
  return out;
}

}  // namespace

std::vector<std::string> grant_roles(const ConnectionSpec& spec, const Grantees& roles, bool runs) {
  if (roles.producers.empty() && roles.workers.empty() && roles.viewers.empty())
    throw Error(ErrorCode::kConfigInvalid, "name a role: --producer, --worker or --viewer");
  return pqxx_call(dsn_of(spec), [&](pqxx::work& work) {
    auto out =
        texts(work.exec_params(sql::postgres::kListGrants, spec.schema, array_of(roles.producers),
                               array_of(roles.workers), array_of(roles.viewers), kSenders));
    if (!runs) return out;
    for (const std::string& statement : out) work.exec(statement);
    work.commit();
    return out;
  });
}

std::vector<std::string> list_senders(pqxx::work& work, const std::string& schema) {
  return texts(work.exec_params(sql::postgres::kListSenders, schema, kSenders));
}

void grant_again(pqxx::work& work, const std::string& schema,
                 const std::vector<std::string>& senders) {
  if (senders.empty()) return;
  for (const std::string& statement : texts(work.exec_params(
           sql::postgres::kListGrants, schema, array_of(senders), "{}", "{}", kSenders)))
    work.exec(statement);
}

}  // namespace msgq::transport::postgres
