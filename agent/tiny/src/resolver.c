/* getaddrinfo in a forked child, its answer through a pipe.
 *
 * A child instead of a thread: it can be killed, it needs no lock and no second allocator state, and what it touches is
 * gone when it has answered. getaddrinfo reads /etc/resolv.conf afresh each time. */
#include "resolver.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"
#include "signals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef RM_LIBRARY
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#endif

enum { ADDRESSES = 32, MAX_NAME = 255 };

typedef struct {
  uint8_t family; /* 4 or 6 */
  uint8_t address[16];
} record;

/* What the child writes at once: small enough for a pipe to take whole (PIPE_BUF). */
typedef struct {
  int16_t status; /* of getaddrinfo */
  int16_t count;
  record records[ADDRESSES];
} answer;

typedef struct {
  rm_cancellable cancellable;
  rm_watch watch;
  rm_task task;
#ifndef RM_LIBRARY
  pid_t child;
#endif
  size_t received;
  answer answer;
} lookup;

static void lookup_stop(rm_handle *handle) {
  lookup *l = rm_container(handle, lookup, cancellable.handle);
  rm_task_cancel(&l->task);
  rm_watch_close(&l->watch);
#ifndef RM_LIBRARY
  if (l->child > 0) {
    kill(l->child, SIGKILL);
    while (waitpid(l->child, NULL, 0) < 0 && errno == EINTR) continue;
    l->child = 0;
  }
#endif
  rm_cancellable_end(&l->cancellable);
}

static void lookup_done(rm_task *task) {
  lookup *l = rm_container(task, lookup, task);
  JSValue arguments[2] = {JS_NewArray(rm_context), JS_NULL};
  int status = l->answer.status;
  if (l->received < offsetof(answer, records)) {
    arguments[1] = rm_error_text("name-failure", "the name resolver could not be started, or failed");
  } else if (status == EAI_NONAME || (status == 0 && l->answer.count == 0)
#ifdef EAI_NODATA
             || status == EAI_NODATA
#endif
  ) {
    arguments[1] = rm_error_text("name-not-found", "name not found");
  } else if (status != 0) {
    arguments[1] = rm_error_text("name-failure", gai_strerror(status));
  } else {
    for (int i = 0; i < l->answer.count; i++) {
      const record *r = &l->answer.records[i];
      char text[INET6_ADDRSTRLEN];
      inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->address, text, sizeof text);
      JSValue entry = JS_NewObject(rm_context);
      rm_set(entry, "address", rm_string(text));
      rm_set(entry, "family", JS_NewInt32(rm_context, r->family));
      JS_DefinePropertyValueUint32(rm_context, arguments[0], (uint32_t)i, entry, JS_PROP_C_W_E);
    }
  }
  rm_cancellable_finish(&l->cancellable, 2, arguments);
}

static void lookup_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  lookup *l = rm_container(watch, lookup, watch);
  ssize_t got = read(watch->fd, (char *)&l->answer + l->received, sizeof l->answer - l->received);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) {
    l->received += (size_t)got;
    if (l->received < sizeof l->answer) return;
  }
  lookup_done(&l->task);
}

