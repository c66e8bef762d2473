/* The functions of rm_agent.h. */
#include "bridge.h"
#include "call.h"
#include "engine_life.h"
#include "failure.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "bytes.h"
#include "runtime.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { THREAD_STACK = 1024 * 1024 };

static _Thread_local char error_text[4096];

/* --- errors */

static rm_agent_result fail(rm_agent_result result, const char *format, ...) __attribute__((format(printf, 2, 3)));

static rm_agent_result fail(rm_agent_result result, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  return result;
}

const char *rm_agent_error(void) { return error_text; }

const char *rm_agent_version(void) { return RM_VERSION; }

/* --- the thread of the loop */

/* A call that another thread has made, and waits for. */
typedef struct request {
  struct request *next;
  rm_agent_result (*run)(void *argument);
  void *argument;
  rm_agent_result result;
  char error[sizeof error_text];
  bool done;
} request;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
/* The mutex guards these; everything else belongs to the thread of the loop. */
static bool engine_open, threaded;
static bool ending;  /* the last agent has gone, and the engine goes next */
static int arriving; /* threads between opening the engine and having made their agent, which keep it */
static bool closing; /* the thread ends the engine */
static bool starting; /* a thread opens the engine, and its caller waits */
static bool to_join; /* a thread of the library is there, or has ended and keeps its stack */
static pthread_t loop_thread;
static request *first_request, **last_request = &first_request;

static int wake_descriptor = -1;
static uint32_t last_number;

static void wake(void) {
  uint64_t one = 1;
  if (wake_descriptor >= 0) (void)!write(wake_descriptor, &one, sizeof one);
}

static void woken(rm_watch *watch, uint32_t events) {
  (void)events;
  uint64_t count;
  (void)!read(watch->fd, &count, sizeof count);
}

static rm_watch wake_watch = {.fd = -1, .ready = woken};

/* Runs `run` so that a failure of the engine ends it and nothing else. */
static rm_agent_result guarded(rm_agent_result (*run)(void *), void *argument) {
  if (rm_failure()) return fail(RM_AGENT_FAILED, "%s", rm_failure());
  rm_guard guard;
  volatile rm_agent_result result = RM_AGENT_FAILED;
  if (setjmp(*rm_guard_enter(&guard)) == 0) result = run(argument);
  rm_guard_leave(&guard);
  if (rm_failure()) rm_engine_abandon(wake_descriptor);
  if (rm_failure()) return fail(RM_AGENT_FAILED, "%s", rm_failure());
  return result;
}

/* Frees everything; after a failure, no more than descriptors. */
static void end_engine(void) {
  if (rm_failure()) {
    rm_loop_teardown();
    if (wake_descriptor >= 0) close(wake_descriptor);
  } else {
    rm_watch_close(&wake_watch);
    rm_engine_end();
  }
  wake_watch.fd = wake_descriptor = -1;
}

static void set_ending(bool now) {
  pthread_mutex_lock(&mutex);
  ending = now;
  pthread_mutex_unlock(&mutex);
}

/* Waits for the end of a thread that needs the mutex, which the caller has, no more. Its code may be unloaded then. */
static void join_thread(void) {
  if (to_join) pthread_join(loop_thread, NULL);
  to_join = false;
}

/* Ends the engine when nobody needs it any more and no callback is on the stack. A thread of the library does so by itself,
 * and others wait for it. */
static void close_if_last(void) {
  pthread_mutex_lock(&mutex);
  bool own = pthread_equal(loop_thread, pthread_self());
  bool closes = engine_open && ending && !threaded && own && !rm_engine_busy();
  if (closes) engine_open = ending = false;
  while (threaded && !own && (closing || (engine_open && ending))) pthread_cond_wait(&answered, &mutex);
  if (threaded && !own && !engine_open && !starting) join_thread();
  pthread_mutex_unlock(&mutex);
  if (closes) end_engine();
}

