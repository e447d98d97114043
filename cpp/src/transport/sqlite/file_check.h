// What must be so before SQLite touches a path, and what must stay so: a plain file on a local file
// system, in a directory that is there, and the same file as when it was opened.
//
// Threads: pure functions; FileIdentity is a plain value.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace msgq::transport::sqlite {

// Throws kStoreRejected when the path cannot hold a store: no directory, not a plain file, not
// readable and writable, on a network file system. Creates nothing.
void check_path(const std::string& path);
// The name of the network file system that statfs() gives this type; nullptr for a local one.
const char* network_name(std::uint64_t type);
// Throws kStoreRejected when the file system of this type is a network one.
void check_file_system(const std::string& path, std::uint64_t type);
// Makes an empty file of mode 0600 when there is none; safe against others doing the same.
void create_private(const std::string& path);

// Which file a path meant when the store was opened.
class FileIdentity {
 public:
  // Reads it. Throws kStoreRejected when there is no file.
  explicit FileIdentity(std::string path);
  // Throws kStoreRejected when the path now means no file, another or an emptied one.
  void check() const;

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace msgq::transport::sqlite
