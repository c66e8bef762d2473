#include "process.h"
#include "bytes.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"
#include "signals.h"
#include "timer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Blocks of 4 KiB read at a time: a child that prints without end must not hold up the loop, and neither must one that
 * it left behind with the same standard output. A pipe holds 16. */
enum { DRAIN_A_TURN = 16, DRAIN_AT_END = 256 };

/* What a child prints: standard output, or standard error. */
typedef struct {
  rm_watch watch;
  uint8_t *bytes;
  size_t length, limit;
} stream;

typedef struct {
  rm_cancellable cancellable;
  stream output, errors;
  rm_timer timer;
  rm_task task;
  rm_link running;
  pid_t child;         /* 0: none, or reaped */
  int status;          /* of waitpid */
  int error;           /* errno value: it could not be started */
  bool timed_out, cancelled;
} process;

static rm_link running = {&running, &running};

/* The struct outlives its JavaScript object's use while the child is not yet reaped, so that no zombie stays: it stays
 * pinned until then. */
static void finish_if_over(process *p) {
  if (p->child > 0) return;
  rm_link_remove(&p->running);
  if (p->cancelled) {
    rm_cancellable_end(&p->cancellable);
    return;
  }
  rm_task_defer(&p->task);
}

static void drain(stream *s, int blocks) {
  uint8_t block[4096];
  ssize_t got = -1;
  if (s->watch.fd < 0) return;
  while (blocks-- > 0 && ((got = read(s->watch.fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))) {
    if (got < 0) continue;
    size_t part = (size_t)got < s->limit - s->length ? (size_t)got : s->limit - s->length;
    if (part == 0) continue; /* over the bound: dropped, so that the child does not stall */
    s->bytes = rm_realloc(s->bytes, s->length + part);
    memcpy(s->bytes + s->length, block, part);
    s->length += part;
  }
  if (got == 0) rm_watch_close(&s->watch);
}

static void stream_close(stream *s) {
  rm_watch_close(&s->watch);
  rm_free(s->bytes);
  s->bytes = NULL;
}

static JSValue stream_bytes(stream *s) {
  drain(s, DRAIN_AT_END);
  return rm_bytes_copy(s->bytes ? s->bytes : (uint8_t *)"", s->length);
}

static void stop_child(process *p) {
  rm_timer_stop(&p->timer);
  rm_task_cancel(&p->task);
  if (p->child > 0) kill(-p->child, SIGKILL);
}

static void process_stop(rm_handle *handle) {
  process *p = rm_container(handle, process, cancellable.handle);
  if (p->cancelled) return;
  p->cancelled = true;
  stop_child(p);
  stream_close(&p->output);
  stream_close(&p->errors);
  if (p->child == 0) rm_cancellable_end(&p->cancellable);
}

static void process_done(rm_task *task) {
  process *p = rm_container(task, process, task);
  JSValue result = JS_NewObject(rm_context);
  JSValue status = JS_NULL;
  if (!p->error) status = JS_NewInt32(rm_context, WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status));
  rm_set(result, "status", status);
  rm_set(result, "output", stream_bytes(&p->output));
  rm_set(result, "errorOutput", stream_bytes(&p->errors));
  rm_set(result, "timedOut", JS_NewBool(rm_context, p->timed_out));
  rm_set(result, "error", p->error ? rm_error(p->error, NULL) : JS_NULL);
  rm_cancellable_finish(&p->cancellable, 1, &result);
}

static void process_output(rm_watch *watch, uint32_t events) {
  (void)events;
  drain(rm_container(watch, stream, watch), DRAIN_A_TURN);
}

static void process_timeout(rm_timer *timer) {
  process *p = rm_container(timer, process, timer);
  p->timed_out = true;
  if (p->child > 0) kill(-p->child, SIGKILL);
}

static void reap(void) {
  rm_link *next = running.next;
  while (next != &running) {
    process *p = rm_container(next, process, running);
    next = next->next;
    pid_t pid;
    do pid = waitpid(p->child, &p->status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid == 0) continue;
#ifdef RM_LIBRARY
    if (pid < 0) p->status = 255 << 8; /* the program has reaped it: nobody knows its status */
#endif
    p->child = 0;
    finish_if_over(p);
  }
}

void rm_process_teardown(void) {
  while (!rm_link_empty(&running)) {
    process *p = rm_container(running.next, process, running);
    process_stop(&p->cancellable.handle);
    while (waitpid(p->child, NULL, 0) < 0 && errno == EINTR) continue;
    p->child = 0;
    rm_link_remove(&p->running);
    rm_cancellable_end(&p->cancellable);
  }
}