static int add_address(answer *reply, const struct sockaddr *address) {
  if (reply->count == ADDRESSES) return 0;
  record *r = &reply->records[reply->count];
  if (address->sa_family == AF_INET) {
    r->family = 4;
    memcpy(r->address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    r->family = 6;
    memcpy(r->address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
  } else {
    return 0;
  }
  reply->count++;
  return 1;
}

/* What getaddrinfo says of a name. */
static void look_up(const char *name, answer *reply) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
  reply->status = (int16_t)getaddrinfo(name, NULL, &hints, &found);
  for (struct addrinfo *next = found; next; next = next->ai_next) add_address(reply, next->ai_addr);
#ifdef RM_LIBRARY
  if (found) freeaddrinfo(found);
#endif
}

#ifdef RM_LIBRARY

/* A process with threads may not fork and go on, so here a thread waits for getaddrinfo. It owns this, and nothing else;
 * one whose look-up was cancelled ends when getaddrinfo does. */
typedef struct {
  int end;
  char name[MAX_NAME + 1];
} request;

enum { THREADS = 8, THREAD_STACK = 256 * 1024 };

static atomic_int threads;

static void *thread(void *argument) {
  request *r = argument;
  answer reply;
  memset(&reply, 0, sizeof reply);
  look_up(r->name, &reply);
  (void)!send(r->end, &reply, sizeof reply, MSG_NOSIGNAL);
  close(r->end);
  free(r);
  atomic_fetch_sub(&threads, 1);
  return NULL;
}

/* Starts the thread, which gets no signal; when that fails, the answer stays empty and is told as name-failure. */
static void start(lookup *l, const char *name) {
  int ends[2];
  if (atomic_fetch_add(&threads, 1) >= THREADS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
    atomic_fetch_sub(&threads, 1);
    return;
  }
  request *r = malloc(sizeof *r);
  pthread_attr_t attributes;
  pthread_t started;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, THREAD_STACK);
  if (r) {
    r->end = ends[1];
    strcpy(r->name, name);
  }
  bool failed = r == NULL || fcntl(ends[0], F_SETFL, O_NONBLOCK) || pthread_create(&started, &attributes, thread, r);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) {
    close(ends[0]);
    close(ends[1]);
    free(r);
    atomic_fetch_sub(&threads, 1);
    return;
  }
  rm_watch_open(&l->watch, ends[0]);
}

#else

/* A socket that the agent closes while a name is being looked up must not live on in the child. */
static void close_all_but(int kept) {
#ifdef SYS_close_range
  if ((kept == 3 || syscall(SYS_close_range, 3, kept - 1, 0) == 0) && syscall(SYS_close_range, kept + 1, ~0u, 0) == 0)
    return;
#endif
  struct rlimit limit; /* Linux before 5.9 */
  int bound = 65536;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)bound) bound = (int)limit.rlim_cur;
  for (int fd = 3; fd < bound; fd++)
    if (fd != kept) close(fd);
}

static _Noreturn void child(const char *name, int pipe_end) {
  answer reply;
  memset(&reply, 0, sizeof reply);
  rm_signals_unblock();
  close_all_but(pipe_end);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  look_up(name, &reply);
  ssize_t written;
  do written = write(pipe_end, &reply, sizeof reply);
  while (written < 0 && errno == EINTR);
  _exit(0);
}

/* Starts the child; when that fails, the answer stays empty and is told as name-failure. */
static void start(lookup *l, const char *name) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return;
  l->child = fork();
  if (l->child == 0) child(name, ends[1]);
  close(ends[1]);
  if (l->child < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
    close(ends[0]);
    return;
  }
  rm_watch_open(&l->watch, ends[0]);
}

#endif

/* resolve(name, done) */
static JSValue network_resolve(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  if (!JS_IsFunction(context, argv[1])) return JS_ThrowTypeError(context, "resolve: done is no function");
  size_t length;
  const char *name = JS_ToCStringLen(context, &length, argv[0]);
  if (name == NULL) return JS_EXCEPTION;
  lookup *l = rm_alloc(sizeof *l);
  memset(l, 0, sizeof *l);
  l->watch.fd = -1;
  l->watch.ready = lookup_ready;
  rm_task_init(&l->task, lookup_done);
  JSValue object = rm_cancellable_new(&l->cancellable, argv[1], lookup_stop);
  if (JS_IsException(object)) {
    JS_FreeCString(context, name);
    rm_free(l);
    return object;
  }
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *literal;
  if (getaddrinfo(name, NULL, &hints, &literal) == 0) {
    add_address(&l->answer, literal->ai_addr);
    l->received = sizeof l->answer;
    freeaddrinfo(literal);
  } else if (length == 0 || length > MAX_NAME) {
    l->answer.status = EAI_NONAME;
    l->received = sizeof l->answer;
  } else {
    start(l, name);
  }
  JS_FreeCString(context, name);
  if (l->watch.fd < 0 || rm_watch_set(&l->watch, EPOLLIN)) rm_task_defer(&l->task);
  return object;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("resolve", 2, network_resolve)};

void rm_resolver_init(JSValueConst native) {
  rm_namespace_add(native, "network", entries, 1);
}