/* From outside the engine: runs it on the thread of the loop, and waits for it. */
static rm_agent_result call(rm_agent_result (*run)(void *), void *argument) {
  pthread_mutex_lock(&mutex);
  if (!engine_open) {
    pthread_mutex_unlock(&mutex);
    return fail(RM_AGENT_MISUSE, "there is no agent");
  }
  if (pthread_equal(loop_thread, pthread_self())) {
    pthread_mutex_unlock(&mutex);
    bool outermost = !rm_engine_busy();
    rm_agent_result result = guarded(run, argument);
    if (!outermost) return result;
    wake(); /* there may be something to run now */
    close_if_last();
    return result;
  }
  if (!threaded) {
    pthread_mutex_unlock(&mutex);
    return fail(RM_AGENT_MISUSE, "called from another thread than the one that created the first agent");
  }
  request own = {.run = run, .argument = argument};
  *last_request = &own;
  last_request = &own.next;
  wake();
  while (!own.done) pthread_cond_wait(&answered, &mutex);
  pthread_mutex_unlock(&mutex);
  if (own.result != RM_AGENT_OK) memcpy(error_text, own.error, sizeof error_text);
  return own.result;
}

static void run_requests(void) {
  pthread_mutex_lock(&mutex);
  while (first_request) {
    request *next = first_request;
    first_request = next->next;
    if (first_request == NULL) last_request = &first_request;
    pthread_mutex_unlock(&mutex);
    next->result = guarded(next->run, next->argument);
    memcpy(next->error, error_text, sizeof error_text);
    pthread_mutex_lock(&mutex);
    next->done = true;
    pthread_cond_broadcast(&answered);
  }
  pthread_mutex_unlock(&mutex);
}

static rm_agent_result begin(void *unused) {
  (void)unused;
  rm_engine_begin();
  wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rm_watch_open(&wake_watch, wake_descriptor);
  wake_watch.events = 0;
  if (wake_descriptor < 0 || rm_watch_set(&wake_watch, EPOLLIN))
    return fail(RM_AGENT_SYSTEM, "no descriptor: %s", strerror(errno));
  return RM_AGENT_OK;
}

static rm_agent_result turn(void *unused) {
  (void)unused;
  rm_engine_turn();
  return RM_AGENT_OK;
}

static void *run_loop(void *argument) {
  request *start = argument;
  rm_agent_result result = guarded(begin, NULL);
  memcpy(start->error, error_text, sizeof error_text);
  /* Before the caller knows, because it may try again at once, on another thread. */
  if (result != RM_AGENT_OK) end_engine();
  pthread_mutex_lock(&mutex);
  start->result = result;
  start->done = true;
  pthread_cond_broadcast(&answered);
  pthread_mutex_unlock(&mutex);
  if (result != RM_AGENT_OK) return NULL;
  for (;;) {
    struct pollfd descriptor = {.fd = rm_loop_descriptor(), .events = POLLIN};
    int timeout = rm_loop_timeout();
    /* After a failure, only requests are left to serve. */
    if (rm_failure()) descriptor = (struct pollfd){.fd = wake_descriptor, .events = POLLIN}, timeout = -1;
    poll(&descriptor, 1, timeout);
    if (rm_failure()) woken(&wake_watch, 0);
    else guarded(turn, NULL);
    run_requests();
    pthread_mutex_lock(&mutex);
    bool over = ending && arriving == 0 && first_request == NULL;
    if (over) {
      engine_open = ending = false;
      closing = true;
    }
    pthread_mutex_unlock(&mutex);
    if (over) break;
  }
  end_engine();
  pthread_mutex_lock(&mutex);
  closing = false;
  pthread_cond_broadcast(&answered);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static rm_agent_result start_thread(void) {
  request start = {.result = RM_AGENT_SYSTEM};
  pthread_attr_t attributes;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, THREAD_STACK);
  int error = pthread_create(&loop_thread, &attributes, run_loop, &start);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) return fail(RM_AGENT_SYSTEM, "no thread: %s", strerror(error));
  to_join = starting = true;
  while (!start.done) pthread_cond_wait(&answered, &mutex);
  starting = false;
  pthread_cond_broadcast(&answered);
  if (start.result == RM_AGENT_OK) return RM_AGENT_OK;
  join_thread();
  memcpy(error_text, start.error, sizeof error_text);
  return start.result;
}

