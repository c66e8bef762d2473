/* Every callback comes from socket_ready or socket_task, that is, from the loop. What goes wrong inside a call from
 * JavaScript is remembered and reported by the task. */
#include "socket.h"
#include "bytes.h"
#include "call.h"
#include "descriptor.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "outbox.h"
#include "runtime.h"
#include "socket_phase.h"
#include "tls_stack.h"
#include "trim.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
  /* One receive; the buffer is shared by all sockets. As one frame, headers included, it stays below the 65,483 bytes
   * of the loopback's largest segment: 64 KiB would be sent as one of these and a small one, at nearly twice the cost. */
  RECEIVE = 65400
};

struct rm_socket {
  rm_handle handle;
  rm_watch watch;
  rm_task task;
  rm_outbox outbox;
  rm_tls_stack stack;
  rm_phase phase;
  JSValue handler;
  JSValue failure;        /* the HostError to close with, JS_NULL for none; meaningful in ABORTED and CLOSING */
  size_t unreported;      /* bytes taken, not yet told */
  size_t read_limit;      /* bytes that one data call brings at most, up to RECEIVE */
  bool tcp;
  bool paused, end_asked; /* what the script has asked for */
  bool want_write;        /* something waits until the descriptor takes bytes */
  bool read_again;        /* there is something to read that has no event */
  bool hung_up;           /* a hang-up was seen while paused: out of the epoll set until resume() */
};

static JSClassID socket_class;
static JSAtom atom_connected, atom_secured, atom_data, atom_taken, atom_ended, atom_closed;
static RM_PAGE_ALIGNED uint8_t receive_buffer[RECEIVE];
static JSValue receive_view;

static bool live(const rm_socket *s) { return rm_phase_live(s->phase); }

static void advance(rm_socket *s, rm_phase_event event) { s->phase = rm_phase_after(s->phase, event); }

/* --- ends */

/* Gives everything back. The struct itself goes with its JavaScript object, which may be now. */
static void release(rm_socket *s) {
  advance(s, RM_EVENT_RELEASED);
  rm_watch_close(&s->watch);
  rm_task_cancel(&s->task);
  rm_outbox_drop(&s->outbox);
  rm_tls_stack_free(&s->stack);
  JSValue handler = s->handler, failure = s->failure;
  s->handler = s->failure = JS_UNDEFINED;
  JS_FreeValue(rm_context, handler);
  JS_FreeValue(rm_context, failure);
  rm_handle_unpin(&s->handle);
}

