// glibc's own extensions that Swift's Glibc leaves out.
#pragma once
#include <errno.h>
#include <malloc.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>

// Declared by <unistd.h> and <spawn.h> under _GNU_SOURCE only; glibc 2.9 and 2.34.
int pipe2(int pipefd[2], int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// epoll_event is packed and holds a union: neither is pleasant in Swift. Descriptors are known by tickets, which are never used again.
/// 0, or the errno of epoll_ctl(2).
static inline int pl_ticket_control(int set, int operation, int descriptor, int for_writing, uint64_t ticket) {
  struct epoll_event event = {.events = for_writing ? EPOLLOUT : EPOLLIN, .data = {.u64 = ticket}};
  return epoll_ctl(set, operation, descriptor, &event) == 0 ? 0 : errno;
}
enum { PL_TICKETS = 64 };
/// Fills `tickets` (PL_TICKETS long) without waiting; how many are ready.
static inline int pl_tickets_ready(int set, uint64_t *tickets) {
  struct epoll_event events[PL_TICKETS];
  int count = epoll_wait(set, events, PL_TICKETS, 0);
  for (int i = 0; i < count; i++) tickets[i] = events[i].data.u64;
  return count < 0 ? 0 : count;
}
