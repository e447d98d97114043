// The messages of one exchange that are to be there once: which of them the server is asked about,
// and which are left out when it has refused some.
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "transport/once.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/params.h"

namespace msgq::transport::postgres {

class OnceFilter {
 public:
  OnceFilter() = default;
  explicit OnceFilter(const Exchange& in);

  bool is_asking() const;
  Params params(const Directory& queues) const;
  // Takes the detail of the server's refusal: they are asked about no more.
  void note(std::string_view detail);
  // By number, so far.
  std::vector<Duplicate> duplicates() const;

 private:
  struct Wish {
    OnceWish wish;
    std::size_t first = 0;              // the wish of the same id that comes first; itself
    std::optional<Remembered> earlier;  // of a first one: what the server remembers
  };
  std::vector<std::size_t> asked() const;

  std::vector<Wish> wishes_;
};

}  // namespace msgq::transport::postgres
