#include "listener.h"
#include "call.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"
#include "socket.h"
#include "timer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 8, RETRY_MS = 1000, LOCK_TRIES = 500, LOCK_TRY_MS = 10 };

typedef struct {
  rm_handle handle;
  rm_watch watch;
  rm_timer retry;
  rm_task failing;
  JSValue accept, failed;
  int error; /* errno value: listening is not possible, `failed` is to be told */
  struct sockaddr_un address; /* of a local socket; with family 0 it is one of TCP */
  ino_t inode; /* of the socket that was made there */
} listener;

static JSClassID listener_class;

static void listener_stop(rm_handle *handle) {
  listener *l = rm_container(handle, listener, handle);
  struct stat state;
  /* What somebody else has put in its place stays. */
  if (l->watch.fd >= 0 && lstat(l->address.sun_path, &state) == 0 && state.st_ino == l->inode)
    unlink(l->address.sun_path);
  rm_watch_close(&l->watch);
  rm_timer_stop(&l->retry);
  rm_task_cancel(&l->failing);
  JSValue accept = l->accept, failed = l->failed;
  l->accept = l->failed = JS_UNDEFINED;
  JS_FreeValue(rm_context, accept);
  JS_FreeValue(rm_context, failed);
  rm_handle_unpin(handle);
}

static void listener_failed(rm_task *task) {
  listener *l = rm_container(task, listener, failing);
  JSValue failed = JS_DupValue(rm_context, l->failed);
  JSValue error = rm_error(l->error, NULL);
  listener_stop(&l->handle);
  rm_call(failed, 1, &error);
  JS_FreeValue(rm_context, failed);
  JS_FreeValue(rm_context, error);
}

static void listener_retry(rm_timer *timer) {
  listener *l = rm_container(timer, listener, retry);
  if (rm_watch_set(&l->watch, EPOLLIN)) rm_timer_start(timer, RETRY_MS, listener_retry);
}

static void listener_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  listener *l = rm_container(watch, listener, watch);
  int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      /* The caller stays in the backlog; asking again at once would only keep the processor busy. */
      rm_watch_set(watch, 0);
      rm_timer_start(&l->retry, RETRY_MS, listener_retry);
    }
    return;
  }
  rm_socket *made;
  JSValue socket = rm_socket_accepted(fd, l->address.sun_family != AF_UNIX, &made);
  if (JS_IsException(socket)) rm_fatal_exception();
  JSValue accept = JS_DupValue(rm_context, l->accept);
  rm_socket_start(made, rm_call_for(accept, 1, &socket));
  JS_FreeValue(rm_context, accept);
  JS_FreeValue(rm_context, socket);
}

static JSValue listener_close(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  (void)argv;
  listener *l = JS_GetOpaque2(context, self, listener_class);
  if (l == NULL) return JS_EXCEPTION;
  listener_stop(&l->handle);
  return JS_UNDEFINED;
}

/* 0 when somebody answers at this address, or an errno value. */
static int probe(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int error = connect(fd, (const struct sockaddr *)address, sizeof *address) ? errno : 0;
  close(fd);
  return error;
}

/* Binds with mode 0600 from the first moment on. Returns 0 or an errno value. */
static int bind_private(int fd, const struct sockaddr_un *address) {
  mode_t before = umask(0177);
  int error = bind(fd, (const struct sockaddr *)address, sizeof *address) ? errno : 0;
  umask(before);
  return error;
}

/* Locks the directory of a path, so that of several that start at the same moment one has looked at, removed, made and
 * opened its socket before the next one looks. Nobody needs that lock for long: after 5 s it is not waited for. */
static int lock_directory(const char *path) {
  char directory[sizeof((struct sockaddr_un *)0)->sun_path + 1];
  const char *slash = strrchr(path, '/');
  snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK; i++)
    nanosleep(&(struct timespec){.tv_nsec = LOCK_TRY_MS * 1000000}, NULL);
  return fd;
}

/* Opens, binds and listens. Returns 0 or an errno value, and then *fd is -1. */
static int listen_at(const struct sockaddr_un *address, int *fd) {
  *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) return errno;
  int lock = lock_directory(address->sun_path);
  int error = bind_private(*fd, address);
  struct stat state;
  if (error == EADDRINUSE && probe(address) == ECONNREFUSED && lstat(address->sun_path, &state) == 0
      && S_ISSOCK(state.st_mode) && unlink(address->sun_path) == 0) error = bind_private(*fd, address);
  if (!error && listen(*fd, BACKLOG)) error = errno;
  if (lock >= 0) close(lock);
  if (error) {
    close(*fd);
    *fd = -1;
  }
  return error;
}

