// Preloaded into the daemon, that hours of its life pass in a moment: CLOCK_BOOTTIME, on which it lives, is ahead by as many seconds
// as the file LEAP holds, a long in this machine's own form. Every other clock is the kernel's, timers too: the daemon finds itself
// later than it asked to be woken, as after a suspend.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile long *leap;

__attribute__((constructor)) static void look(void) {
  const char *file = getenv("LEAP");
  int descriptor = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (descriptor < 0) return;
  void *map = mmap(NULL, sizeof *leap, PROT_READ, MAP_SHARED, descriptor, 0);
  if (map != MAP_FAILED) leap = map;
  close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && clock == CLOCK_BOOTTIME && leap) time->tv_sec += *leap;
  return result;
}
