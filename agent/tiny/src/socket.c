/* TCP and local stream sockets, with TLS on top when asked for.
 *
 * Every callback comes from socket_ready or socket_task, that is, from the loop. What goes wrong inside a call from
 * JavaScript is remembered and reported by the task. */
#include "socket.h"
#include "bytes.h"
#include "call.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "outbox.h"
#include "runtime.h"
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  /* One receive; the buffer is shared by all sockets. As one frame, headers included, it stays below the 65,483 bytes
   * of the loopback's largest segment: 64 KiB would be sent as one of these and a small one, at nearly twice the cost. */
  RECEIVE = 65400,
  CIPHERTEXT = 32768, /* read ahead of a TLS layer, shared too */
  TLS_READS = 4     /* receives in one turn, so that one busy TLS socket does not hold up the others */
};

/* A TLS layer and what is below it: another layer, or the socket itself. */
typedef struct layer {
  rm_tls *tls;
  struct layer *below;
  rm_socket *socket;
} layer;

struct rm_socket {
  rm_handle handle;
  rm_watch watch;
  rm_task task;
  rm_outbox outbox;
  JSValue handler;
  JSValue failure;        /* the HostError to close with, JS_NULL for none; meaningful when `over` */
  layer *top;             /* the layer that data and write belong to; NULL: plain */
  layer *starting;        /* becomes `top` when `before_tls` bytes are out */
  size_t before_tls;
  uint8_t *stash;         /* ciphertext that was read ahead and not yet wanted */
  size_t stash_start, stash_end;
  size_t unreported;      /* bytes taken, not yet told */
  int reads_left;
  size_t most;            /* bytes that one data call is wished to bring, up to RECEIVE */
  bool tcp, connecting, connected, announced; /* announced: `connected` was called, or is not to be */
  bool handshaking, paused, want_write, read_again;
  bool ending, ended_write, ended_read; /* end() was called; FIN is sent; FIN was received */
  bool hung_up;           /* a hang-up was seen while paused: out of the epoll set until resume() */
  bool over;              /* closed() is due */
  bool dead;              /* closed() was called, or destroy() */
};

static JSClassID socket_class;
static JSAtom atom_connected, atom_secured, atom_data, atom_taken, atom_ended, atom_closed;
static uint8_t receive_buffer[RECEIVE];
static JSValue receive_view;
#ifdef RM_TLS
static uint8_t ciphertext[CIPHERTEXT];
static size_t ciphertext_start, ciphertext_end;
#endif

static void socket_ready(rm_watch *watch, uint32_t events);
static void socket_task(rm_task *task);
static void read_some(rm_socket *s);

/* --- ends */

static void free_layers(layer *top) {
#ifdef RM_TLS
  while (top) {
    layer *below = top->below;
    rm_tls_free(top->tls);
    rm_free(top);
    top = below;
  }
#else
  (void)top;
#endif
}

/* Gives everything back. The struct itself goes with its JavaScript object, which may be now. */
static void release(rm_socket *s) {
  s->dead = true;
  rm_watch_close(&s->watch);
  rm_task_cancel(&s->task);
  rm_outbox_drop(&s->outbox);
  free_layers(s->starting);
  if (s->starting == NULL) free_layers(s->top);
  s->top = s->starting = NULL;
  rm_free(s->stash);
  s->stash = NULL;
  JSValue handler = s->handler, failure = s->failure;
  s->handler = s->failure = JS_UNDEFINED;
  JS_FreeValue(rm_context, handler);
  JS_FreeValue(rm_context, failure);
  rm_handle_unpin(&s->handle);
}

