// Keeps the file and its log small: moves the log into the file when it is long, gives free pages
// back when there are many, in steps short enough that nobody notices.
//
// Threads: that of the store.
#pragma once

#include "base/clock.h"
#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// Pages in the log before a commit moves it: SQLite's own default, 8 MB of our pages.
inline constexpr int kLogPagesMax = 3'500;

// Moves all of the log into the file and empties it. False when a reader is in the way.
bool checkpoint_all(Store& store);
// Shrinks the file and empties the log for at most about `budget`. True: there is more to do.
bool keep_house(Store& store, Gate& gate, Nanos budget);

}  // namespace msgq::transport::sqlite
