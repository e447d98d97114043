#include "transport/sqlite/open_file.h"

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "base/fork.h"
#include "msgq/error.h"

namespace msgq::transport::sqlite {
namespace {

struct Entry {
  std::atomic<bool> is_taken{false};
  std::atomic<std::uint32_t> generation{0};
  std::atomic<std::uint64_t> device{0};
  std::atomic<std::uint64_t> inode{0};
};

std::array<Entry, 256> open_files;

}  // namespace

void refuse_inherited(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  for (const auto& entry : open_files) {
    if (!entry.is_taken || entry.generation == fork_generation()) continue;
    if (entry.inode != info.st_ino || entry.device != info.st_dev) continue;
    throw Error(ErrorCode::kClosed,
                path +
                    " was open when this process was forked, and SQLite serves a file in the "
                    "parent or in the child, never in both: open it after forking, or start "
                    "processes by spawn or forkserver");
  }
}

OpenFile::OpenFile(const std::string& path) : place_(open_files.size()) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    throw Error(ErrorCode::kStoreRejected, path + " was removed while it was being opened");
  for (std::size_t i = 0; i < open_files.size(); ++i) {
    Entry& entry = open_files[i];
    if (entry.is_taken.exchange(true)) continue;
    entry.device = info.st_dev;
    entry.inode = info.st_ino;
    entry.generation = fork_generation();
    place_ = i;
    return;
  }
  throw Error(ErrorCode::kStoreRejected, "one process may have at most 256 stores open");
}

OpenFile::~OpenFile() {
  Entry& entry = open_files[place_];
  if (entry.generation != fork_generation()) return;  // inherited: the parent's file is still open
  entry.inode = 0;
  entry.is_taken = false;
}

}  // namespace msgq::transport::sqlite