static void destroy(rm_socket *s) {
  if (s->dead) return;
  if (s->tcp && s->connected && !(s->ended_read && s->ended_write)) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(s->watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  release(s);
}

static void socket_stop(rm_handle *handle) { destroy(rm_container(handle, rm_socket, handle)); }

/* Closes with this error, or JS_NULL, as soon as the loop can say so. Takes the ownership of `error`. */
static void finish(rm_socket *s, JSValue error) {
  if (s->over || s->dead) {
    JS_FreeValue(rm_context, error);
    return;
  }
  s->over = true;
  s->failure = error;
  rm_watch_close(&s->watch);
  rm_task_defer(&s->task);
}

static void fail(rm_socket *s, int error) { finish(s, rm_error(error, NULL)); }

static void update_events(rm_socket *s) {
  if (s->dead || s->over || s->watch.fd < 0) return;
  uint32_t events = EPOLLERR;
  if (s->connecting) events = EPOLLOUT;
  else if (s->connected) {
    if (!s->ended_read && (!s->paused || s->handshaking)) events |= EPOLLIN;
    if (s->want_write) events |= EPOLLOUT;
    if (events & EPOLLIN) s->hung_up = false;
    else if (s->hung_up) events &= (uint32_t)~EPOLLERR;
  }
  int error = rm_watch_set(&s->watch, events);
  if (error) fail(s, error);
}

/* --- sending */

static ssize_t plain_send(rm_socket *s, const struct iovec *pieces, int count, int flags) {
  struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)count};
  ssize_t sent;
  do sent = sendmsg(s->watch.fd, &message, MSG_NOSIGNAL | flags);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

#ifdef RM_TLS
static ssize_t transport_send(void *context, const uint8_t *data, size_t length, bool more) {
  layer *above = context;
  struct iovec piece = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
  if (above->below == NULL) return plain_send(above->socket, &piece, 1, more ? MSG_MORE : 0);
  size_t taken;
  rm_tls_status status = rm_tls_write(above->below->tls, &piece, 1, &taken);
  if (taken > 0) return (ssize_t)taken;
  return status == RM_TLS_FAILED ? -EPIPE : -EAGAIN;
}

static ssize_t plain_receive(rm_socket *s, uint8_t *data, size_t length) {
  uint8_t *from;
  size_t *start, end;
  if (s->stash) {
    from = s->stash;
    start = &s->stash_start;
    end = s->stash_end;
  } else {
    if (ciphertext_start == ciphertext_end) {
      if (s->reads_left-- <= 0) return -EAGAIN;
      ssize_t got;
      do got = recv(s->watch.fd, ciphertext, CIPHERTEXT, 0);
      while (got < 0 && errno == EINTR);
      if (got <= 0) return got < 0 ? -errno : 0;
      ciphertext_start = 0;
      ciphertext_end = (size_t)got;
    }
    from = ciphertext;
    start = &ciphertext_start;
    end = ciphertext_end;
  }
  size_t part = end - *start < length ? end - *start : length;
  memcpy(data, from + *start, part);
  *start += part;
  if (s->stash && s->stash_start == s->stash_end) {
    rm_free(s->stash);
    s->stash = NULL;
  }
  return (ssize_t)part;
}

static ssize_t transport_receive(void *context, uint8_t *data, size_t length) {
  layer *above = context;
  if (above->below == NULL) return plain_receive(above->socket, data, length);
  size_t got;
  switch (rm_tls_read(above->below->tls, data, length, &got)) {
  case RM_TLS_DONE:
    return (ssize_t)got;
  case RM_TLS_EOF:
    return 0;
  case RM_TLS_FAILED:
    return -ECONNRESET;
  default:
    return -EAGAIN;
  }
}

/* A layer counts as sent what the one below has taken, which may still have it in its own buffer: false when it has, or
 * when the connection has failed. */
static bool flush_layers(rm_socket *s, layer *top) {
  for (layer *next = top; next; next = next->below) {
    rm_tls_status status = rm_tls_flush(next->tls);
    if (status == RM_TLS_DONE) continue;
    if (status == RM_TLS_FAILED) finish(s, rm_tls_error(next->tls));
    else s->want_write = true;
    return false;
  }
  return true;
}

