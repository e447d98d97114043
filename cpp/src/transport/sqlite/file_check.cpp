#include "transport/sqlite/file_check.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport::sqlite {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why,
                         const std::string& next = "give another path") {
  throw Error(ErrorCode::kStoreRejected,
              "cannot use " + path + " as a store: " + why + "; " + next);
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

// File systems on which locks or shared memory do not reach every host. CIFS and SMB2 have no name
// in linux/magic.h on every system.
const char* network_name(std::uint64_t type) {
  switch (type & 0xffffffff) {  // where it is signed, its sign was extended
    case NFS_SUPER_MAGIC:
      return "NFS";
    case SMB_SUPER_MAGIC:
    case 0xff534d42:
    case 0xfe534d42:
      return "SMB";
    case AFS_SUPER_MAGIC:
    case AFS_FS_MAGIC:
    case CODA_SUPER_MAGIC:
      return "AFS";
    case 0x01021997:
      return "9P";
    case 0x00c36400:
      return "Ceph";
    case 0x0bd00bd0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x19830326:
      return "BeeGFS";
    case 0x01161970:
    case 0x7461636f:
      return "a cluster file system";
    default:
      return nullptr;
  }
}

void check_file_system(const std::string& path, std::uint64_t type) {
  const char* name = network_name(type);
  if (name != nullptr)
    refuse(path,
           std::string("it is on a network file system (") + name +
               "), where locks are not dependable",
           "put it on a local disk");
}

void check_path(const std::string& path) {
  if (path.empty()) refuse("''", "the path is empty");
  const std::string folder = folder_of(path);
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0)
    refuse(path, "its directory " + folder + ": " + std::strerror(errno), "make it first");
  if (!S_ISDIR(info.st_mode)) refuse(path, folder + " is no directory");
  struct statfs system {};
  if (statfs(folder.c_str(), &system) == 0)
    check_file_system(path, static_cast<std::uint64_t>(system.f_type));
  if (stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) refuse(path, "it is no plain file");
    if (access(path.c_str(), R_OK | W_OK) != 0)
      refuse(path, std::string("it must be readable and writable: ") + std::strerror(errno),
             "change its mode");
  } else if (errno != ENOENT) {
    refuse(path, std::strerror(errno));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    refuse(path, "its directory must be writable: " + std::string(std::strerror(errno)),
           "change its mode");
}

void create_private(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return;
  // Made under another name and linked: the file is never open under its own name by us, as closing
  // any descriptor of it would drop SQLite's locks in this process.
  std::string name = path + ".XXXXXX";
  const int descriptor = mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) {
    if (errno == ENOSPC || errno == EDQUOT)
      throw Error(ErrorCode::kStoreFull, "no room to make " + path + "; free some first");
    refuse(path, std::strerror(errno));
  }
  close(descriptor);
  int error = link(name.c_str(), path.c_str()) == 0 ? 0 : errno;
  unlink(name.c_str());
  if (error == EPERM || error == EOPNOTSUPP) {  // a file system without links
    const int plain = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    error = plain >= 0 ? 0 : errno;
    if (plain >= 0) close(plain);
  }
  if (error != 0 && error != EEXIST) refuse(path, std::strerror(error));
}

FileIdentity::FileIdentity(std::string path) : path_(std::move(path)) {
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) refuse(path_, std::strerror(errno));
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

void FileIdentity::check() const {
  struct stat info {};
  const char* what = nullptr;
  if (stat(path_.c_str(), &info) != 0)
    what = "was deleted or moved";
  else if (info.st_ino != inode_ || info.st_dev != device_)
    what = "was replaced by another file";
  else if (info.st_size == 0)
    what = "was emptied";
  if (what != nullptr)
    throw Error(ErrorCode::kStoreRejected,
                "the store file " + path_ + " " + what +
                    " while it was open; nothing was written: put it back "
                    "or start anew, then open it again");
}

}  // namespace msgq::transport::sqlite