/* The engine, for a first agent or another one. */
static rm_agent_result open_engine(bool wants_thread) {
  if (rm_failure()) return fail(RM_AGENT_FAILED, "%s", rm_failure());
  pthread_mutex_lock(&mutex);
  while (closing || starting) pthread_cond_wait(&answered, &mutex);
  if (!engine_open) join_thread();
  rm_agent_result result = RM_AGENT_OK;
  if (engine_open && threaded != wants_thread) {
    result = fail(RM_AGENT_MISUSE, "all agents of a process must agree in `threaded`");
  } else if (!engine_open && wants_thread) {
    result = start_thread();
  } else if (!engine_open) {
    loop_thread = pthread_self();
    result = guarded(begin, NULL);
    if (result == RM_AGENT_SYSTEM) end_engine();
  }
  if (result == RM_AGENT_OK) {
    engine_open = true;
    threaded = wants_thread;
    arriving++;
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

/* After open_engine, once the agent is there or will not be. */
static void arrived(void) {
  pthread_mutex_lock(&mutex);
  arriving--;
  if (engine_open) wake();
  pthread_mutex_unlock(&mutex);
}

/* --- agents */

static JSValue number(uint32_t value) { return JS_NewUint32(rm_context, value); }

/* A call of the script whose result does not matter. */
static void tell(const char *name, int argc, JSValue *argv) {
  JS_FreeValue(rm_context, rm_engine_call(name, argc, argv));
}

typedef struct {
  const char *configuration;
  const rm_agent_options *options;
  rm_agent *agent;
} creation;

/* Frees an agent with what is its own. */
static void release(rm_agent *agent) {
  while (!rm_link_empty(&agent->streams)) {
    rm_agent_stream *stream = rm_container(agent->streams.next, rm_agent_stream, link);
    /* After a failure the engine's memory is left alone. */
    if (rm_failure()) rm_link_remove(&stream->link);
    else rm_stream_free(stream);
  }
  rm_link_remove(&agent->link);
  free(agent->services);
  free(agent);
  if (rm_link_empty(&rm_agents)) set_ending(true);
}

static rm_agent_result create(void *argument) {
  creation *c = argument;
  const rm_agent_options *options = c->options;
  rm_agent *agent = calloc(1, sizeof *agent);
  size_t count = options->service_count;
  rm_agent_service *services = calloc(count ? count : 1, sizeof *services);
  if (agent == NULL || services == NULL) {
    free(agent);
    free(services);
    if (rm_link_empty(&rm_agents)) set_ending(true);
    return fail(RM_AGENT_SYSTEM, "no memory");
  }
  set_ending(false);
  if (count) memcpy(services, options->services, count * sizeof *services);
  agent->options = *options;
  agent->services = services;
  agent->number = ++last_number;
  rm_link_init(&agent->streams);
  rm_link_append(&rm_agents, &agent->link);
  c->agent = agent;
  JSValue wanted = JS_NewObject(rm_context), ports = JS_NewArray(rm_context);
  rm_set(wanted, "credential", JS_NewBool(rm_context, options->credential != NULL));
  rm_set(wanted, "admit", JS_NewBool(rm_context, options->admit != NULL));
  rm_set(wanted, "consent", JS_NewBool(rm_context, options->consent != NULL));
  for (size_t i = 0; i < count; i++)
    JS_DefinePropertyValueUint32(rm_context, ports, (uint32_t)i, number(services[i].port), JS_PROP_C_W_E);
  int severity = options->log == NULL ? 0 : options->log_level ? options->log_level : RM_AGENT_LOG_INFO;
  JSValue arguments[] = {
    number(agent->number), rm_string(c->configuration), wanted, ports, JS_NewInt32(rm_context, severity),
  };
  JSValue fault = rm_engine_call("create", 5, arguments);
  if (JS_IsNull(fault)) return RM_AGENT_OK;
  const char *text = JS_ToCString(rm_context, fault);
  rm_agent_result result = fail(RM_AGENT_CONFIGURATION, "%s", text ? text : "");
  JS_FreeCString(rm_context, text);
  JS_FreeValue(rm_context, fault);
  return result;
}

static rm_agent_result forget(void *agent) {
  release(agent);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_create(const char *configuration, const rm_agent_options *given, rm_agent **made) {
  if (made == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_create: agent is NULL");
  *made = NULL;
  if (configuration == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_create: configuration is NULL");
  rm_agent_options options = RM_AGENT_OPTIONS;
  if (given) {
    if (given->size == 0 || given->size > sizeof options)
      return fail(RM_AGENT_MISUSE, "rm_agent_create: options must begin as RM_AGENT_OPTIONS of this library");
    memcpy(&options, given, given->size);
  }
  if (options.service_count > 0 && options.services == NULL)
    return fail(RM_AGENT_MISUSE, "rm_agent_create: services is NULL");
  for (size_t i = 0; i < options.service_count; i++) {
    if (options.services[i].opened == NULL)
      return fail(RM_AGENT_MISUSE, "rm_agent_create: services[%zu].opened is NULL", i);
    for (size_t before = 0; before < i; before++)
      if (options.services[before].port == options.services[i].port)
        return fail(RM_AGENT_MISUSE, "rm_agent_create: services[%zu].port is that of services[%zu]", i, before);
  }
  rm_agent_result result = open_engine(options.threaded);
  if (result != RM_AGENT_OK) return result;
  creation c = {.configuration = configuration, .options = &options};
  result = call(create, &c);
  arrived();
  if (result == RM_AGENT_OK) {
    *made = c.agent;
    return result;
  }
  if (c.agent && result == RM_AGENT_FAILED) {
    release(c.agent);
    wake();
  } else if (c.agent) {
    char text[sizeof error_text];
    memcpy(text, error_text, sizeof text);
    call(forget, c.agent);
    memcpy(error_text, text, sizeof text);
  }
  close_if_last();
  return result;
}

/* A call about one agent with two numbers, which most are. */
typedef struct {
  rm_agent *agent;
  const char *name;
  uint32_t first, second;
  int count;
} agent_call;

static rm_agent_result run_agent_call(void *argument) {
  agent_call *c = argument;
  JSValue arguments[] = {number(c->agent->number), JS_NewBool(rm_context, c->first != 0), number(c->second)};
  tell(c->name, c->count, arguments);
  return RM_AGENT_OK;
}

static rm_agent_result simple(rm_agent *agent, const char *name) {
  if (agent == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_%s: agent is NULL", name);
  return call(run_agent_call, &(agent_call){.agent = agent, .name = name, .count = 1});
}

rm_agent_result rm_agent_start(rm_agent *agent) { return simple(agent, "start"); }
rm_agent_result rm_agent_stop(rm_agent *agent) { return simple(agent, "stop"); }
rm_agent_result rm_agent_disable(rm_agent *agent) { return simple(agent, "disable"); }
rm_agent_result rm_agent_retry(rm_agent *agent) { return simple(agent, "retry"); }

rm_agent_result rm_agent_consent(rm_agent *agent, bool allow, uint16_t port) {
  if (agent == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_consent: agent is NULL");
  agent_call c = {.agent = agent, .name = "consent", .first = allow, .second = port, .count = 3};
  return call(run_agent_call, &c);
}

static rm_agent_result decide(void *argument) {
  agent_call *c = argument;
  JSValue arguments[] = {number(c->second), JS_NewBool(rm_context, c->first != 0)};
  tell("decide", 2, arguments);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_decide(rm_agent *agent, uint32_t question, bool allow) {
  if (agent == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_decide: agent is NULL");
  return call(decide, &(agent_call){.agent = agent, .first = allow, .second = question});
}

static rm_agent_result get_state(void *argument) {
  agent_call *c = argument;
  JSValue arguments[] = {number(c->agent->number)};
  JSValue state = rm_engine_call("state", 1, arguments);
  JS_ToUint32(rm_context, &c->second, state);
  JS_FreeValue(rm_context, state);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_get_state(rm_agent *agent, rm_agent_state *state) {
  if (agent == NULL || state == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_get_state: an argument is NULL");
  agent_call c = {.agent = agent};
  rm_agent_result result = call(get_state, &c);
  if (result == RM_AGENT_OK) *state = (rm_agent_state)c.second;
  return result;
}

typedef struct {
  rm_agent *agent;
  char *json;
} status_call;

static rm_agent_result get_status(void *argument) {
  status_call *c = argument;
  JSValue arguments[] = {number(c->agent->number)};
  JSValue status = rm_engine_call("status", 1, arguments);
  const char *text = JS_ToCString(rm_context, status);
  if (text) c->json = strdup(text);
  JS_FreeCString(rm_context, text);
  JS_FreeValue(rm_context, status);
  return c->json ? RM_AGENT_OK : fail(RM_AGENT_SYSTEM, "no memory");
}

rm_agent_result rm_agent_status(rm_agent *agent, char **json) {
  if (agent == NULL || json == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_status: an argument is NULL");
  *json = NULL;
  status_call c = {.agent = agent};
  rm_agent_result result = call(get_status, &c);
  *json = c.json;
  return result;
}

void rm_agent_free(char *text) { free(text); }

static rm_agent_result destroy(void *argument) {
  rm_agent *agent = argument;
  JSValue arguments[] = {number(agent->number)};
  tell("destroy", 1, arguments);
  release(agent);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_destroy(rm_agent *agent) {
  if (agent == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_destroy: agent is NULL");
  rm_agent_result result = call(destroy, agent);
  if (result == RM_AGENT_MISUSE) return result;
  /* The engine has failed: only what is the agent's own can be freed. */
  if (result == RM_AGENT_FAILED) {
    release(agent);
    wake();
  }
  close_if_last();
  return result;
}

/* --- streams */

static rm_agent_result on_loop_thread(const void *stream, const char *name) {
  if (stream == NULL) return fail(RM_AGENT_MISUSE, "rm_agent_stream_%s: stream is NULL", name);
  pthread_mutex_lock(&mutex);
  bool own = engine_open && pthread_equal(loop_thread, pthread_self());
  pthread_mutex_unlock(&mutex);
  return own ? RM_AGENT_OK : fail(RM_AGENT_MISUSE, "rm_agent_stream_%s: not on the thread of the loop", name);
}

typedef struct {
  rm_agent_stream *stream;
  void *data;
  size_t size, done;
  bool ended;
} transfer;

static rm_agent_result read_stream(void *argument) {
  transfer *t = argument;
  rm_agent_stream *stream = t->stream;
  t->done = rm_stream_take(stream, t->data, t->size);
  bool empty = stream->first == NULL;
  t->ended = empty && stream->ended;
  /* A read that finds nothing, or the end, lets `readable` come again. */
  bool found_none = t->done == 0 && empty;
  bool end_is_new = t->ended && !stream->told_end;
  stream->told_end |= t->ended;
  if (t->done == 0 && !found_none) return RM_AGENT_OK;
  JSValue arguments[] = {
    number(stream->number), number((uint32_t)t->done), JS_NewBool(rm_context, found_none || end_is_new),
  };
  tell("taken", 3, arguments);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_stream_read(rm_agent_stream *stream, void *data, size_t size, size_t *got, bool *ended) {
  rm_agent_result result = on_loop_thread(stream, "read");
  if (result != RM_AGENT_OK) return result;
  if (got == NULL || (data == NULL && size > 0)) return fail(RM_AGENT_MISUSE, "rm_agent_stream_read: an argument is NULL");
  transfer t = {.stream = stream, .data = data, .size = size};
  result = call(read_stream, &t);
  *got = t.done;
  if (ended) *ended = t.ended;
  return result;
}

static rm_agent_result write_stream(void *argument) {
  transfer *t = argument;
  JSValue bytes = rm_bytes_copy(t->data, t->size);
  JSValue arguments[] = {number(t->stream->number), bytes};
  JSValue taken = rm_engine_call("send", 2, arguments);
  uint32_t count = 0;
  JS_ToUint32(rm_context, &count, taken);
  JS_FreeValue(rm_context, taken);
  t->done = count;
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_stream_write(rm_agent_stream *stream, const void *data, size_t size, size_t *taken) {
  rm_agent_result result = on_loop_thread(stream, "write");
  if (result != RM_AGENT_OK) return result;
  if (taken == NULL || (data == NULL && size > 0))
    return fail(RM_AGENT_MISUSE, "rm_agent_stream_write: an argument is NULL");
  enum { AT_ONCE = 65400 };
  *taken = 0;
  while (*taken < size) {
    size_t part = size - *taken < AT_ONCE ? size - *taken : AT_ONCE;
    transfer t = {.stream = stream, .data = (uint8_t *)(uintptr_t)data + *taken, .size = part};
    result = call(write_stream, &t);
    *taken += t.done;
    if (result != RM_AGENT_OK || t.done < part) return result;
  }
  return RM_AGENT_OK;
}

typedef struct {
  rm_agent_stream *stream;
  const char *name;
} stream_call;

static rm_agent_result run_stream_call(void *argument) {
  stream_call *c = argument;
  JSValue arguments[] = {number(c->stream->number)};
  tell(c->name, 1, arguments);
  return RM_AGENT_OK;
}

rm_agent_result rm_agent_stream_end(rm_agent_stream *stream) {
  rm_agent_result result = on_loop_thread(stream, "end");
  return result != RM_AGENT_OK ? result : call(run_stream_call, &(stream_call){stream, "end"});
}

rm_agent_result rm_agent_stream_abort(rm_agent_stream *stream) {
  rm_agent_result result = on_loop_thread(stream, "abort");
  return result != RM_AGENT_OK ? result : call(run_stream_call, &(stream_call){stream, "abort"});
}

void rm_agent_stream_set(rm_agent_stream *stream, void *pointer) {
  if (stream) stream->pointer = pointer;
}
void *rm_agent_stream_get(const rm_agent_stream *stream) { return stream ? stream->pointer : NULL; }
rm_agent *rm_agent_stream_agent(const rm_agent_stream *stream) { return stream ? stream->agent : NULL; }
uint16_t rm_agent_stream_port(const rm_agent_stream *stream) { return stream ? stream->service->port : 0; }

/* --- the caller's loop */

static rm_agent_result on_callers_loop(const char *name) {
  pthread_mutex_lock(&mutex);
  bool own = engine_open && !threaded && pthread_equal(loop_thread, pthread_self());
  bool none = !engine_open;
  pthread_mutex_unlock(&mutex);
  if (own) return RM_AGENT_OK;
  return fail(RM_AGENT_MISUSE, "rm_agent_loop_%s: %s", name,
              none ? "there is no agent" : "the loop is another thread's");
}

int rm_agent_loop_descriptor(void) {
  return on_callers_loop("descriptor") == RM_AGENT_OK && !rm_failure() ? rm_loop_descriptor() : -1;
}

int rm_agent_loop_timeout(void) {
  return on_callers_loop("timeout") == RM_AGENT_OK && !rm_failure() ? rm_loop_timeout() : -1;
}

rm_agent_result rm_agent_loop_run(void) {
  rm_agent_result result = on_callers_loop("run");
  if (result != RM_AGENT_OK) return result;
  if (rm_engine_busy()) return fail(RM_AGENT_MISUSE, "rm_agent_loop_run: called from a callback");
  result = guarded(turn, NULL);
  close_if_last();
  return result;
}

rm_agent_result rm_agent_loop_wait(int milliseconds) {
  rm_agent_result result = on_callers_loop("wait");
  if (result != RM_AGENT_OK) return result;
  int due = rm_agent_loop_timeout();
  if (due < 0 || (milliseconds >= 0 && milliseconds < due)) due = milliseconds;
  struct pollfd descriptor = {.fd = rm_agent_loop_descriptor(), .events = POLLIN};
  if (poll(&descriptor, 1, due) < 0 && errno != EINTR) return fail(RM_AGENT_SYSTEM, "poll: %s", strerror(errno));
  return rm_agent_loop_run();
}