/* The handshake goes on, or begins. `secured` is called when it is over. */
static void handshake(rm_socket *s) {
  s->want_write = false;
  switch (rm_tls_handshake(s->top->tls)) {
  case RM_TLS_DONE:
    s->handshaking = false;
    JSValue secured = JS_GetProperty(rm_context, s->handler, atom_secured);
    if (JS_IsFunction(rm_context, secured)) {
      JSValue session = rm_tls_session(s->top->tls);
      rm_call_method(s->handler, atom_secured, 1, &session);
      JS_FreeValue(rm_context, session);
    }
    JS_FreeValue(rm_context, secured);
    if (!s->dead && !s->over && flush_layers(s, s->top->below)) rm_outbox_flush(&s->outbox);
    break;
  case RM_TLS_WANT_WRITE:
    s->want_write = true;
    break;
  case RM_TLS_WANT_READ:
    flush_layers(s, s->top->below);
    break;
  case RM_TLS_EOF:
    finish(s, rm_error_text("reset", "the peer closed the connection during the TLS handshake"));
    break;
  case RM_TLS_FAILED:
    finish(s, rm_tls_error(s->top->tls));
  }
}
#endif

/* FIN, once all is sent. From socket_ready and socket_task only, which set the events afterwards. */
static void try_end(rm_socket *s) {
  if (!s->ending || s->ended_write || s->dead || s->over || !s->connected || s->handshaking || s->starting) return;
  if (rm_outbox_size(&s->outbox) > 0) return;
#ifdef RM_TLS
  for (layer *next = s->top; next; next = next->below) {
    if (rm_tls_end(next->tls) == RM_TLS_WANT_WRITE) {
      s->want_write = true;
      return;
    }
  }
#endif
  shutdown(s->watch.fd, SHUT_WR);
  s->ended_write = true;
  if (s->ended_read) finish(s, JS_NULL);
}

static ssize_t outbox_send(rm_outbox *outbox, const struct iovec *pieces, int count) {
  rm_socket *s = rm_container(outbox, rm_socket, outbox);
  if (s->over || s->dead) return -1;
  if (!s->connected || s->handshaking) return 0;
  struct iovec before[1];
  if (s->starting) {
    before[0] = pieces[0];
    if (before[0].iov_len > s->before_tls) before[0].iov_len = s->before_tls;
    pieces = before;
    count = 1;
  }
  ssize_t sent;
  s->want_write = false;
#ifdef RM_TLS
  if (s->top) {
    size_t taken, offered = 0;
    for (int i = 0; i < count; i++) offered += pieces[i].iov_len;
    rm_tls_status status = rm_tls_write(s->top->tls, pieces, count, &taken);
    if (status == RM_TLS_FAILED) {
      finish(s, rm_tls_error(s->top->tls));
      return -1;
    }
    s->want_write = status == RM_TLS_WANT_WRITE || taken < offered;
    if (!flush_layers(s, s->top->below) && s->over) return -1;
    sent = (ssize_t)taken;
  } else
#endif
  {
    size_t offered = 0;
    for (int i = 0; i < count; i++) offered += pieces[i].iov_len;
    sent = plain_send(s, pieces, count, 0);
    if (sent == -EAGAIN) sent = 0;
    if (sent < 0) {
      fail(s, (int)-sent);
      return -1;
    }
    s->want_write = (size_t)sent < offered;
  }
  if (s->starting) {
    s->before_tls -= (size_t)sent;
    if (s->before_tls == 0) {
      s->top = s->starting;
      s->starting = NULL;
      s->handshaking = true;
    } else {
      s->want_write = true;
    }
  }
  if (s->want_write || s->handshaking) rm_task_defer(&s->task);
  return sent;
}

static void outbox_sent(rm_outbox *outbox, size_t count) {
  rm_socket *s = rm_container(outbox, rm_socket, outbox);
  s->unreported += count;
  if (count > 0 || s->ending) rm_task_defer(&s->task);
}

/* --- receiving */

