/* The C host: what its modules share. docs/native-host.md explains who keeps which handle alive.
 *
 * A process has one host: one engine, one loop, one thread. Every module has one init function, which adds its part to
 * the object that JavaScript sees as `rmNative`; nothing here decides anything. */
#ifndef RM_H
#define RM_H

#include "engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Exit statuses of <sysexits.h>. */
enum { RM_EXIT_SOFTWARE = 70, RM_EXIT_OS = 71 };

extern JSContext *rm_context;

/* Ends the process loudly: one line on standard error and in the system log. For states that must not be. */
_Noreturn void rm_fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- memory.c: the engine's allocator, with a limit over engine and host */

JSRuntime *rm_memory_runtime(void);
void rm_memory_init(JSValueConst native);
/* Like malloc, realloc and free, counted; never NULL for size > 0, for the limit ends the process. */
void *rm_alloc(size_t size);
void *rm_realloc(void *memory, size_t size);
void rm_free(void *memory);

/* --- doubly linked lists whose links are members */

typedef struct rm_link {
  struct rm_link *next, *previous;
} rm_link;

static inline void rm_link_init(rm_link *link) { link->next = link->previous = link; }
static inline bool rm_link_empty(const rm_link *link) { return link->next == link; }
static inline void rm_link_append(rm_link *list, rm_link *link) {
  link->previous = list->previous;
  link->next = list;
  list->previous->next = link;
  list->previous = link;
}
static inline void rm_link_remove(rm_link *link) {
  link->previous->next = link->next;
  link->next->previous = link->previous;
  rm_link_init(link);
}
#define rm_container(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* --- loop.c: epoll, deferred work, calls into JavaScript */

/* A descriptor that the loop watches. */
typedef struct rm_watch {
  int fd;
  uint32_t events; /* armed now; 0: not in the epoll set */
  void (*ready)(struct rm_watch *watch, uint32_t events);
} rm_watch;

/* Sets what is waited for. 0 takes the descriptor out of the set, because a hang-up is reported even when it was not
 * asked for. Returns 0, or an errno value (ENOSPC, ENOMEM). */
int rm_watch_set(rm_watch *watch, uint32_t events);
/* Takes the descriptor out and closes it; no event of it comes any more, not even one that was fetched already. */
void rm_watch_close(rm_watch *watch);

/* Work for the end of this turn, or of the next when it is asked for by such work. */
typedef struct rm_task {
  rm_link link;
  void (*run)(struct rm_task *task);
} rm_task;

static inline void rm_task_init(rm_task *task, void (*run)(rm_task *)) {
  rm_link_init(&task->link);
  task->run = run;
}
void rm_task_defer(rm_task *task); /* no effect when it is deferred already */
static inline void rm_task_cancel(rm_task *task) { rm_link_remove(&task->link); }

/* A native object that JavaScript can hold. While it is pinned, its JavaScript object is kept alive by the host. */
typedef struct rm_handle {
  rm_link link;
  JSValue object;
  void (*stop)(struct rm_handle *handle); /* ends what is under way; no callback, unpins */
} rm_handle;

void rm_handle_pin(rm_handle *handle, JSValueConst object, void (*stop)(rm_handle *));
/* May free the handle's memory: last use. */
void rm_handle_unpin(rm_handle *handle);

/* A handle whose only method is cancel(), which is its `stop`: timers, look-ups, processes. The struct begins with it,
 * comes from rm_alloc, and is freed with its JavaScript object. `callback` is called at most once. */
typedef struct rm_cancellable {
  rm_handle handle;
  JSValue callback;
} rm_cancellable;

/* Makes the JavaScript object and pins it. Returns it, or an exception (and then `stop` was not called). */
JSValue rm_cancellable_new(rm_cancellable *cancellable, JSValueConst callback, void (*stop)(rm_handle *));
/* Forgets the callback and unpins: to be called by `stop`. */
void rm_cancellable_end(rm_cancellable *cancellable);
/* Ends it and then calls the callback with these arguments, whose ownership is taken. */
void rm_cancellable_finish(rm_cancellable *cancellable, int argc, JSValue *argv);

