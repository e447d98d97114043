// How long the disk takes to make a small write durable: the floor under every single enqueue and
// the beat of every group commit. Appends to one file, flushes with fdatasync, and tells the
// spread.
//
//   fsync_ceiling FILE [bytes=4096] [seconds=2]
//
// FILE is made anew and removed. Writes go over the same stretch of 4 MB again, as a WAL's do, so
// that the file's size seldom changes. Prints one JSON object, times in microseconds. One thread.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "arguments.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kStretchBytes = std::size_t{4} << 20;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

std::vector<double> flush_for(int fd, std::size_t bytes, double seconds) {
  const std::string page(bytes, 'x');
  std::vector<double> took;
  std::size_t at = 0;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  while (Clock::now() < end) {
    const auto start = Clock::now();
    const ssize_t written = pwrite(fd, page.data(), bytes, static_cast<off_t>(at));
    if (written != static_cast<ssize_t>(bytes)) give_up("fsync_ceiling: write");
    if (fdatasync(fd) != 0) give_up("fsync_ceiling: fdatasync");
    took.push_back(microseconds(Clock::now() - start));
    at = (at + bytes) % kStretchBytes;
  }
  std::sort(took.begin(), took.end());
  return took;
}

double at_share(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(last * share)];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: fsync_ceiling FILE [name=value ...]\n");
    return 2;
  }
  const ceiling::Arguments given(argc, argv);
  const auto bytes = static_cast<std::size_t>(given.number("bytes", 4096));
  const int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) give_up("fsync_ceiling: open");
  const std::vector<double> took = flush_for(fd, bytes, given.seconds("seconds", 2));
  close(fd);
  std::remove(argv[1]);
  std::printf(
      "{\"bytes\": %zu, \"flushes\": %zu, \"p50_us\": %.1f, \"p95_us\": %.1f, \"p99_us\": %.1f,"
      " \"max_us\": %.1f}\n",
      bytes, took.size(), at_share(took, 0.5), at_share(took, 0.95), at_share(took, 0.99),
      took.back());
  return 0;
}
