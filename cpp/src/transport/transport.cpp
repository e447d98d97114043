#include "transport/transport.h"

#include "msgq/error.h"

namespace msgq::transport {

std::vector<AckFate> Look::bar(const std::vector<AckPlace>&) {
  throw Error(ErrorCode::kUnsupported,
              "no transaction of a user's own reaches this store; postgresql has them");
}

}  // namespace msgq::transport