static void deliver(rm_socket *s, size_t length) {
  JSValue arguments[] = {receive_view, JS_NewInt32(rm_context, 0), JS_NewInt32(rm_context, (int32_t)length)};
  rm_outbox_live(receive_buffer, length);
  rm_call_method(s->handler, atom_data, 3, arguments);
  rm_outbox_flush_all();
  rm_outbox_live(NULL, 0);
}

static void end_of_stream(rm_socket *s) {
  s->ended_read = true;
  rm_call_method(s->handler, atom_ended, 0, NULL);
  if (!s->dead && s->ended_write) finish(s, JS_NULL);
}

static void read_plain(rm_socket *s) {
  ssize_t got;
  do got = recv(s->watch.fd, receive_buffer, s->most, 0);
  while (got < 0 && errno == EINTR);
  if (got > 0) deliver(s, (size_t)got);
  else if (got == 0) end_of_stream(s);
  else if (errno != EAGAIN) fail(s, errno);
}

#ifdef RM_TLS
static void read_secured(rm_socket *s) {
  rm_tls_status status;
  do {
    size_t filled = 0, got;
    do {
      status = rm_tls_read(s->top->tls, receive_buffer + filled, s->most - filled, &got);
      if (status == RM_TLS_DONE) filled += got;
    } while (status == RM_TLS_DONE && filled < s->most);
    if (filled > 0) deliver(s, filled);
  } while (status == RM_TLS_DONE && !s->dead && !s->over && !s->paused && !s->handshaking && !s->starting);
  if (s->dead || s->over) return;
  if (status == RM_TLS_DONE) s->read_again = true;
  else if (status == RM_TLS_EOF) end_of_stream(s);
  else if (status == RM_TLS_FAILED) finish(s, rm_tls_error(s->top->tls));
  else if (status == RM_TLS_WANT_WRITE) s->want_write = true;
}

/* Ciphertext that was read ahead and that nobody asked for must survive the shared buffer, and be asked for again. */
static void stash_ciphertext(rm_socket *s) {
  size_t left = ciphertext_end - ciphertext_start;
  bool open = !s->dead && !s->over && !s->ended_read;
  if (left > 0 && open) {
    s->stash = rm_alloc(left);
    memcpy(s->stash, ciphertext + ciphertext_start, left);
    s->stash_start = 0;
    s->stash_end = left;
  }
  ciphertext_start = ciphertext_end = 0;
  /* What was read ahead has no event of its own. */
  if (s->stash) s->read_again = true;
  if (open && s->read_again && !s->paused && !s->want_write) rm_task_defer(&s->task);
}
#endif

static void read_some(rm_socket *s) {
  if (s->starting) return;
#ifdef RM_TLS
  if (s->top) {
    s->reads_left = TLS_READS;
    s->read_again = false;
    if (s->handshaking) handshake(s);
    if (!s->dead && !s->over && !s->handshaking && !s->starting && !s->paused && !s->ended_read) read_secured(s);
    stash_ciphertext(s);
    return;
  }
#endif
  if (!s->paused && !s->ended_read) read_plain(s);
}

/* --- events */

static int pending_error(rm_socket *s) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size)) return errno;
  return error;
}

