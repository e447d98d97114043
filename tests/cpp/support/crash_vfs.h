// A disk in memory that SQLite writes to through a VFS of ours: it can fill up, fail to sync, and
// lose power between any two writes. It remembers for each file what was synced and, in order, what
// was written since; a power cut keeps of that nothing, all, some, or torn pieces, by seed.
//
// Threads: any; one mutex.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support/fake_random.h"

namespace msgq::test {

class CrashDisk {
 public:
  // Registers a VFS under a name of its own.
  CrashDisk();
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  const std::string& vfs() const { return name_; }

  // Power fails before the n-th write, truncation or sync from now: it and all that follow fail, as
  // to a process that is no more.
  void cut_at(std::uint64_t operation);
  bool is_cut() const { return is_cut_; }
  std::uint64_t operations() const { return operations_; }
  // After a cut, or instead of one: what the disk holds when power comes back.
  void power_cycle(std::uint64_t seed);

  // The next `count` syncs fail; what they should have made safe is lost unless written again.
  void fail_syncs(std::uint64_t count) { failing_syncs_ = count; }
  // The same for files whose path ends so, until called with 0.
  void fail_syncs_of(const std::string& ending, std::uint64_t count) {
    failing_ending_ = count > 0 ? ending : std::string();
  }
  // The disk holds at most so many bytes.
  void set_room(std::uint64_t bytes) { room_ = bytes; }
  std::uint64_t used() const;
  std::uint64_t size_of(const std::string& path) const;

 private:
  friend struct CrashFile;
  struct Write {
    std::int64_t offset = 0;  // of a truncation: the new size
    std::string bytes;
    bool is_truncation = false;
  };
  struct Lock {
    int shared = 0;
    bool has_exclusive = false;
  };
  struct Node {
    std::string now;              // what readers see
    std::string synced;           // what is surely on the disk
    std::vector<Write> unsynced;  // since then, in order
    bool is_deleted = false;
    Lock shared_lock, reserved, pending;
    std::vector<std::unique_ptr<char[]>> shm;
    Lock shm_locks[SQLITE_SHM_NLOCK];
    int shm_users = 0;
  };
  using NodePtr = std::shared_ptr<Node>;

  static void apply(std::string& content, const Write& write);
  // False: the power is off.
  bool count_operation();
  int write(Node& node, Write write);
  int sync(Node& node, const std::string& path);
  std::string survivor(const Node& node, FakeRandom& random) const;

  static int open(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
  static int remove(sqlite3_vfs*, const char*, int);
  static int access(sqlite3_vfs*, const char*, int, int*);

  std::string name_;
  sqlite3_vfs vfs_{};
  mutable std::mutex mutex_;
  std::map<std::string, NodePtr> nodes_;
  std::uint64_t operations_ = 0, cut_at_ = 0, failing_syncs_ = 0, room_ = ~0ull;
  std::string failing_ending_;
  bool is_cut_ = false;
};

}  // namespace msgq::test
