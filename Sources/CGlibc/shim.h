// glibc's own extensions that Swift's Glibc leaves out.
#pragma once
#include <malloc.h>
#include <spawn.h>

// Declared by <unistd.h> and <spawn.h> under _GNU_SOURCE only; glibc 2.9 and 2.34.
int pipe2(int pipefd[2], int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