/* A NULL-terminated vector of strings with room for `extra` more in front of its end; NULL with an exception. */
static char **strings(JSContext *context, JSValueConst array, size_t extra, size_t *count) {
  int64_t length;
  JSValue value = JS_GetPropertyStr(context, array, "length");
  int failed = JS_ToInt64(context, &length, value);
  JS_FreeValue(context, value);
  if (failed) return NULL;
  char **list = rm_alloc(((size_t)length + extra + 1) * sizeof *list);
  *count = 0;
  for (int64_t i = 0; i < length; i++) {
    value = JS_GetPropertyUint32(context, array, (uint32_t)i);
    const char *text = JS_ToCString(context, value);
    JS_FreeValue(context, value);
    if (text == NULL) {
      failed = true;
      break;
    }
    list[(*count)++] = strcpy(rm_alloc(strlen(text) + 1), text);
    JS_FreeCString(context, text);
  }
  list[*count] = NULL;
  if (!failed) return list;
  for (size_t i = 0; i < *count; i++) rm_free(list[i]);
  rm_free(list);
  return NULL;
}

static void free_strings(char **list, size_t count) {
  for (size_t i = 0; list && i < count; i++) rm_free(list[i]);
  rm_free(list);
}

/* The agent's environment without what `added`, strings NAME=VALUE, replaces, and then `added`. */
static char **merged_environment(char **added, size_t added_count) {
  size_t count = 0, used = 0;
  while (environ[count]) count++;
  char **merged = rm_alloc((count + added_count + 1) * sizeof *merged);
  for (size_t i = 0; i < count; i++) {
    size_t name = strcspn(environ[i], "=") + 1;
    bool replaced = false;
    for (size_t j = 0; j < added_count && !replaced; j++) replaced = strncmp(environ[i], added[j], name) == 0;
    if (!replaced) merged[used++] = environ[i];
  }
  for (size_t j = 0; j < added_count; j++) merged[used++] = added[j];
  merged[used] = NULL;
  return merged;
}

/* Two ends of a pipe, the first for us. Returns 0 or an errno value. */
static int open_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC)) return errno;
  return fcntl(ends[0], F_SETFL, O_NONBLOCK) ? errno : 0;
}

static void stream_open(stream *s, int fd) {
  rm_watch_open(&s->watch, fd);
  rm_watch_set(&s->watch, EPOLLIN);
}

/* Starts the program in a process group of its own. Returns 0 or an errno value. */
static int spawn(process *p, char **command, char **environment) {
  int output[2] = {-1, -1}, errors[2] = {-1, -1};
  bool wants_errors = p->errors.limit > 0;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  int error = open_pipe(output);
  if (!error && wants_errors) error = open_pipe(errors);
  if (!error) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  if (!error && wants_errors) error = posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
  else if (!error) error = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  if (!error) error = posix_spawnp(&p->child, command[0], &actions, &attributes, command, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (output[1] >= 0) close(output[1]);
  if (errors[1] >= 0) close(errors[1]);
  if (error) {
    if (output[0] >= 0) close(output[0]);
    if (errors[0] >= 0) close(errors[0]);
    p->child = 0;
    return error;
  }
  stream_open(&p->output, output[0]);
  if (wants_errors) stream_open(&p->errors, errors[0]);
  return 0;
}

static void stream_init(stream *s, int64_t limit) {
  s->watch.fd = -1;
  s->watch.ready = process_output;
  s->limit = limit > 0 ? (size_t)limit : 0;
}

/* run(command, timeoutMs, maxOutputBytes, environment, done, maxErrorBytes?); environment: strings NAME=VALUE */
static JSValue processes_run(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  double timeout;
  int64_t limit, error_limit = 0;
  size_t count, added_count;
  if (JS_ToFloat64(context, &timeout, argv[1]) || JS_ToInt64(context, &limit, argv[2])) return JS_EXCEPTION;
  if (!JS_IsUndefined(argv[5]) && JS_ToInt64(context, &error_limit, argv[5])) return JS_EXCEPTION;
  if (!JS_IsFunction(context, argv[4])) return JS_ThrowTypeError(context, "run: done is no function");
  char **command = strings(context, argv[0], 0, &count);
  if (command == NULL) return JS_EXCEPTION;
  char **added = strings(context, argv[3], 0, &added_count);
  if (added == NULL) {
    free_strings(command, count);
    return JS_EXCEPTION;
  }
  process *p = rm_alloc(sizeof *p);
  memset(p, 0, sizeof *p);
  stream_init(&p->output, limit);
  stream_init(&p->errors, error_limit);
  rm_task_init(&p->task, process_done);
  rm_link_init(&p->running);
  JSValue object = rm_cancellable_new(&p->cancellable, argv[4], process_stop);
  if (JS_IsException(object)) {
    rm_free(p);
  } else {
    char **environment = merged_environment(added, added_count);
    p->error = count > 0 ? spawn(p, command, environment) : EINVAL;
    rm_free(environment);
    if (p->error) {
      rm_task_defer(&p->task);
    } else {
      rm_link_append(&running, &p->running);
#ifdef RM_LIBRARY
      rm_signals_await_child(p->child);
#endif
      rm_timer_start(&p->timer, timeout, process_timeout);
    }
  }
  free_strings(command, count);
  free_strings(added, added_count);
  return object;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("run", 6, processes_run)};

void rm_process_init(JSValueConst native) {
  rm_functions(rm_namespace(native, "processes"), entries, 1);
  rm_signals_on_child(reap);
}
