/* Datagrams to an IPv4 multicast group, from a port of its own, and what is sent back to that port. */
#include "multicast.h"
#include "bytes.h"
#include "call.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { LONGEST = 4096 }; /* bytes of an answer: as in host.ts */

typedef struct {
  rm_cancellable cancellable;
  rm_watch watch;
  rm_task task;
  int error;
} multicast;

static void multicast_stop(rm_handle *handle) {
  multicast *m = rm_container(handle, multicast, cancellable.handle);
  rm_task_cancel(&m->task);
  rm_watch_close(&m->watch);
  rm_cancellable_end(&m->cancellable);
}

static void multicast_failed(rm_task *task) {
  multicast *m = rm_container(task, multicast, task);
  JSValue error = rm_error(m->error, NULL);
  rm_cancellable_finish(&m->cancellable, 1, &error);
}

/* One datagram a turn: the loop comes back for more, after all others had theirs. */
static void multicast_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  multicast *m = rm_container(watch, multicast, watch);
  uint8_t bytes[LONGEST];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t got = recvfrom(watch->fd, bytes, sizeof bytes, MSG_TRUNC, (struct sockaddr *)&from, &size);
  if (got < 0 || (size_t)got > sizeof bytes) return;
  char address[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &from.sin_addr, address, sizeof address);
  JSValue arguments[] = {
    rm_bytes_copy(bytes, (size_t)got), rm_string(address), JS_NewInt32(rm_context, ntohs(from.sin_port)),
  };
  JSValue answered = JS_DupValue(rm_context, m->cancellable.callback);
  rm_call(answered, 3, arguments);
  JS_FreeValue(rm_context, answered);
  JS_FreeValue(rm_context, arguments[0]);
  JS_FreeValue(rm_context, arguments[1]);
}

/* Binds to a port of the kernel's choice. The kernel sends to groups by the interface of this address. */
static int open_port(multicast *m, const char *address) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  if (address == NULL || inet_pton(AF_INET, address, &own.sin_addr) != 1) return EINVAL;
  rm_watch_open(&m->watch, socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (m->watch.fd < 0 || bind(m->watch.fd, (struct sockaddr *)&own, sizeof own)) return errno;
  return rm_watch_set(&m->watch, EPOLLIN);
}

/* Sends each of an array of messages; what does not fit into the kernel's buffers is lost. */
static int send_all(multicast *m, const char *group, int port, JSValueConst messages) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (group == NULL || inet_pton(AF_INET, group, &to.sin_addr) != 1) return EINVAL;
  for (uint32_t i = 0;; i++) {
    JSValue message = JS_GetPropertyUint32(rm_context, messages, i);
    if (JS_IsUndefined(message)) return 0;
    size_t length;
    const uint8_t *bytes = rm_bytes(message, &length);
    if (bytes == NULL) rm_fatal_exception();
    ssize_t sent = sendto(m->watch.fd, bytes, length, 0, (struct sockaddr *)&to, sizeof to);
    JS_FreeValue(rm_context, message);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) return errno;
  }
}

/* multicast(from, group, port, messages, answered, failed) */
static JSValue network_multicast(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t port;
  if (!JS_IsFunction(context, argv[4]) || !JS_IsFunction(context, argv[5]))
    return JS_ThrowTypeError(context, "multicast: a callback is no function");
  if (JS_ToInt32(context, &port, argv[2])) return JS_EXCEPTION;
  multicast *m = rm_alloc(sizeof *m);
  memset(m, 0, sizeof *m);
  m->watch.fd = -1;
  m->watch.ready = multicast_ready;
  rm_task_init(&m->task, multicast_failed);
  const char *from = JS_ToCString(context, argv[0]), *group = JS_ToCString(context, argv[1]);
  m->error = open_port(m, from);
  if (!m->error) m->error = send_all(m, group, port, argv[3]);
  JS_FreeCString(context, from);
  JS_FreeCString(context, group);
  JSValue object = rm_cancellable_new(&m->cancellable, argv[m->error ? 5 : 4], multicast_stop);
  if (JS_IsException(object)) {
    rm_watch_close(&m->watch);
    rm_free(m);
    return object;
  }
  if (m->error) {
    rm_watch_close(&m->watch);
    rm_task_defer(&m->task);
  }
  return object;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("multicast", 6, network_multicast)};

void rm_multicast_init(JSValueConst native) {
  rm_namespace_add(native, "network", entries, 1);
}
