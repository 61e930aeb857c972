// glibc's reader of DNS messages, <arpa/nameser.h>, and what it makes of /etc/resolv.conf. What is a macro there, or an array inside of a
// struct, is a small inline function here.
#pragma once
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

/// The owner of a record, escaped and printable, without the trailing dot; "." is the root.
static inline const char *pl_record_name(const ns_rr *record) { return ns_rr_name(*record); }

/// How many name servers resolv.conf(5) can have.
enum { PL_RESOLVERS = MAXNS };

/// Fills `found` (PL_RESOLVERS long; the family says whether one is a sockaddr_in) with the name servers of resolv.conf(5), which are the
/// local host's where the file names none; how many there are, -1 when it cannot be read.
static inline int pl_resolvers(struct sockaddr_in6 *found) {
  struct __res_state state;
  memset(&state, 0, sizeof state);
  if (res_ninit(&state) != 0) return -1;
  int count = 0;
  for (int i = 0; i < state.nscount && i < MAXNS; i++) {
    memset(&found[count], 0, sizeof found[count]);
    // Where glibc keeps an IPv6 server, it leaves the old place's family zero.
    if (state.nsaddr_list[i].sin_family == AF_INET)
      memcpy(&found[count++], &state.nsaddr_list[i], sizeof state.nsaddr_list[i]);
    else if (state._u._ext.nsaddrs[i])
      found[count++] = *state._u._ext.nsaddrs[i];
  }
  res_nclose(&state);
  return count;
}
