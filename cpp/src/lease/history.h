// The attempts of a message: one JSON object a line, the first ten and the last ten.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace msgq {

// `history` with `record` behind it. `record` is one JSON object without line breaks.
std::string append_attempt(std::string_view history, std::string_view record);

}  // namespace msgq