/* Why connecting has failed, or 0. SO_ERROR says the same, but under qemu-user in the numbers of the machine beneath. */
static int connect_error(rm_socket *s) {
  char byte;
  if (recv(s->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EINTR) return errno;
  return pending_error(s);
}

static void socket_ready(rm_watch *watch, uint32_t events) {
  rm_socket *s = rm_container(watch, rm_socket, watch);
  JSValue keep = JS_DupValue(rm_context, s->handle.object);
  if (s->connecting) {
    int error = connect_error(s);
    s->connecting = false;
    if (error) {
      fail(s, error);
    } else {
      s->connected = true;
      rm_task_defer(&s->task);
    }
    update_events(s);
    JS_FreeValue(rm_context, keep);
    return;
  }
  bool reads = (watch->events & EPOLLIN) != 0;
  if (events & EPOLLOUT) {
    s->want_write = false;
#ifdef RM_TLS
    if (s->handshaking) read_some(s);
    else if (rm_outbox_size(&s->outbox) == 0) flush_layers(s, s->top); /* cut short, with nothing behind it */
#endif
    if (!s->dead && !s->over && !s->handshaking) rm_outbox_flush(&s->outbox);
    if (!s->dead) try_end(s);
  }
  if (!s->dead && !s->over && reads && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    read_some(s);
  } else if (!s->dead && !s->over && events & (EPOLLHUP | EPOLLERR)) {
    int error = pending_error(s);
    if (error) fail(s, error);
    else s->hung_up = true;
  }
  if (!s->dead) update_events(s);
  JS_FreeValue(rm_context, keep);
}

static void report_taken(rm_socket *s) {
  if (s->dead || s->unreported == 0) return;
  JSValue count = JS_NewInt64(rm_context, (int64_t)s->unreported);
  s->unreported = 0;
  rm_call_method(s->handler, atom_taken, 1, &count);
}

static void socket_task(rm_task *task) {
  rm_socket *s = rm_container(task, rm_socket, task);
  JSValue keep = JS_DupValue(rm_context, s->handle.object);
  if (s->connected && !s->announced) {
    s->announced = true;
    rm_call_method(s->handler, atom_connected, 0, NULL);
    if (!s->dead) rm_outbox_flush(&s->outbox); /* what was written before */
  }
  report_taken(s);
  if (!s->dead && !s->over && s->handshaking && !s->starting) read_some(s);
  else if (!s->dead && !s->over && s->read_again && !s->paused) read_some(s);
  if (!s->dead && !s->over) try_end(s);
  if (s->over) report_taken(s);
  if (!s->dead && s->over) {
    JSValue failure = s->failure, handler = s->handler;
    s->failure = s->handler = JS_UNDEFINED;
    release(s);
    rm_call_method(handler, atom_closed, 1, &failure);
    JS_FreeValue(rm_context, handler);
    JS_FreeValue(rm_context, failure);
  }
  if (!s->dead) update_events(s);
  JS_FreeValue(rm_context, keep);
}

/* --- making sockets */

static JSValue socket_new(int fd, JSValueConst handler, rm_socket **made) {
  JSValue object = JS_NewObjectClass(rm_context, socket_class);
  if (JS_IsException(object)) return object;
  rm_socket *s = rm_alloc(sizeof *s);
  memset(s, 0, sizeof *s);
  s->watch.fd = fd;
  s->watch.ready = socket_ready;
  s->most = RECEIVE;
  rm_task_init(&s->task, socket_task);
  rm_outbox_init(&s->outbox);
  s->handler = JS_DupValue(rm_context, handler);
  s->failure = JS_UNDEFINED;
  JS_SetOpaque(object, s);
  rm_handle_pin(&s->handle, object, socket_stop);
  *made = s;
  return object;
}

JSValue rm_socket_accepted(int fd, rm_socket **made) {
  JSValue object = socket_new(fd, JS_UNDEFINED, made);
  if (!JS_IsException(object)) (*made)->connected = (*made)->announced = true;
  return object;
}

void rm_socket_start(rm_socket *s, JSValue handler) {
  if (s->dead) {
    JS_FreeValue(rm_context, handler);
    return;
  }
  s->handler = handler;
  update_events(s);
}

static JSValue dial(int family, const struct sockaddr *address, socklen_t size, int probe_after, JSValueConst handler,
  int error) {
  int fd = error ? -1 : socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && !error) error = errno;
  rm_socket *s;
  JSValue object = socket_new(fd, handler, &s);
  if (JS_IsException(object)) {
    if (fd >= 0) close(fd);
    return object;
  }
  if (error) {
    fail(s, error);
    return object;
  }
  int on = 1;
  s->tcp = family != AF_UNIX;
  if (s->tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (probe_after > 0) {
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &probe_after, sizeof probe_after);
  }
  if (connect(fd, address, size) == 0) {
    s->connected = true;
    rm_task_defer(&s->task);
  } else if (errno == EINPROGRESS || errno == EINTR) {
    s->connecting = true;
    update_events(s);
  } else {
    fail(s, errno);
  }
  return object;
}

