#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace msgq {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t value = 0;
    MSGQ_CHECK(getrandom(&value, sizeof value, 0) == sizeof value, "getrandom failed");
    return value;
  }
};

}  // namespace

Random& system_random() {
  // never destroyed: threads still draw from it while the process exits
  static Random& random = *new SystemRandom;
  return random;
}

}  // namespace msgq
