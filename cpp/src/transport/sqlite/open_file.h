// Remembers which files this process has open, so that a forked child refuses the same file. SQLite
// keeps one note per process of who holds which lock of a file; a child inherits that note but none
// of the locks, and a connection it opened would trust it: it would read and write unprotected, or
// wait for ever for a lock that only the parent can let go.
//
// Threads: any. Nothing here takes a lock, as a lock held during a fork stays held in the child.
#pragma once

#include <cstddef>
#include <string>

namespace msgq::transport::sqlite {

// Throws kClosed when `path` names a file that was open here when this process was forked.
void refuse_inherited(const std::string& path);

class OpenFile {
 public:
  // Notes that the file is open. REQUIRES: it is there. Throws kStoreRejected when 256 are.
  explicit OpenFile(const std::string& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

 private:
  std::size_t place_;  // fixed after construction
};

}  // namespace msgq::transport::sqlite