/* connect({ address, port, probeAfterSeconds }, handler) */
static JSValue network_connect(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t port;
  JSValue port_value = JS_GetPropertyStr(context, argv[0], "port");
  int failed = JS_ToInt32(context, &port, port_value);
  JS_FreeValue(context, port_value);
  if (failed) return JS_EXCEPTION;
  int32_t probe_after;
  JSValue probe_value = JS_GetPropertyStr(context, argv[0], "probeAfterSeconds");
  failed = JS_ToInt32(context, &probe_after, probe_value); /* absent: 0 */
  JS_FreeValue(context, probe_value);
  if (failed) return JS_EXCEPTION;
  JSValue address_value = JS_GetPropertyStr(context, argv[0], "address");
  const char *address = JS_ToCString(context, address_value);
  JS_FreeValue(context, address_value);
  if (address == NULL) return JS_EXCEPTION;
  char service[12];
  snprintf(service, sizeof service, "%d", (int)port);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
  int error = port < 1 || port > 65535 || getaddrinfo(address, service, &hints, &found) ? EINVAL : 0;
  JS_FreeCString(context, address);
  JSValue object = dial(error ? AF_INET : found->ai_family, error ? NULL : found->ai_addr,
    error ? 0 : found->ai_addrlen, (int)probe_after, argv[1], error);
  if (found) freeaddrinfo(found);
  return object;
}

