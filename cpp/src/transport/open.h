// Chooses the transport by scheme.
//
// Threads: any.
#pragma once

#include <memory>

#include "base/log.h"
#include "base/runtime.h"
#include "msgq/config.h"
#include "transport/transport.h"

namespace msgq::transport {

// Throws kUnsupported for a scheme that this build does not have, and what the transport throws.
std::unique_ptr<Transport> open_transport(const Config& config, World world, Log& log);

}  // namespace msgq::transport
