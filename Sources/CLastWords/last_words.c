// Runs in a signal handler, maybe with every lock of the process held by a thread that will never go on: no malloc, no stdio, no
// waiting for a reader. backtrace(3) allocates only when the unwinder is loaded, which `prepare` does beforehand; dladdr(3) takes
// the loader's lock, so the line with the stack comes last.

#define _GNU_SOURCE
#include "last_words.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
enum { FRAMES = 24, LINE = 2000, SENTENCE = 500 };

static _Atomic pid_t wanted;
static _Atomic int in_turn;
// Two buffers: a sentence is written into the one that is not shown.
static char sentences[2][SENTENCE + 1];
static _Atomic int shown;
static void *frames[FRAMES];
static _Atomic int depth;

struct line {
  char text[LINE];
  size_t length;
};

static void add(struct line *line, const char *text) {
  for (; *text && line->length < LINE - 1; text++) line->text[line->length++] = *text;
}

static void add_hex(struct line *line, uintptr_t number) {
  char digits[2 * sizeof number + 1];
  size_t at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = "0123456789abcdef"[number % 16];
  while (number /= 16);
  add(line, "0x");
  add(line, digits + at);
}

// A reader that is stuck must not keep us from dying.
static void say(struct line *line) {
  struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
  line->text[line->length++] = '\n';
  if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) && write(STDERR_FILENO, line->text, line->length) < 0) return;
}

static void add_frame(struct line *line, void *address) {
  Dl_info found;
  if (!dladdr(address, &found) || !found.dli_fname) {
    add_hex(line, (uintptr_t)address);
    return;
  }
  const char *slash = strrchr(found.dli_fname, '/');
  const char *name = found.dli_sname;
  // A stripped program has no names of its own: the offset leads to the line, `addr2line -e PROGRAM OFFSET` with its debug symbols.
  add(line, name ? name : slash ? slash + 1 : found.dli_fname);
  add(line, "+");
  add_hex(line, (uintptr_t)address - (uintptr_t)(name ? found.dli_saddr : found.dli_fbase));
}

static void say_stack(const char *whose) {
  struct line line = {.length = 0};
  int count = depth;
  add(&line, "<2>pilotlightd: ");
  add(&line, whose);
  for (int index = 0; index < count && line.length < LINE - 200; index++) {
    add(&line, index ? " < " : "");
    add_frame(&line, frames[index]);
  }
  say(&line);
}

// In the thread whose stack is wanted.
static void take_stack(int number) {
  (void)number;
  if (depth == 0) depth = backtrace(frames, FRAMES);
}

// Asks the wanted thread for its stack and waits for it, for 300 ms at most: it may be beyond hearing.
static int ask_for_stack(void) {
  pid_t thread = wanted;
  if (thread == 0 || thread == (pid_t)syscall(SYS_gettid)) return 0;
  if (syscall(SYS_tgkill, getpid(), thread, SIGUSR2) != 0) return 0;
  for (int round = 0; round < 60 && depth == 0; round++) nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  return depth > 0;
}

static void speak(int number, siginfo_t *info, void *context) {
  (void)context;
  if (atomic_exchange(&in_turn, 1)) {
    // A fault of these very words, or of another thread meanwhile: it would come again for ever.
    if (info->si_code > 0) signal(number, SIG_DFL);
    return;
  }
  // Whatever holds us up from here on, the process ends.
  sigset_t late;
  sigemptyset(&late);
  sigaddset(&late, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &late, NULL);
  signal(SIGALRM, SIG_DFL);
  alarm(2);
  struct line line = {.length = 0};
  const char *sentence = sentences[shown];
  const char *name = sigabbrev_np(number);
  add(&line, "<2>pilotlightd: ended by SIG");
  add(&line, name ? name : "?");
  add(&line, info->si_code <= 0 && info->si_pid != getpid() ? " from outside" : "");
  add(&line, *sentence ? ": " : "");
  add(&line, sentence);
  say(&line);
  int is_theirs = info->si_code <= 0 && info->si_pid != getpid() && ask_for_stack();
  if (!is_theirs) take_stack(number);
  say_stack(is_theirs ? "the loop's thread is in " : "the thread that was hit is in ");
  signal(number, SIG_DFL);
  raise(number);
}

void pl_last_words_prepare(void) {
  static const int deadly[] = {SIGABRT, SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
  // The first call loads the unwinder.
  backtrace(frames, 1);
  // SA_RESTART: who is asked for its stack goes on with what it did.
  struct sigaction asked = {.sa_handler = take_stack, .sa_flags = SA_RESTART};
  sigaction(SIGUSR2, &asked, NULL);
  for (size_t index = 0; index < sizeof deadly / sizeof *deadly; index++) {
    struct sigaction now, ours = {.sa_sigaction = speak, .sa_flags = SA_SIGINFO | SA_NODEFER};
    // A sanitizer keeps its handlers. Swift's runtime does not: it would start a program that stops all threads and reads them, which a
    // hardened service may not do, and then it neither tells anything nor ends.
    if (sigaction(deadly[index], NULL, &now) == 0 && (!SANITIZED || now.sa_handler == SIG_DFL))
      sigaction(deadly[index], &ours, NULL);
  }
}

int pl_this_thread(void) {
  static _Thread_local int number;
  if (number) return number;
  // Dispatch's threads hear no signal unless they are told to.
  sigset_t asked;
  sigemptyset(&asked);
  sigaddset(&asked, SIGUSR2);
  pthread_sigmask(SIG_UNBLOCK, &asked, NULL);
  return number = (int)syscall(SYS_gettid);
}

void pl_last_words_of(int thread) { wanted = thread; }

void pl_last_words_sentence(const char *sentence) {
  int other = 1 - shown;
  strncpy(sentences[other], sentence, SENTENCE);
  shown = other;
}
