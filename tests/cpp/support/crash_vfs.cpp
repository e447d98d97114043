#include "support/crash_vfs.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace msgq::test {

// An open file, as SQLite holds it.
struct CrashFile {
  sqlite3_file base;
  CrashDisk* disk;
  CrashDisk::NodePtr* node;
  std::string* path;
  int lock;
  std::uint32_t shm_shared, shm_exclusive;
  int chunk;
  bool has_shm, goes_with_close;

  static CrashFile& of(sqlite3_file* file) { return *reinterpret_cast<CrashFile*>(file); }
  CrashDisk::Node& inside() const { return **node; }
  std::lock_guard<std::mutex> guard() const { return std::lock_guard(disk->mutex_); }

  static const sqlite3_io_methods kMethods;
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int);
  static int file_size(sqlite3_file* file, sqlite3_int64* size);
  static int take_lock(sqlite3_file* file, int level);
  static int give_lock(sqlite3_file* file, int level);
  static int check_reserved(sqlite3_file* file, int* out);
  static int control(sqlite3_file* file, int code, void* argument);
  static int sector_size(sqlite3_file*) { return 512; }
  static int traits(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out);
  static int shm_lock(sqlite3_file* file, int offset, int n, int flags);
  static void shm_barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }
  static int shm_unmap(sqlite3_file* file, int is_deleted);
};

const sqlite3_io_methods CrashFile::kMethods = {
    2,         close,       read,           write,   truncate,    sync,   file_size,
    take_lock, give_lock,   check_reserved, control, sector_size, traits, shm_map,
    shm_lock,  shm_barrier, shm_unmap,      nullptr, nullptr,
};

// --- the disk
// --------------------------------------------------------------------------------------

CrashDisk::CrashDisk() {
  static std::atomic<int> count{0};
  name_ = "msgq-crash-" + std::to_string(++count);
  sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
  vfs_ = *real;  // randomness, sleep, time and path names are the system's
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(CrashFile);
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  };
  sqlite3_vfs_register(&vfs_, 0);
}

CrashDisk::~CrashDisk() { sqlite3_vfs_unregister(&vfs_); }

void CrashDisk::cut_at(std::uint64_t operation) {
  std::lock_guard lock(mutex_);
  cut_at_ = operations_ + operation;
}

bool CrashDisk::count_operation() {
  ++operations_;
  if (cut_at_ != 0 && operations_ >= cut_at_) is_cut_ = true;
  return !is_cut_;
}

void CrashDisk::apply(std::string& content, const Write& write) {
  const auto offset = static_cast<std::size_t>(write.offset);
  if (write.is_truncation) return content.resize(offset, '\0');
  if (content.size() < offset + write.bytes.size())
    content.resize(offset + write.bytes.size(), '\0');
  content.replace(offset, write.bytes.size(), write.bytes);
}

int CrashDisk::write(Node& node, Write write) {
  if (!count_operation()) return SQLITE_IOERR_WRITE;
  const std::uint64_t end = static_cast<std::uint64_t>(write.offset) + write.bytes.size();
  std::uint64_t total = 0;
  for (const auto& [path, each] : nodes_) total += each->now.size();
  if (end > node.now.size() && total - node.now.size() + end > room_) return SQLITE_FULL;
  apply(node.now, write);
  node.unsynced.push_back(std::move(write));
  return SQLITE_OK;
}

int CrashDisk::sync(Node& node, const std::string& path) {
  if (!count_operation()) return SQLITE_IOERR_FSYNC;
  const bool is_named = !failing_ending_.empty() && path.ends_with(failing_ending_);
  if (failing_syncs_ > 0 || is_named) {
    if (!is_named) --failing_syncs_;
    node.unsynced.clear();  // the kernel forgets that these pages are dirty
    return SQLITE_IOERR_FSYNC;
  }
  // What an earlier failed sync lost is not in `unsynced`, so it is not in `synced` either.
  for (const Write& each : node.unsynced) apply(node.synced, each);
  node.unsynced.clear();
  return SQLITE_OK;
}

std::string CrashDisk::survivor(const Node& node, FakeRandom& random) const {
  enum { kNone, kAll, kSubset, kPrefix, kTorn, kModeCount };
  const auto mode = random.below(kModeCount);
  std::string content = node.synced;
  const std::size_t prefix = random.below(node.unsynced.size() + 1);
  for (std::size_t i = 0; i < node.unsynced.size(); ++i) {
    Write write = node.unsynced[i];
    const bool is_kept = mode == kAll || (mode == kPrefix && i < prefix) ||
                         ((mode == kSubset || mode == kTorn) && random.below(2) == 0);
    if (!is_kept) continue;
    if (mode == kTorn && !write.is_truncation)
      write.bytes.resize(
          std::min(write.bytes.size(), 512 * random.below(write.bytes.size() / 512 + 1)));
    if (!write.bytes.empty() || write.is_truncation) apply(content, write);
  }
  return content;
}