/* A listener with callbacks[0] `accept` and callbacks[1] `failed`, pinned; or an exception. */
static JSValue listener_new(JSContext *context, JSValueConst *callbacks, listener **made) {
  if (!JS_IsFunction(context, callbacks[0]) || !JS_IsFunction(context, callbacks[1]))
    return JS_ThrowTypeError(context, "accept or failed is no function");
  JSValue result = JS_NewObjectClass(context, (int)listener_class);
  if (JS_IsException(result)) return result;
  listener *l = rm_alloc(sizeof *l);
  memset(l, 0, sizeof *l);
  l->watch.fd = -1;
  l->watch.ready = listener_ready;
  rm_task_init(&l->failing, listener_failed);
  l->accept = JS_DupValue(context, callbacks[0]);
  l->failed = JS_DupValue(context, callbacks[1]);
  JS_SetOpaque(result, l);
  rm_handle_pin(&l->handle, result, listener_stop);
  *made = l;
  return result;
}

/* Waits for connections at this descriptor, or tells why there will be none. */
static void listener_begin(listener *l, int error, int fd) {
  rm_watch_open(&l->watch, fd);
  l->error = error ? error : rm_watch_set(&l->watch, EPOLLIN);
  if (l->error) rm_task_defer(&l->failing);
}

/* listenLocal(path, accept, failed) */
static JSValue network_listen_local(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  size_t length;
  const char *path = JS_ToCStringLen(context, &length, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  listener *l = NULL;
  JSValue result = listener_new(context, argv + 1, &l);
  if (JS_IsException(result)) {
    JS_FreeCString(context, path);
    return result;
  }
  int error = ENAMETOOLONG, fd = -1;
  l->address.sun_family = AF_UNIX;
  if (length < sizeof l->address.sun_path) {
    memcpy(l->address.sun_path, path, length);
    struct stat state;
    error = listen_at(&l->address, &fd);
    if (!error && lstat(l->address.sun_path, &state) == 0) l->inode = state.st_ino;
  }
  JS_FreeCString(context, path);
  listener_begin(l, error, fd);
  return result;
}

#ifdef RM_GATEWAY
/* Opens, binds and listens on an address of this machine. Returns 0 or an errno value, and then *fd is -1. */
static int listen_on(const char *address, const char *port, int *fd) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(address, port, &hints, &found)) return EINVAL;
  int one = 1, error = 0;
  *fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)
      || bind(*fd, found->ai_addr, found->ai_addrlen) || listen(*fd, BACKLOG)) error = errno;
  freeaddrinfo(found);
  if (error && *fd >= 0) {
    close(*fd);
    *fd = -1;
  }
  return error;
}

/* listenTcp(address, port, accept, failed) */
static JSValue network_listen_tcp(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  listener *l = NULL;
  JSValue result = listener_new(context, argv + 2, &l);
  if (JS_IsException(result)) return result;
  const char *address = JS_ToCString(context, argv[0]), *port = JS_ToCString(context, argv[1]);
  int fd = -1, error = address && port ? listen_on(address, port, &fd) : EINVAL;
  listener_begin(l, error, fd);
  JS_FreeCString(context, address);
  JS_FreeCString(context, port);
  return result;
}
#endif

static void listener_finalize(JSRuntime *runtime, JSValue object) {
  listener *l = JS_GetOpaque(object, listener_class);
  if (l == NULL) return;
  JS_FreeValueRT(runtime, l->accept);
  JS_FreeValueRT(runtime, l->failed);
  rm_free(l);
}

static void listener_mark(JSRuntime *runtime, JSValueConst object, JS_MarkFunc *mark) {
  listener *l = JS_GetOpaque(object, listener_class);
  if (l == NULL) return;
  JS_MarkValue(runtime, l->accept, mark);
  JS_MarkValue(runtime, l->failed, mark);
}

static const JSClassDef definition = {"Listener", .finalizer = listener_finalize, .gc_mark = listener_mark};
static const JSCFunctionListEntry methods[] = {JS_CFUNC_DEF("close", 0, listener_close)};
static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("listenLocal", 3, network_listen_local),
#ifdef RM_GATEWAY
  JS_CFUNC_DEF("listenTcp", 4, network_listen_tcp),
#endif
};

void rm_listener_init(JSValueConst native) {
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  rm_new_class_id(runtime, &listener_class);
  if (JS_NewClass(runtime, listener_class, &definition)) rm_fatal_exception();
  JSValue prototype = JS_NewObject(rm_context);
  rm_functions(prototype, methods, 1);
  JS_SetClassProto(rm_context, listener_class, prototype);
  rm_namespace_add(native, "network", entries, sizeof entries / sizeof *entries);
}
