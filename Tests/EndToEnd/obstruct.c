// Preloaded into the daemon. While the file OBSTRUCT_IN/NAME exists, what has this name goes wrong; who is caught writes the moment
// into OBSTRUCT_IN/NAME.caught first, and hangs until OBSTRUCT_IN/NAME.over is there. Nothing in the product knows of it.
//
//   decisions   the queue that decides hangs as it tells its status
//   probes      libcurl's queue hangs
//   cloud       every thread that signs a request for AWS hangs
//   control     the event loop of the control socket hangs
//   ledger      a write of the ledger hangs as it becomes durable
//   lost        libcurl never tells that a transfer has ended
//   full        the disk has no room for a write of the ledger
//   read-only   it has become read-only
//   io-error    it answers a write of the ledger with an I/O error
//   sync-error  it answers an fsync of the ledger with an I/O error; each adds a line with the process to OBSTRUCT_IN/sync-error.tries
//   busy-start  opening the ledger takes nine seconds of computing
//   idle-start  opening the ledger takes nine seconds of nothing

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_there(const char *name, const char *suffix) {
  char path[PATH_MAX];
  const char *directory = getenv("OBSTRUCT_IN");
  snprintf(path, sizeof path, "%s/%s%s", directory ? directory : "/nonexistent", name, suffix);
  return access(path, F_OK) == 0;
}

static int is_wanted(const char *name) { return is_there(name, ""); }

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

// 1 for the first that is caught.
static int note(const char *name) {
  char path[PATH_MAX], text[64];
  snprintf(path, sizeof path, "%s/%s.caught", getenv("OBSTRUCT_IN"), name);
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return 0;
  int length = snprintf(text, sizeof text, "%.6f", seconds(CLOCK_REALTIME));
  if (write(file, text, length) < 0) abort();
  close(file);
  return 1;
}

// Who hangs hangs in the function that has a name: the stack in the log shows it.
static inline __attribute__((always_inline)) void wait_for_end(const char *name) {
  while (!is_there(name, ".over")) usleep(50000);
}

static inline __attribute__((always_inline)) void hang(const char *name) {
  note(name);
  wait_for_end(name);
}

// sd_notify(3). The heart tells of what is stuck in the same words: only the first caller hangs.
int sd_notify(int unset, const char *state);
int sd_notify(int unset, const char *state) {
  if (strncmp(state, "STATUS=", 7) == 0 && is_wanted("decisions") && note("decisions")) wait_for_end("decisions");
  return REAL(sd_notify)(unset, state);
}

int curl_multi_socket_action(void *multi, int socket, int mask, int *running);
int curl_multi_socket_action(void *multi, int socket, int mask, int *running) {
  if (is_wanted("probes")) hang("probes");
  return REAL(curl_multi_socket_action)(multi, socket, mask, running);
}

void *curl_multi_info_read(void *multi, int *left);
void *curl_multi_info_read(void *multi, int *left) {
  if (!is_wanted("lost")) return REAL(curl_multi_info_read)(multi, left);
  note("lost");
  *left = 0;
  return NULL;
}

unsigned char *HMAC(const void *digest, const void *key, int length, const unsigned char *data, size_t size, unsigned char *out,
                    unsigned *out_length);
unsigned char *HMAC(const void *digest, const void *key, int length, const unsigned char *data, size_t size, unsigned char *out,
                    unsigned *out_length) {
  if (is_wanted("cloud")) hang("cloud");
  return REAL(HMAC)(digest, key, length, data, size, out, out_length);
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
  if (is_wanted("control")) hang("control");
  return REAL(accept4)(listener, address, length, flags);
}

static int is_ledger(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "ledger.db-wal") != NULL;
}

static int fails_to_sync(int descriptor) {
  if (is_wanted("ledger") && is_ledger(descriptor)) hang("ledger");
  if (!is_wanted("sync-error") || !is_ledger(descriptor)) return 0;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/sync-error.tries", getenv("OBSTRUCT_IN"));
  FILE *tries = fopen(path, "a");
  if (!tries || fprintf(tries, "%d\n", getpid()) < 0) abort();
  fclose(tries);
  errno = EIO;
  return 1;
}

int fsync(int descriptor) { return fails_to_sync(descriptor) ? -1 : REAL(fsync)(descriptor); }

int fdatasync(int descriptor) { return fails_to_sync(descriptor) ? -1 : REAL(fdatasync)(descriptor); }

// As it answers once a file is open. SQLite writes by either name.
static int refusal(int descriptor) {
  static const struct {
    const char *name;
    int error;
  } refusals[] = {{"full", ENOSPC}, {"read-only", EROFS}, {"io-error", EIO}};
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    if (!is_wanted(refusals[i].name) || !is_ledger(descriptor)) continue;
    note(refusals[i].name);
    return refusals[i].error;
  }
  return 0;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return (errno = refusal(descriptor)) ? -1 : REAL(pwrite)(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return (errno = refusal(descriptor)) ? -1 : REAL(pwrite64)(descriptor, bytes, count, offset);
}

int sqlite3_open_v2(const char *name, void **database, int flags, const char *system);
int sqlite3_open_v2(const char *name, void **database, int flags, const char *system) {
  if (is_wanted("busy-start")) {
    double end = seconds(CLOCK_MONOTONIC) + 9;
    note("busy-start");
    while (seconds(CLOCK_MONOTONIC) < end) continue;
  }
  if (is_wanted("idle-start")) {
    note("idle-start");
    sleep(9);
  }
  return REAL(sqlite3_open_v2)(name, database, flags, system);
}
