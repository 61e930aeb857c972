// Preloaded into the daemon. When a write of the ledger is durable (SQLite has synced its log) and before anything follows from
// it, the process halts: a test looks at the ledger then, and kills it or lets it go on.
//
// SYNCS_OF is the ledger; HALT_IF a file: while it is absent nobody halts.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_log_of_ledger(int descriptor) {
  const char *ledger = getenv("SYNCS_OF");
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!ledger || length < 0) return 0;
  path[length] = 0;
  size_t same = strlen(ledger);
  return strncmp(path, ledger, same) == 0 && strcmp(path + same, "-wal") == 0;
}

// A log that begins anew has its header synced first, and no frame with the salt of that header yet
// (https://www.sqlite.org/fileformat2.html#walformat): that sync makes no record durable.
static int has_frame(int descriptor) {
  char log[56];
  return pread(descriptor, log, sizeof log, 0) == sizeof log && memcmp(log + 16, log + 40, 8) == 0;
}

static int sync_and_halt(const char *name, int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int result = real(descriptor);
  const char *file = getenv("HALT_IF");
  if (result == 0 && file && access(file, F_OK) == 0 && is_log_of_ledger(descriptor) && has_frame(descriptor))
    kill(getpid(), SIGSTOP);
  return result;
}

int fsync(int descriptor) { return sync_and_halt("fsync", descriptor); }

int fdatasync(int descriptor) { return sync_and_halt("fdatasync", descriptor); }
