// What a process says when it is killed by SIGABRT (the service manager's watchdog) or by a fault of its own: one line with the
// sentence that was prepared, one with the stack of the thread that mattered. There is no core file (it would hold secrets), so these
// lines are all that remains.
#pragma once

/// Installs the handlers, in place of the Swift runtime's. Call once, before other threads exist.
void pl_last_words_prepare(void);

/// The calling thread's number, gettid(2). From then on it can be asked for its stack.
int pl_this_thread(void);

/// Whose stack is wanted when the process is aborted from outside; 0 for the thread that the signal hits.
void pl_last_words_of(int thread);

/// Said before the stack; empty for nothing. Cut after 500 bytes. One thread at a time.
void pl_last_words_sentence(const char *sentence);