/* connectLocal(path, handler) */
static JSValue network_connect_local(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length;
  const char *path = JS_ToCStringLen(context, &length, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  int error = length < sizeof address.sun_path ? 0 : ENAMETOOLONG;
  if (!error) memcpy(address.sun_path, path, length);
  JS_FreeCString(context, path);
  return dial(AF_UNIX, (struct sockaddr *)&address, sizeof address, 0, argv[1], error);
}

/* --- methods */

static rm_socket *this_socket(JSContext *context, JSValueConst self) {
  return JS_GetOpaque2(context, self, socket_class);
}

static JSValue socket_write(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  rm_socket *s = this_socket(context, self);
  uint8_t *data;
  size_t length;
  if (s == NULL || !rm_bytes_range(argc, argv, &data, &length)) return JS_EXCEPTION;
  if (s->dead || s->over || s->ending) return JS_TRUE;
  return JS_NewBool(context, rm_outbox_add(&s->outbox, data, length));
}

static JSValue socket_end(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  (void)argv;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  if (s->ending || s->dead || s->over) return JS_UNDEFINED;
  s->ending = true;
  rm_task_defer(&s->task);
  return JS_UNDEFINED;
}

static JSValue set_paused(JSContext *context, JSValueConst self, int argc, JSValueConst *argv, int paused) {
  (void)argc;
  (void)argv;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  if (s->dead || s->over || s->paused == (paused != 0)) return JS_UNDEFINED;
  s->paused = paused != 0;
  rm_task_defer(&s->task);
  return JS_UNDEFINED;
}

static JSValue socket_read_at_most(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  rm_socket *s = this_socket(context, self);
  int64_t most;
  if (s == NULL || JS_ToInt64(context, &most, argv[0])) return JS_EXCEPTION;
  s->most = most < 1 ? 1 : most > RECEIVE ? RECEIVE : (size_t)most;
  return JS_UNDEFINED;
}

static JSValue socket_destroy(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  (void)argv;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  destroy(s);
  return JS_UNDEFINED;
}

static JSValue socket_start_tls(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  if (s->dead || s->over) return JS_UNDEFINED;
  if (!s->connected || s->handshaking || s->starting || s->ending)
    return JS_ThrowTypeError(context, "startTls: the socket is not connected, not open, or in a handshake");
#ifdef RM_TLS
  rm_outbox_flush(&s->outbox);
  if (s->over) return JS_UNDEFINED;
  layer *above = rm_alloc(sizeof *above);
  *above = (layer){NULL, s->top, s};
  rm_transport transport = {above, transport_send, transport_receive};
  JSValue error;
  above->tls = rm_tls_new(argv[0], &transport, &error);
  if (above->tls == NULL) {
    rm_free(above);
    if (JS_IsException(error)) return error;
    finish(s, error);
    return JS_UNDEFINED;
  }
  s->before_tls = s->outbox.queued;
  if (s->before_tls > 0) {
    s->starting = above;
  } else {
    s->top = above;
    s->handshaking = true;
  }
  rm_task_defer(&s->task);
#else
  (void)argv;
  finish(s, rm_error_text("tls-protocol", "this build has no TLS"));
#endif
  return JS_UNDEFINED;
}

static void socket_finalize(JSRuntime *runtime, JSValue object) {
  rm_socket *s = JS_GetOpaque(object, socket_class);
  if (s == NULL) return;
  JS_FreeValueRT(runtime, s->handler);
  JS_FreeValueRT(runtime, s->failure);
  rm_free(s);
}

static void socket_mark(JSRuntime *runtime, JSValueConst object, JS_MarkFunc *mark) {
  rm_socket *s = JS_GetOpaque(object, socket_class);
  if (s == NULL) return;
  JS_MarkValue(runtime, s->handler, mark);
  JS_MarkValue(runtime, s->failure, mark);
}

static const JSClassDef definition = {"Socket", .finalizer = socket_finalize, .gc_mark = socket_mark};
static const JSCFunctionListEntry methods[] = {
  JS_CFUNC_DEF("write", 3, socket_write),
  JS_CFUNC_DEF("end", 0, socket_end),
  JS_CFUNC_MAGIC_DEF("pause", 0, set_paused, 1),
  JS_CFUNC_MAGIC_DEF("resume", 0, set_paused, 0),
  JS_CFUNC_DEF("readAtMost", 1, socket_read_at_most),
  JS_CFUNC_DEF("destroy", 0, socket_destroy),
  JS_CFUNC_DEF("startTls", 1, socket_start_tls),
};
static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("connect", 2, network_connect),
  JS_CFUNC_DEF("connectLocal", 2, network_connect_local),
};

static const rm_outbox_owner outbox_owner = {outbox_send, outbox_sent};

void rm_socket_init(JSValueConst native) {
  rm_outboxes_owned_by(&outbox_owner);
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  rm_new_class_id(runtime, &socket_class);
  if (JS_NewClass(runtime, socket_class, &definition)) rm_fatal_exception();
  JSValue prototype = JS_NewObject(rm_context);
  rm_functions(prototype, methods, sizeof methods / sizeof *methods);
  JS_SetClassProto(rm_context, socket_class, prototype);
  atom_connected = JS_NewAtom(rm_context, "connected");
  atom_secured = JS_NewAtom(rm_context, "secured");
  atom_data = JS_NewAtom(rm_context, "data");
  atom_taken = JS_NewAtom(rm_context, "taken");
  atom_ended = JS_NewAtom(rm_context, "ended");
  atom_closed = JS_NewAtom(rm_context, "closed");
  receive_view = rm_bytes_over(receive_buffer, RECEIVE);
  rm_functions(rm_namespace(native, "network"), entries, sizeof entries / sizeof *entries);
}

void rm_socket_teardown(void) {
  JSAtom atoms[] = {atom_connected, atom_secured, atom_data, atom_taken, atom_ended, atom_closed};
  for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++) JS_FreeAtom(rm_context, atoms[i]);
  JS_FreeValue(rm_context, receive_view);
}