/* Unless both directions have ended, the peer gets RST: what it has may be a part. */
static void destroy(rm_socket *s) {
  if (s->phase == RM_PHASE_CLOSED) return;
  if (s->tcp && rm_phase_connected(s->phase) && s->phase != RM_PHASE_BOTH_ENDED) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(s->watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  release(s);
}

static void socket_stop(rm_handle *handle) { destroy(rm_container(handle, rm_socket, handle)); }

/* Closes with this error, or JS_NULL, as soon as the loop can say so. Takes the ownership of `error`. */
static void finish(rm_socket *s, JSValue error) {
  if (!live(s)) {
    JS_FreeValue(rm_context, error);
    return;
  }
  advance(s, RM_EVENT_FINISHED);
  s->failure = error;
  rm_watch_close(&s->watch);
  rm_task_defer(&s->task);
}

static void fail(rm_socket *s, int error) { finish(s, rm_error(error, NULL)); }

static void update_events(rm_socket *s) {
  if (!live(s) || s->watch.fd < 0) return;
  uint32_t events = EPOLLERR;
  if (s->phase == RM_PHASE_CONNECTING) {
    events = EPOLLOUT;
  } else {
    if (rm_phase_readable(s->phase) && (!s->paused || rm_tls_stack_handshaking(&s->stack))) events |= EPOLLIN;
    if (s->want_write) events |= EPOLLOUT;
    if (events & EPOLLIN) s->hung_up = false;
    else if (s->hung_up) events &= (uint32_t)~EPOLLERR;
  }
  int error = rm_watch_set(&s->watch, events);
  if (error) fail(s, error);
}

/* --- TLS */

#ifdef RM_TLS
/* True when no layer holds anything back; otherwise it waits for the descriptor, or the connection has failed. */
static bool flushed(rm_socket *s, rm_tls_status status) {
  if (status == RM_TLS_FAILED) finish(s, rm_tls_stack_error(&s->stack));
  else if (status != RM_TLS_DONE) s->want_write = true;
  return status == RM_TLS_DONE;
}

/* The handshake goes on, or begins. `secured` is called when it is over. */
static void handshake(rm_socket *s) {
  s->want_write = false;
  switch (rm_tls_stack_handshake(&s->stack)) {
  case RM_TLS_DONE: {
    JSValue secured = JS_GetProperty(rm_context, s->handler, atom_secured);
    if (JS_IsFunction(rm_context, secured)) {
      JSValue session = rm_tls_stack_session(&s->stack);
      rm_call_method(s->handler, atom_secured, 1, &session);
      JS_FreeValue(rm_context, session);
    }
    JS_FreeValue(rm_context, secured);
    if (live(s) && flushed(s, rm_tls_stack_flush_below(&s->stack))) rm_outbox_flush(&s->outbox);
    break;
  }
  case RM_TLS_WANT_WRITE:
    s->want_write = true;
    break;
  case RM_TLS_WANT_READ:
    flushed(s, rm_tls_stack_flush_below(&s->stack));
    break;
  case RM_TLS_EOF:
    finish(s, rm_error_text("reset", "the peer closed the connection during the TLS handshake"));
    break;
  case RM_TLS_FAILED:
    finish(s, rm_tls_stack_error(&s->stack));
  }
}

static ssize_t send_secured(rm_socket *s, const struct iovec *pieces, int count, size_t offered) {
  size_t taken;
  rm_tls_status status = rm_tls_stack_write(&s->stack, pieces, count, &taken);
  if (status == RM_TLS_FAILED) {
    finish(s, rm_tls_stack_error(&s->stack));
    return -1;
  }
  s->want_write = status == RM_TLS_WANT_WRITE || taken < offered;
  return flushed(s, rm_tls_stack_flush_below(&s->stack)) || live(s) ? (ssize_t)taken : -1;
}
#endif

/* --- sending */

static ssize_t send_plain(rm_socket *s, const struct iovec *pieces, int count, size_t offered) {
  ssize_t sent = rm_descriptor_send(s->watch.fd, pieces, count, false);
  if (sent == -EAGAIN) sent = 0;
  if (sent < 0) {
    fail(s, (int)-sent);
    return -1;
  }
  s->want_write = (size_t)sent < offered;
  return sent;
}

/* FIN, once all is sent. From socket_ready and socket_task only, which set the events afterwards. */
static void try_end(rm_socket *s) {
  if (!s->end_asked || !rm_phase_writable(s->phase) || !rm_tls_stack_steady(&s->stack)) return;
  if (rm_outbox_size(&s->outbox) > 0) return;
  if (!rm_tls_stack_end(&s->stack)) {
    s->want_write = true;
    return;
  }
  shutdown(s->watch.fd, SHUT_WR);
  advance(s, RM_EVENT_FIN_SENT);
  if (s->phase == RM_PHASE_BOTH_ENDED) finish(s, JS_NULL);
}

static ssize_t outbox_send(rm_outbox *outbox, const struct iovec *pieces, int count) {
  rm_socket *s = rm_container(outbox, rm_socket, outbox);
  if (!live(s)) return -1;
  if (!rm_phase_connected(s->phase) || rm_tls_stack_handshaking(&s->stack)) return 0;
  s->want_write = false;
#ifdef RM_TLS
  struct iovec before;
  if (rm_tls_stack_draining(&s->stack)) {
    before = pieces[0];
    if (before.iov_len > s->stack.before_next) before.iov_len = s->stack.before_next;
    pieces = &before;
    count = 1;
  }
#endif
  size_t offered = 0;
  for (int i = 0; i < count; i++) offered += pieces[i].iov_len;
#ifdef RM_TLS
  bool secured = rm_tls_stack_secured(&s->stack);
  ssize_t sent = secured ? send_secured(s, pieces, count, offered) : send_plain(s, pieces, count, offered);
  if (sent < 0) return -1;
  if (rm_tls_stack_draining(&s->stack)) {
    rm_tls_stack_sent(&s->stack, (size_t)sent);
    if (rm_tls_stack_draining(&s->stack)) s->want_write = true;
  }
#else
  ssize_t sent = send_plain(s, pieces, count, offered);
  if (sent < 0) return -1;
#endif
  if (s->want_write || rm_tls_stack_handshaking(&s->stack)) rm_task_defer(&s->task);
  return sent;
}

static void outbox_sent(rm_outbox *outbox, size_t count) {
  rm_socket *s = rm_container(outbox, rm_socket, outbox);
  s->unreported += count;
  if (count > 0 || s->end_asked) rm_task_defer(&s->task);
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
  advance(s, RM_EVENT_FIN_RECEIVED);
  rm_call_method(s->handler, atom_ended, 0, NULL);
  if (s->phase == RM_PHASE_BOTH_ENDED) finish(s, JS_NULL);
}

static void read_plain(rm_socket *s) {
  ssize_t got = rm_descriptor_receive(s->watch.fd, receive_buffer, s->read_limit);
  if (got > 0) deliver(s, (size_t)got);
  else if (got == 0) end_of_stream(s);
  else if (got != -EAGAIN) fail(s, (int)-got);
}

#ifdef RM_TLS
static bool may_read(const rm_socket *s) {
  return rm_phase_readable(s->phase) && !s->paused && rm_tls_stack_steady(&s->stack);
}

static void read_secured(rm_socket *s) {
  rm_tls_status status;
  do {
    size_t filled = 0, got;
    do {
      status = rm_tls_stack_read(&s->stack, receive_buffer + filled, s->read_limit - filled, &got);
      if (status == RM_TLS_DONE) filled += got;
    } while (status == RM_TLS_DONE && filled < s->read_limit);
    if (filled > 0) deliver(s, filled);
  } while (status == RM_TLS_DONE && may_read(s));
  if (!live(s)) return;
  if (status == RM_TLS_DONE) s->read_again = true;
  else if (status == RM_TLS_EOF) end_of_stream(s);
  else if (status == RM_TLS_FAILED) finish(s, rm_tls_stack_error(&s->stack));
  else if (status == RM_TLS_WANT_WRITE) s->want_write = true;
}

static void read_through_tls(rm_socket *s) {
  rm_tls_stack_begin_reading(&s->stack);
  s->read_again = false;
  if (rm_tls_stack_handshaking(&s->stack)) handshake(s);
  if (may_read(s)) read_secured(s);
  bool readable = rm_phase_readable(s->phase);
  if (rm_tls_stack_end_reading(&s->stack, readable)) s->read_again = true;
  if (readable && s->read_again && !s->paused && !s->want_write) rm_task_defer(&s->task);
}
#endif

static void read_some(rm_socket *s) {
  if (rm_tls_stack_draining(&s->stack)) return;
#ifdef RM_TLS
  if (rm_tls_stack_secured(&s->stack)) {
    read_through_tls(s);
    return;
  }
#endif
  if (!s->paused && rm_phase_readable(s->phase)) read_plain(s);
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

static void connected(rm_socket *s) {
  advance(s, RM_EVENT_CONNECTED);
  rm_task_defer(&s->task);
}

static void socket_ready(rm_watch *watch, uint32_t events) {
  rm_socket *s = rm_container(watch, rm_socket, watch);
  if (s->phase == RM_PHASE_CONNECTING) {
    int error = connect_error(s);
    if (error) fail(s, error);
    else connected(s);
    update_events(s);
    return;
  }
  JSValue keep = JS_DupValue(rm_context, s->handle.object);
  bool reads = (watch->events & EPOLLIN) != 0;
  if (events & EPOLLOUT) {
    s->want_write = false;
#ifdef RM_TLS
    if (rm_tls_stack_handshaking(&s->stack)) read_some(s);
    else if (rm_outbox_size(&s->outbox) == 0) flushed(s, rm_tls_stack_flush(&s->stack)); /* cut short, with nothing behind it */
#endif
    if (live(s) && !rm_tls_stack_handshaking(&s->stack)) rm_outbox_flush(&s->outbox);
    try_end(s);
  }
  if (live(s) && reads && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    read_some(s);
  } else if (live(s) && events & (EPOLLHUP | EPOLLERR)) {
    int error = pending_error(s);
    if (error) fail(s, error);
    else s->hung_up = true;
  }
  update_events(s);
  JS_FreeValue(rm_context, keep);
}

static void report_taken(rm_socket *s) {
  if (s->phase == RM_PHASE_CLOSED || s->unreported == 0) return;
  JSValue count = JS_NewInt64(rm_context, (int64_t)s->unreported);
  s->unreported = 0;
  rm_call_method(s->handler, atom_taken, 1, &count);
}

static void report_closed(rm_socket *s) {
  JSValue failure = s->failure, handler = s->handler;
  s->failure = s->handler = JS_UNDEFINED;
  release(s);
  rm_call_method(handler, atom_closed, 1, &failure);
  JS_FreeValue(rm_context, handler);
  JS_FreeValue(rm_context, failure);
}

static void socket_task(rm_task *task) {
  rm_socket *s = rm_container(task, rm_socket, task);
  JSValue keep = JS_DupValue(rm_context, s->handle.object);
  if (s->phase == RM_PHASE_CONNECTED || s->phase == RM_PHASE_ABORTED) {
    advance(s, RM_EVENT_ANNOUNCED);
    rm_call_method(s->handler, atom_connected, 0, NULL);
    if (s->phase != RM_PHASE_CLOSED) rm_outbox_flush(&s->outbox); /* what was written before */
  }
  report_taken(s);
  if (live(s) && (rm_tls_stack_handshaking(&s->stack) || (s->read_again && !s->paused))) read_some(s);
  try_end(s);
  if (s->phase == RM_PHASE_CLOSING) report_taken(s);
  if (s->phase == RM_PHASE_CLOSING) report_closed(s);
  update_events(s);
  JS_FreeValue(rm_context, keep);
}

/* --- making sockets */

static JSValue socket_new(int fd, JSValueConst handler, rm_socket **made) {
  JSValue object = JS_NewObjectClass(rm_context, socket_class);
  if (JS_IsException(object)) return object;
  rm_socket *s = rm_alloc(sizeof *s);
  memset(s, 0, sizeof *s);
  rm_watch_open(&s->watch, fd);
  s->watch.ready = socket_ready;
  s->read_limit = RECEIVE;
  rm_task_init(&s->task, socket_task);
  rm_outbox_init(&s->outbox);
  s->handler = JS_DupValue(rm_context, handler);
  s->failure = JS_UNDEFINED;
  JS_SetOpaque(object, s);
  rm_handle_pin(&s->handle, object, socket_stop);
  *made = s;
  return object;
}

static void no_delay(const rm_socket *s) {
  if (s->tcp) setsockopt(s->watch.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

JSValue rm_socket_accepted(int fd, bool tcp, rm_socket **made) {
  JSValue object = socket_new(fd, JS_UNDEFINED, made);
  if (JS_IsException(object)) return object;
  (*made)->tcp = tcp;
  no_delay(*made);
  advance(*made, RM_EVENT_ACCEPTED);
  return object;
}

void rm_socket_start(rm_socket *s, JSValue handler) {
  if (s->phase == RM_PHASE_CLOSED) {
    JS_FreeValue(rm_context, handler);
    return;
  }
  s->handler = handler;
  update_events(s);
}

JSValue rm_socket_dial(const struct sockaddr *address, socklen_t size, int probe_after, JSValueConst handler) {
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return rm_socket_failed(errno, handler);
  rm_socket *s;
  JSValue object = socket_new(fd, handler, &s);
  if (JS_IsException(object)) {
    close(fd);
    return object;
  }
  int on = 1;
  s->tcp = address->sa_family != AF_UNIX;
  no_delay(s);
  if (probe_after > 0) {
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &probe_after, sizeof probe_after);
  }
  if (connect(fd, address, size) == 0) {
    connected(s);
  } else if (errno == EINPROGRESS || errno == EINTR) {
    advance(s, RM_EVENT_CONNECT);
    update_events(s);
  } else {
    fail(s, errno);
  }
  return object;
}

JSValue rm_socket_failed(int error, JSValueConst handler) {
  rm_socket *s;
  JSValue object = socket_new(-1, handler, &s);
  if (!JS_IsException(object)) fail(s, error);
  return object;
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
  if (!live(s) || s->end_asked) return JS_TRUE;
  return JS_NewBool(context, rm_outbox_add(&s->outbox, data, length));
}

static JSValue socket_end(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  (void)argv;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  if (s->end_asked || !live(s)) return JS_UNDEFINED;
  s->end_asked = true;
  rm_task_defer(&s->task);
  return JS_UNDEFINED;
}

static JSValue set_paused(JSContext *context, JSValueConst self, int argc, JSValueConst *argv, int paused) {
  (void)argc;
  (void)argv;
  rm_socket *s = this_socket(context, self);
  if (s == NULL) return JS_EXCEPTION;
  if (!live(s) || s->paused == (paused != 0)) return JS_UNDEFINED;
  s->paused = paused != 0;
  rm_task_defer(&s->task);
  return JS_UNDEFINED;
}

static JSValue socket_read_at_most(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  rm_socket *s = this_socket(context, self);
  int64_t limit;
  if (s == NULL || JS_ToInt64(context, &limit, argv[0])) return JS_EXCEPTION;
  s->read_limit = limit < 1 ? 1 : limit > RECEIVE ? RECEIVE : (size_t)limit;
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
  if (!live(s)) return JS_UNDEFINED;
  if (!rm_phase_connected(s->phase) || !rm_tls_stack_steady(&s->stack) || s->end_asked)
    return JS_ThrowTypeError(context, "startTls: the socket is not connected, not open, or in a handshake");
#ifdef RM_TLS
  rm_outbox_flush(&s->outbox);
  if (!live(s)) return JS_UNDEFINED;
  JSValue error;
  if (rm_tls_stack_push(&s->stack, &s->watch, argv[0], s->outbox.queued, &error)) rm_task_defer(&s->task);
  else if (JS_IsException(error)) return error;
  else finish(s, error);
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

static const rm_outbox_owner outbox_owner = {outbox_send, outbox_sent};

void rm_socket_init(void) {
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
  rm_trim_scratch(receive_buffer, sizeof receive_buffer);
  rm_tls_stack_init();
  receive_view = rm_bytes_over(receive_buffer, RECEIVE);
}

void rm_socket_teardown(void) {
  JSAtom atoms[] = {atom_connected, atom_secured, atom_data, atom_taken, atom_ended, atom_closed};
  for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++) JS_FreeAtom(rm_context, atoms[i]);
  JS_FreeValue(rm_context, receive_view);
}
