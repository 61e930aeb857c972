#pragma once
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

/// Asks the kernel's list of sockets for one attribute of the Unix socket with this inode number. Zero, or -1.
static inline int pl_ask_socket(int door, unsigned inode, unsigned show, unsigned short attribute, unsigned *value) {
  static unsigned sequence;
  struct {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } question = {
      .header = {sizeof question, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, ++sequence, 0},
      .request = {.sdiag_family = AF_UNIX, .udiag_states = ~0u, .udiag_ino = inode, .udiag_show = show,
                  .udiag_cookie = {~0u, ~0u}},
  };
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(door, &question, sizeof question, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -1;
  union {
    struct nlmsghdr header;
    char bytes[4096];
  } answer;
  for (;;) {
    // The kernel answers within sendto(2). What is left of a predecessor's questions is skipped.
    ssize_t length = recv(door, &answer, sizeof answer, MSG_DONTWAIT);
    if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct unix_diag_msg))) {
      if (length < 0 && errno == EINTR) continue;
      if (length < 0 || answer.header.nlmsg_seq == sequence) return -1;
      continue;
    }
    if (answer.header.nlmsg_seq != sequence || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
    char *at = answer.bytes + NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    char *end = answer.bytes + length;
    while (end - at >= (ssize_t)sizeof(struct nlattr)) {
      struct nlattr *found = (struct nlattr *)at;
      if (found->nla_len < sizeof *found || found->nla_len > end - at) return -1;
      if (found->nla_type == attribute && found->nla_len >= sizeof *found + sizeof *value) {
        memcpy(value, at + sizeof *found, sizeof *value);
        return 0;
      }
      at += NLA_ALIGN(found->nla_len);
    }
    return -1;
  }
}

/// The uid that made the socket at the other end of the connected Unix socket with this inode number. Zero, or -1.
static inline int pl_socket_owner(int door, unsigned inode, unsigned *uid) {
  unsigned peer;
  if (pl_ask_socket(door, inode, UDIAG_SHOW_PEER, UNIX_DIAG_PEER, &peer) != 0) return -1;
  return pl_ask_socket(door, peer, UDIAG_SHOW_UID, UNIX_DIAG_UID, uid);
}
