// What Swift cannot call of libcurl and epoll: variadic functions, macros and a union, as small inline functions.
#pragma once
#include <curl/curl.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

// Easy options. One function per C type that curl_easy_setopt(3) takes.
static inline CURLcode pl_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode pl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode pl_set_string(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode pl_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode pl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(easy, option, value);
}
typedef size_t (*pl_data_function)(char *data, size_t size, size_t count, void *context);
static inline CURLcode pl_set_data_function(CURL *easy, CURLoption option, pl_data_function function) {
  return curl_easy_setopt(easy, option, function);
}

static inline CURLcode pl_set_before_request(CURL *easy, curl_prereq_callback function, void *context) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, function);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PREREQDATA, context) : code;
}

// libcurl opens its sockets without close-on-exec; ours must not leak into a child process. `context` is an int that
// keeps the errno of the last refusal, so that running out of descriptors is not taken for a dead peer.
static inline curl_socket_t pl_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (descriptor < 0) *(int *)context = errno;
  return descriptor;
}
// As above; closing it throws away what the peer has not taken, and tells him so (SO_LINGER of zero, socket(7)). Otherwise the kernel
// goes on sending a request that was given up, for minutes.
static inline curl_socket_t pl_open_abrupt_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  curl_socket_t descriptor = pl_open_socket(context, purpose, address);
  struct linger none = {.l_onoff = 1, .l_linger = 0};
  if (descriptor >= 0) setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  return descriptor;
}
static inline CURLcode pl_set_abrupt_sockets(CURL *easy) {
  return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, pl_open_abrupt_socket);
}
static inline CURLcode pl_set_socket_opener(CURL *easy, int *refusal) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, pl_open_socket);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, refusal) : code;
}

// Easy information, by the C type that curl_easy_getinfo(3) writes.
static inline CURLcode pl_get_long(CURL *easy, CURLINFO info, long *value) {
  return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode pl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
  return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode pl_get_string(CURL *easy, CURLINFO info, char **value) {
  return curl_easy_getinfo(easy, info, value);
}
static inline CURLcode pl_get_pointer(CURL *easy, CURLINFO info, void **value) {
  return curl_easy_getinfo(easy, info, value);
}

// Multi options, curl_multi_setopt(3).
static inline CURLMcode pl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
static inline CURLMcode pl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
  return curl_multi_setopt(multi, option, value);
}
static inline CURLMcode pl_multi_set_socket_function(CURLM *multi, curl_socket_callback function) {
  return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}
static inline CURLMcode pl_multi_set_timer_function(CURLM *multi, curl_multi_timer_callback function) {
  return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}
/// The finished transfer's handle and result; null when none is left.
static inline CURL *pl_multi_next_done(CURLM *multi, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *result = message->data.result;
      return message->easy_handle;
    }
  }
  return NULL;
}

// epoll_event is packed and holds a union: neither is pleasant in Swift.
/// 0, or the errno of epoll_ctl(2).
static inline int pl_epoll_control(int set, int operation, int descriptor, unsigned events) {
  struct epoll_event event = {.events = events, .data = {.fd = descriptor}};
  return epoll_ctl(set, operation, descriptor, &event) == 0 ? 0 : errno;
}
enum { PL_EPOLL_BATCH = 128 };
struct pl_ready {
  int descriptor;
  unsigned events;
};
/// Fills `ready` (PL_EPOLL_BATCH long) without waiting; the number of ready descriptors, 0 when there is none.
static inline int pl_epoll_ready(int set, struct pl_ready *ready) {
  struct epoll_event events[PL_EPOLL_BATCH];
  int count = epoll_wait(set, events, PL_EPOLL_BATCH, 0);
  for (int i = 0; i < count; i++) {
    ready[i].descriptor = events[i].data.fd;
    ready[i].events = events[i].events;
  }
  return count < 0 ? 0 : count;
}
