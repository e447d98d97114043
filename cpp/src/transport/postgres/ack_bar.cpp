#include "transport/postgres/ack_bar.h"

#include "msgq/error.h"

namespace msgq::transport::postgres {
namespace {

Params params_of(const std::vector<AckPlace>& places) {
  using Type = Array::Type;
  Array subscriptions(Type::kInt4), lanes(Type::kInt4), gens(Type::kInt8), owners(Type::kInt8);
  Array indexes(Type::kInt4);
  for (const AckPlace& place : places) {
    subscriptions.add(static_cast<std::int64_t>(place.claim.subscription));
    lanes.add(static_cast<std::int64_t>(place.claim.lane));
    gens.add(static_cast<std::int64_t>(place.claim.gen));
    owners.add(static_cast<std::int64_t>(place.claim.owner));
    indexes.add(place.ordinal);
  }
  Params out;
  out.array(std::move(subscriptions)).array(std::move(lanes)).array(std::move(gens));
  out.array(std::move(owners)).array(std::move(indexes));
  return out;
}

std::vector<AckFate> ask(Connection& connection, const Params& params) {
  const Rows rows = connection.call("bar", params);
  std::vector<AckFate> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(static_cast<AckFate>(rows.integer(row, 0)));
  return out;
}

}  // namespace

std::vector<AckFate> AckBar::run(const std::vector<AckPlace>& places) {
  const Params params = params_of(places);
  const auto ask_all = [&] {
    return pool_.with([&](Connection& connection) { return ask(connection, params); });
  };
  try {
    return ask_all();
  } catch (const Error& error) {
    if (!error.is_in_doubt()) throw;  // a lost connection: the same again, over another
  }
  try {
    return ask_all();
  } catch (const Error& error) {
    if (!error.is_in_doubt()) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

}  // namespace msgq::transport::postgres
