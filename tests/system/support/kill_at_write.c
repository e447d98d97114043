// Kills its own process with SIGKILL at the n-th write into a file at a given place: the writes of
// the store, and of nothing else. Every second time the write is cut in half before that.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long writes;

static void count(int file, const void* bytes, size_t size, off64_t at) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  const char* wanted = getenv("KILL_AT_WRITE");
  if (wanted == NULL) return;
  const long number = atol(wanted);
  if (atomic_fetch_add(&writes, 1) + 1 != number) return;
  if (real == NULL) real = (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  if (number % 2 == 0) real(file, bytes, size / 2, at);
  kill(getpid(), SIGKILL);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (real == NULL) real = (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  count(file, bytes, size, at);
  return real(file, bytes, size, at);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return pwrite64(file, bytes, size, at);
}