void rm_loop_init(void);
/* Runs until nothing is left to wait for, or exit. `result` is what the script gave, and is freed. Returns the status. */
int rm_loop_run(JSValue result);
/* Ends the process with `status`. */
JSValue rm_loop_exit(int status);
/* Frees what the loop and all live handles hold (only in builds that tear down). */
void rm_loop_teardown(void);

/* Calls object[method](…) or function(…) from the loop, and the promise jobs that follow. An exception that nobody
 * catches ends the process. The arguments' ownership stays with the caller. */
void rm_call_method(JSValueConst object, JSAtom method, int argc, JSValueConst *argv);
void rm_call(JSValueConst function, int argc, JSValueConst *argv);
/* The same for the function's result; undefined when the process is about to end. */
JSValue rm_call_for(JSValueConst function, int argc, JSValueConst *argv);
/* Runs pending promise jobs; ends the process when a rejection stays unhandled. */
void rm_run_jobs(void);
_Noreturn void rm_fatal_exception(void);
/* Keeps the promise rejections that nobody handles, until they are. */
void rm_track_rejections(JSRuntime *runtime);
void rm_loop_module(JSValueConst native);

/* --- clock.c */

/* A timer of the host's own or behind a JavaScript object. */
typedef struct rm_timer {
  uint64_t due; /* nanoseconds of the monotonic clock */
  size_t index; /* in the heap, from 1; 0: not scheduled */
  void (*run)(struct rm_timer *timer);
} rm_timer;

void rm_timer_start(rm_timer *timer, double delay_ms, void (*run)(rm_timer *));
void rm_timer_stop(rm_timer *timer);
/* Milliseconds until the next timer is due, rounded up; -1: none. */
int rm_timers_wait(void);
void rm_timers_run(void);
void rm_clock_init(JSValueConst native);
void rm_clock_teardown(void);

/* --- error.c */

/* An errno value in words. */
const char *rm_reason(int error);
/* A HostError made of an errno value. `what` begins the message and may be NULL. */
JSValue rm_error(int error, const char *what);
JSValue rm_error_text(const char *code, const char *message);
/* Throws a HostFailure made of an errno value; `path` names the file. */
JSValue rm_throw(int error);
JSValue rm_throw_text(const char *code, const char *message);

/* --- bytes.c: arguments and results */

/* The bytes of a Uint8Array (or another view on an ArrayBuffer); NULL with an exception when it is none. */
uint8_t *rm_bytes(JSValueConst value, size_t *length);
/* Arguments `bytes, start?, end?`; false with an exception. The range is cut to the array. */
bool rm_bytes_range(int argc, JSValueConst *argv, uint8_t **data, size_t *length);
JSValue rm_bytes_copy(const void *data, size_t length);
/* A Uint8Array over memory that outlives the engine. */
JSValue rm_bytes_over(void *data, size_t length);
JSValue rm_string(const char *text);
void rm_set(JSValueConst object, const char *name, JSValue value);
void rm_functions(JSValueConst object, const JSCFunctionListEntry *list, int count);
/* An empty object that becomes native[name]; the reference returned is borrowed. */
JSValue rm_namespace(JSValueConst native, const char *name);

/* --- crypto.c */

/* Fills a range with random numbers of the kernel. */
void rm_random(uint8_t *data, size_t length);

/* --- outbox.c: what a socket still has to send */

typedef struct rm_chunk rm_chunk;

typedef struct rm_outbox {
  rm_link dirty;     /* in the list of those with gathered pieces */
  uint16_t first, last; /* gathered pieces of this turn; 0: none */
  size_t gathered;   /* bytes in them */
  rm_chunk *head, *tail; /* what the kernel did not take: copies */
  size_t queued;     /* bytes in them */
} rm_outbox;

/* Pieces are sent by this: returns bytes taken (0: none now) or -1 when the socket is dead. */
typedef ssize_t rm_sender(rm_outbox *outbox, const struct iovec *pieces, int count);