void CrashDisk::power_cycle(std::uint64_t seed) {
  std::lock_guard lock(mutex_);
  FakeRandom random(seed);
  std::map<std::string, NodePtr> after;
  for (const auto& [path, node] : nodes_) {
    auto fresh = std::make_shared<Node>();  // handles from before keep the old one
    fresh->now = fresh->synced = survivor(*node, random);
    after.emplace(path, std::move(fresh));
  }
  nodes_ = std::move(after);
  is_cut_ = false;
  cut_at_ = 0;
}

std::uint64_t CrashDisk::used() const {
  std::lock_guard lock(mutex_);
  std::uint64_t total = 0;
  for (const auto& [path, node] : nodes_) total += node->now.size();
  return total;
}

std::uint64_t CrashDisk::size_of(const std::string& path) const {
  std::lock_guard lock(mutex_);
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? 0 : found->second->now.size();
}

int CrashDisk::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
  auto& disk = *static_cast<CrashDisk*>(vfs->pAppData);
  std::lock_guard lock(disk.mutex_);
  auto& opened = CrashFile::of(file);
  std::memset(&opened, 0, sizeof opened);
  static std::atomic<int> nameless{0};
  const std::string path = name != nullptr ? name : "nameless-" + std::to_string(++nameless);
  auto found = disk.nodes_.find(path);
  if (found == disk.nodes_.end()) {
    if ((flags & SQLITE_OPEN_CREATE) == 0 || disk.is_cut_) return SQLITE_CANTOPEN;
    found = disk.nodes_.emplace(path, std::make_shared<Node>()).first;
  }
  opened.base.pMethods = &CrashFile::kMethods;
  opened.disk = &disk;
  opened.node = new NodePtr(found->second);
  opened.path = new std::string(path);
  opened.goes_with_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0 || name == nullptr;
  if (out != nullptr) *out = flags;
  return SQLITE_OK;
}

int CrashDisk::remove(sqlite3_vfs* vfs, const char* name, int) {
  auto& disk = *static_cast<CrashDisk*>(vfs->pAppData);
  std::lock_guard lock(disk.mutex_);
  if (!disk.count_operation()) return SQLITE_IOERR_DELETE;
  return disk.nodes_.erase(name) == 0 ? SQLITE_IOERR_DELETE_NOENT : SQLITE_OK;
}

int CrashDisk::access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  auto& disk = *static_cast<CrashDisk*>(vfs->pAppData);
  std::lock_guard lock(disk.mutex_);
  *out = disk.nodes_.contains(name) ? 1 : 0;
  return SQLITE_OK;
}

// --- one file
// --------------------------------------------------------------------------------------

int CrashFile::close(sqlite3_file* file) {
  CrashFile& self = of(file);
  give_lock(file, SQLITE_LOCK_NONE);
  const auto guard = self.guard();
  if (self.goes_with_close)
    std::erase_if(self.disk->nodes_, [&](const auto& entry) { return entry.second == *self.node; });
  delete self.node;
  delete self.path;
  self.node = nullptr;
  return SQLITE_OK;
}

int CrashFile::read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  if (self.disk->is_cut_) return SQLITE_IOERR_READ;
  const std::string& content = self.inside().now;
  const auto from = std::min(static_cast<std::size_t>(offset), content.size());
  const auto length = std::min(static_cast<std::size_t>(size), content.size() - from);
  std::memset(out, 0, static_cast<std::size_t>(size));
  std::memcpy(out, content.data() + from, length);
  return length == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int CrashFile::write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  std::string bytes(static_cast<const char*>(in), static_cast<std::size_t>(size));
  return self.disk->write(self.inside(), {offset, std::move(bytes), false});
}

int CrashFile::truncate(sqlite3_file* file, sqlite3_int64 size) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  if (self.chunk > 0) size = (size + self.chunk - 1) / self.chunk * self.chunk;
  if (static_cast<std::size_t>(size) >= self.inside().now.size()) return SQLITE_OK;
  return self.disk->write(self.inside(), {size, {}, true});
}

int CrashFile::sync(sqlite3_file* file, int) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  return self.disk->sync(self.inside(), *self.path);
}

int CrashFile::file_size(sqlite3_file* file, sqlite3_int64* size) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  *size = static_cast<sqlite3_int64>(self.inside().now.size());
  return SQLITE_OK;
}

