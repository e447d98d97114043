#include "transport/sqlite/spare.h"

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
namespace {

constexpr std::int64_t kPageBytes = 8'192;
// The file grows in steps of this ...
constexpr int kChunkBytes = 2 << 20;
// ... and before less than this is left: what several processes may write between two looks, and
// what acknowledgements may use when it cannot grow.
constexpr std::int64_t kSpareBytes = 256 << 10;

}  // namespace

Spare::Spare(sqlite3* database)
    : database_(database),
      page_count_(database, sql::sqlite::kReadPageCount),
      free_pages_(database, sql::sqlite::kReadFreePages) {
  int chunk = kChunkBytes;
  sqlite3_file_control(database_, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
}

void Spare::hold(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ < kLookBytes) return;
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods->xFileSize(file, &size) != SQLITE_OK) return;
  const auto bytes_of = [](Statement& pages) {
    Cursor row = pages.query();
    return row.next() ? row.integer(0) * kPageBytes : 0;
  };
  sqlite3_int64 wanted = bytes_of(page_count_);
  bytes_ = 0;
  // Pages inside the file that hold nothing are room as good as behind its end.
  if (size >= wanted && size - wanted + bytes_of(free_pages_) >= kSpareBytes) return;
  wanted += kChunkBytes;
  const int code = sqlite3_file_control(database_, "main", SQLITE_FCNTL_SIZE_HINT, &wanted);
  if (code != SQLITE_OK)
    throw Error(ErrorCode::kStoreFull,
                "the device has no room for more messages: free some, sending goes on by itself; "
                "receiving and acknowledging still work",
                code);
}

}  // namespace msgq::transport::sqlite