void rm_outbox_init(rm_outbox *outbox);
/* Adds bytes. False when a reference to them is kept until the end of the callback. `send` may be called at once. */
bool rm_outbox_add(rm_outbox *outbox, const uint8_t *data, size_t length);
/* Sends what can be sent; the rest is copied and waits. */
void rm_outbox_flush(rm_outbox *outbox);
void rm_outbox_flush_all(void);
void rm_outbox_drop(rm_outbox *outbox);
static inline size_t rm_outbox_size(const rm_outbox *outbox) { return outbox->gathered + outbox->queued; }
/* The memory that received views lie in: writes out of it are not copied while a `data` callback runs. */
void rm_outbox_live(const uint8_t *start, size_t length);

/* --- socket.c */

typedef struct rm_socket rm_socket;
typedef struct rm_tls rm_tls;

void rm_socket_init(JSValueConst native);
void rm_socket_teardown(void);
/* A connected socket over an accepted descriptor; `made` becomes its native side. */
JSValue rm_socket_accepted(int fd, rm_socket **made);
/* Gives it its handler, whose ownership is taken; reading starts. */
void rm_socket_start(rm_socket *socket, JSValue handler);
void rm_socket_destroy(rm_socket *socket);
/* For outbox.c: sends through the top layer. */
ssize_t rm_socket_send(rm_outbox *outbox, const struct iovec *pieces, int count);
/* For outbox.c: `count` more bytes were taken, or none because it is full. */
void rm_socket_sent(rm_outbox *outbox, size_t count);

/* --- tls.c: one layer of TLS over a socket or over another layer */

typedef enum { RM_TLS_DONE, RM_TLS_WANT_READ, RM_TLS_WANT_WRITE, RM_TLS_EOF, RM_TLS_FAILED } rm_tls_status;

/* The layer below: both return bytes, 0 for end of stream (receive), or -EAGAIN, or another negative errno value. */
typedef struct rm_transport {
  void *context;
  ssize_t (*send)(void *context, const uint8_t *data, size_t length, bool more);
  ssize_t (*receive)(void *context, uint8_t *data, size_t length);
} rm_transport;

/* Starts a client. NULL with *error set to a HostError. */
rm_tls *rm_tls_new(JSValueConst options, const rm_transport *below, JSValue *error);
void rm_tls_free(rm_tls *tls);
rm_tls_status rm_tls_handshake(rm_tls *tls);
rm_tls_status rm_tls_read(rm_tls *tls, uint8_t *data, size_t capacity, size_t *length);
/* Takes pieces in order; *taken counts plain bytes that are out of the layer's hands. */
rm_tls_status rm_tls_write(rm_tls *tls, const struct iovec *pieces, int count, size_t *taken);
/* Goes on with what the layer below has not taken yet. */
rm_tls_status rm_tls_flush(rm_tls *tls);
/* Sends close_notify, once; to be called again after RM_TLS_WANT_WRITE. */
rm_tls_status rm_tls_end(rm_tls *tls);
/* The HostError after RM_TLS_FAILED. */
JSValue rm_tls_error(rm_tls *tls);
/* A TlsSession. */
JSValue rm_tls_session(rm_tls *tls);
void rm_tls_init(void);
void rm_tls_teardown(void);

/* --- the other modules */

void rm_crypto_init(JSValueConst native);
void rm_file_init(JSValueConst native);
/* Reads a whole file of at most `limit` bytes. Returns 0 or an errno value (EFBIG: too large). *data is NUL-terminated,
 * to be freed with rm_free. */
int rm_file_load(const char *path, size_t limit, uint8_t **data, size_t *length);
void rm_listener_init(JSValueConst native);
void rm_netlink_init(JSValueConst native);
void rm_process_init(JSValueConst native);
/* Looks which children have ended. */
void rm_process_reap(void);
void rm_process_teardown(void);
void rm_resolver_init(JSValueConst native);
void rm_signal_init(JSValueConst native);
void rm_signal_teardown(void);
/* Unblocks what the host blocks: for a child before it does anything else. */
void rm_signal_child(void);
void rm_system_init(JSValueConst native, int argc, char **argv);
void rm_system_log(int severity, const char *text);
void rm_print(int fd, const char *text, size_t length);

/* --- bundle.c or script.c: the program */

/* Loads it into a context that has nothing in it yet. May take arguments away. */
void rm_script_load(int *argc, char ***argv);
/* Runs it; returns the engine's value or exception. */
JSValue rm_script_run(void);

#endif