int CrashFile::take_lock(sqlite3_file* file, int level) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  CrashDisk::Node& node = self.inside();
  if (level <= self.lock) return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED) {
    if (node.pending.has_exclusive || node.shared_lock.has_exclusive) return SQLITE_BUSY;
    ++node.shared_lock.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (node.reserved.has_exclusive) return SQLITE_BUSY;
    node.reserved.has_exclusive = true;
  } else {
    if (self.lock < SQLITE_LOCK_RESERVED && node.reserved.has_exclusive) return SQLITE_BUSY;
    if (self.lock < SQLITE_LOCK_PENDING && node.pending.has_exclusive) return SQLITE_BUSY;
    node.pending.has_exclusive = true;
    if (node.shared_lock.shared > 1) {
      self.lock = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    node.shared_lock.has_exclusive = true;
  }
  self.lock = level;
  return SQLITE_OK;
}

int CrashFile::give_lock(sqlite3_file* file, int level) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  CrashDisk::Node& node = self.inside();
  if (self.lock <= level) return SQLITE_OK;
  if (self.lock >= SQLITE_LOCK_PENDING) node.pending.has_exclusive = false;
  if (self.lock == SQLITE_LOCK_EXCLUSIVE) node.shared_lock.has_exclusive = false;
  if (self.lock >= SQLITE_LOCK_RESERVED) node.reserved.has_exclusive = false;
  if (level == SQLITE_LOCK_NONE) --node.shared_lock.shared;
  self.lock = level;
  return SQLITE_OK;
}

int CrashFile::check_reserved(sqlite3_file* file, int* out) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  *out = self.inside().reserved.has_exclusive ? 1 : 0;
  return SQLITE_OK;
}

int CrashFile::control(sqlite3_file* file, int code, void* argument) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  if (code == SQLITE_FCNTL_CHUNK_SIZE) {
    self.chunk = *static_cast<int*>(argument);
    return SQLITE_OK;
  }
  if (code != SQLITE_FCNTL_SIZE_HINT) return SQLITE_NOTFOUND;
  auto size = *static_cast<sqlite3_int64*>(argument);
  if (self.chunk <= 0) return SQLITE_OK;
  size = (size + self.chunk - 1) / self.chunk * self.chunk;
  const auto now = static_cast<sqlite3_int64>(self.inside().now.size());
  if (size <= now) return SQLITE_OK;
  const int result = self.disk->write(
      self.inside(), {now, std::string(static_cast<std::size_t>(size - now), '\0'), false});
  return result == SQLITE_FULL ? SQLITE_IOERR_WRITE : result;  // as the system's VFS says it
}

int CrashFile::shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  CrashDisk::Node& node = self.inside();
  if (!self.has_shm) ++node.shm_users;
  self.has_shm = true;
  const auto index = static_cast<std::size_t>(page);
  *out = nullptr;
  if (index >= node.shm.size() && !extend) return SQLITE_OK;
  while (node.shm.size() <= index)
    node.shm.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
  *out = node.shm[index].get();
  return SQLITE_OK;
}

int CrashFile::shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  CrashDisk::Node& node = self.inside();
  const bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
  for (int i = offset; i < offset + n; ++i) {
    CrashDisk::Lock& lock = node.shm_locks[i];
    const std::uint32_t bit = 1u << i;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      if ((self.shm_exclusive & bit) != 0) lock.has_exclusive = false;
      if ((self.shm_shared & bit) != 0) --lock.shared;
      self.shm_exclusive &= ~bit;
      self.shm_shared &= ~bit;
    } else if (lock.has_exclusive || (!is_shared && lock.shared > 0)) {
      if ((self.shm_exclusive & bit) == 0) return SQLITE_BUSY;
    }
  }
  if ((flags & SQLITE_SHM_LOCK) == 0) return SQLITE_OK;
  for (int i = offset; i < offset + n; ++i) {
    CrashDisk::Lock& lock = node.shm_locks[i];
    const std::uint32_t bit = 1u << i;
    if (is_shared && (self.shm_shared & bit) == 0) ++lock.shared;
    if (!is_shared) lock.has_exclusive = true;
    (is_shared ? self.shm_shared : self.shm_exclusive) |= bit;
  }
  return SQLITE_OK;
}

int CrashFile::shm_unmap(sqlite3_file* file, int) {
  CrashFile& self = of(file);
  const auto guard = self.guard();
  CrashDisk::Node& node = self.inside();
  if (!self.has_shm) return SQLITE_OK;
  self.has_shm = false;
  for (int i = 0; i < SQLITE_SHM_NLOCK; ++i) {
    const std::uint32_t bit = 1u << i;
    if ((self.shm_exclusive & bit) != 0) node.shm_locks[i].has_exclusive = false;
    if ((self.shm_shared & bit) != 0) --node.shm_locks[i].shared;
  }
  self.shm_exclusive = self.shm_shared = 0;
  if (--node.shm_users == 0) node.shm.clear();
  return SQLITE_OK;
}

}  // namespace msgq::test
