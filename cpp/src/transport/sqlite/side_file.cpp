#include "transport/sqlite/side_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport::sqlite {
namespace {

constexpr off_t kBytes = 8192;

flock byte_lock(short type, off_t byte) {
  flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

[[noreturn]] void refuse(const std::string& path, int error) {
  const auto code =
      error == ENOSPC || error == EDQUOT ? ErrorCode::kStoreFull : ErrorCode::kStoreRejected;
  throw Error(code, "cannot use " + path + ": " + std::strerror(error) +
                        "; the store needs it beside itself, readable and writable");
}

}  // namespace

SideFile::SideFile(const std::string& store_path) {
  const std::string path = store_path + "-lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) refuse(path, errno);
  // Real blocks, not a hole: writing to shared memory must not meet a full device.
  if (const int error = posix_fallocate(descriptor, 0, kBytes); error != 0) {
    close(descriptor);
    refuse(path, error);
  }
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  const int map_error = errno;
  // The locks hang on a description of their own: a mapping holds its description, also the copy
  // that a forked child inherits, and with it every lock of it.
  close(descriptor);
  if (memory == MAP_FAILED) refuse(path, map_error);
  page_ = static_cast<SidePage*>(memory);
  descriptor_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const int open_error = errno;
  if (descriptor_ >= 0) in_child_.emplace(descriptor_);
  if (in_child_ && in_child_->is_watched()) return;
  munmap(page_, kBytes);
  if (descriptor_ < 0) refuse(path, open_error);
  close(descriptor_);
  throw Error(ErrorCode::kStoreRejected, "this process has too many stores open");
}

SideFile::~SideFile() {
  drop();
  munmap(page_, kBytes);
}

void SideFile::drop() {
  if (descriptor_ < 0) return;
  if (in_child_->forget()) close(descriptor_);
  descriptor_ = -1;
}

bool SideFile::try_lock(off_t byte) {
  flock lock = byte_lock(F_WRLCK, byte);
  return fcntl(descriptor_, F_OFD_SETLK, &lock) == 0;
}

void SideFile::unlock(off_t byte) {
  flock lock = byte_lock(F_UNLCK, byte);
  fcntl(descriptor_, F_OFD_SETLK, &lock);
}

bool SideFile::is_locked(off_t byte) {
  flock lock = byte_lock(F_WRLCK, byte);
  return fcntl(descriptor_, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace msgq::transport::sqlite
