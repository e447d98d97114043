// How long a test waits for what must come: long enough for any machine, and never waited for in
// full.
#pragma once

#include "base/clock.h"

namespace msgq {

inline constexpr Nanos kLong = std::chrono::seconds(60);

}  // namespace msgq
