/* The loop: one epoll set, deferred work, and the way into JavaScript. */
#include "rm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 32 };

static int epoll = -1;
static struct epoll_event batch[BATCH];
static int batch_size, batch_next;
static rm_link tasks = {&tasks, &tasks};
static rm_link live = {&live, &live};
static int exit_status = -1;

static JSClassID cancellable_class;

/* --- descriptors */

int rm_watch_set(rm_watch *watch, uint32_t events) {
  if (events == watch->events) return 0;
  int operation = watch->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  struct epoll_event event = {.events = events, .data.ptr = watch};
  if (epoll_ctl(epoll, operation, watch->fd, &event)) return errno;
  watch->events = events;
  return 0;
}

void rm_watch_close(rm_watch *watch) {
  if (watch->fd < 0) return;
  rm_watch_set(watch, 0);
  close(watch->fd);
  watch->fd = -1;
  for (int i = batch_next; i < batch_size; i++)
    if (batch[i].data.ptr == watch) batch[i].data.ptr = NULL;
}

/* --- deferred work */

void rm_task_defer(rm_task *task) {
  if (rm_link_empty(&task->link)) rm_link_append(&tasks, &task->link);
}

static void run_tasks(void) {
  rm_link now;
  if (rm_link_empty(&tasks)) return;
  /* What these defer waits for the next turn, so that a chain of them cannot keep the loop from its descriptors. */
  now = tasks;
  now.next->previous = now.previous->next = &now;
  rm_link_init(&tasks);
  while (!rm_link_empty(&now)) {
    rm_task *task = rm_container(now.next, rm_task, link);
    rm_link_remove(&task->link);
    task->run(task);
  }
}

/* --- handles */

void rm_handle_pin(rm_handle *handle, JSValueConst object, void (*stop)(rm_handle *)) {
  handle->object = JS_DupValue(rm_context, object);
  handle->stop = stop;
  rm_link_append(&live, &handle->link);
}

void rm_handle_unpin(rm_handle *handle) {
  if (JS_IsUndefined(handle->object)) return;
  JSValue object = handle->object;
  handle->object = JS_UNDEFINED;
  rm_link_remove(&handle->link);
  JS_FreeValue(rm_context, object);
}

static void cancellable_finalize(JSRuntime *runtime, JSValue object) {
  rm_cancellable *cancellable = JS_GetOpaque(object, cancellable_class);
  if (cancellable == NULL) return;
  JS_FreeValueRT(runtime, cancellable->callback);
  rm_free(cancellable);
}

static void cancellable_mark(JSRuntime *runtime, JSValueConst object, JS_MarkFunc *mark) {
  rm_cancellable *cancellable = JS_GetOpaque(object, cancellable_class);
  if (cancellable) JS_MarkValue(runtime, cancellable->callback, mark);
}

static JSValue cancellable_cancel(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)argc;
  (void)argv;
  rm_cancellable *cancellable = JS_GetOpaque2(context, self, cancellable_class);
  if (cancellable == NULL) return JS_EXCEPTION;
  if (!JS_IsUndefined(cancellable->handle.object)) cancellable->handle.stop(&cancellable->handle);
  return JS_UNDEFINED;
}

static const JSClassDef cancellable_definition = {
  "Cancellable", .finalizer = cancellable_finalize, .gc_mark = cancellable_mark,
};
static const JSCFunctionListEntry cancellable_methods[] = {JS_CFUNC_DEF("cancel", 0, cancellable_cancel)};

JSValue rm_cancellable_new(rm_cancellable *cancellable, JSValueConst callback, void (*stop)(rm_handle *)) {
  JSValue object = JS_NewObjectClass(rm_context, cancellable_class);
  if (JS_IsException(object)) return object;
  cancellable->callback = JS_DupValue(rm_context, callback);
  JS_SetOpaque(object, cancellable);
  rm_handle_pin(&cancellable->handle, object, stop);
  return object;
}

void rm_cancellable_end(rm_cancellable *cancellable) {
  JSValue callback = cancellable->callback;
  cancellable->callback = JS_UNDEFINED;
  JS_FreeValue(rm_context, callback);
  rm_handle_unpin(&cancellable->handle);
}

void rm_cancellable_finish(rm_cancellable *cancellable, int argc, JSValue *argv) {
  JSValue callback = JS_DupValue(rm_context, cancellable->callback);
  cancellable->handle.stop(&cancellable->handle);
  rm_call(callback, argc, argv);
  JS_FreeValue(rm_context, callback);
  for (int i = 0; i < argc; i++) JS_FreeValue(rm_context, argv[i]);
}

/* --- into JavaScript */

void rm_fatal_exception(void) {
  JSValue exception = JS_GetException(rm_context);
  const char *text = JS_ToCString(rm_context, exception);
  JSValue stack = JS_IsObject(exception) ? JS_GetPropertyStr(rm_context, exception, "stack") : JS_UNDEFINED;
  const char *trace = JS_IsString(stack) ? JS_ToCString(rm_context, stack) : NULL;
  rm_fatal(RM_EXIT_SOFTWARE, "defect: %s\n%s", text ? text : "an exception without text", trace ? trace : "");
}

typedef struct {
  JSValue promise, reason;
} rejection;

static rejection *rejections;
static size_t rejection_count;

static void track(JSContext *context, JSValueConst promise, JSValueConst reason, rm_bool handled, void *opaque) {
  (void)opaque;
  if (!handled) {
    rejections = rm_realloc(rejections, (rejection_count + 1) * sizeof *rejections);
    rejections[rejection_count++] = (rejection){JS_DupValue(context, promise), JS_DupValue(context, reason)};
    return;
  }
  for (size_t i = 0; i < rejection_count; i++) {
    if (JS_VALUE_GET_PTR(rejections[i].promise) != JS_VALUE_GET_PTR(promise)) continue;
    JS_FreeValue(context, rejections[i].promise);
    JS_FreeValue(context, rejections[i].reason);
    rejections[i] = rejections[--rejection_count];
    return;
  }
}

void rm_track_rejections(JSRuntime *runtime) { JS_SetHostPromiseRejectionTracker(runtime, track, NULL); }

static void finish_call(JSValue result) {
  if (JS_IsException(result)) {
    if (exit_status < 0) rm_fatal_exception();
    JS_FreeValue(rm_context, JS_GetException(rm_context));
    return;
  }
  JS_FreeValue(rm_context, result);
  rm_run_jobs();
}

void rm_run_jobs(void) {
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  JSContext *context;
  while (JS_IsJobPending(runtime)) {
    if (JS_ExecutePendingJob(runtime, &context) < 0 && exit_status < 0) rm_fatal_exception();
    if (exit_status >= 0) return;
  }
  if (rejection_count > 0) {
    JS_Throw(rm_context, JS_DupValue(rm_context, rejections[0].reason));
    rm_fatal_exception();
  }
}

void rm_call_method(JSValueConst object, JSAtom method, int argc, JSValueConst *argv) {
  if (exit_status < 0) finish_call(JS_Invoke(rm_context, object, method, argc, argv));
}

void rm_call(JSValueConst function, int argc, JSValueConst *argv) {
  if (exit_status < 0) finish_call(JS_Call(rm_context, function, JS_UNDEFINED, argc, argv));
}

JSValue rm_call_for(JSValueConst function, int argc, JSValueConst *argv) {
  if (exit_status >= 0) return JS_UNDEFINED;
  JSValue result = JS_Call(rm_context, function, JS_UNDEFINED, argc, argv);
  finish_call(JS_DupValue(rm_context, result));
  return JS_IsException(result) ? JS_UNDEFINED : result;
}

/* --- running */

void rm_loop_init(void) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) rm_fatal(RM_EXIT_OS, "epoll is not to be had");
}

void rm_loop_module(JSValueConst native) {
  (void)native;
  rm_new_class_id(JS_GetRuntime(rm_context), &cancellable_class);
  if (JS_NewClass(JS_GetRuntime(rm_context), cancellable_class, &cancellable_definition)) rm_fatal_exception();
  JSValue prototype = JS_NewObject(rm_context);
  rm_functions(prototype, cancellable_methods, 1);
  JS_SetClassProto(rm_context, cancellable_class, prototype);
}

JSValue rm_loop_exit(int status) {
#ifdef RM_TEARDOWN
  /* Unwinds the script with an exception that it cannot catch; main.c then frees everything. */
  exit_status = status & 255;
  JSValue thrown = JS_ThrowInternalError(rm_context, "exit");
  JSValue exception = JS_GetException(rm_context);
  rm_uncatchable(rm_context, exception);
  JS_Throw(rm_context, exception);
  return thrown;
#else
  /* What was written in this very callback is on its way, as far as the kernel takes it. */
  rm_outbox_flush_all();
  exit(status & 255);
#endif
}

int rm_loop_run(JSValue result) {
  finish_call(result);
  rm_outbox_flush_all();
  while (exit_status < 0) {
    int wait = rm_link_empty(&tasks) ? rm_timers_wait() : 0;
    if (wait < 0 && rm_link_empty(&live)) return 0;
    batch_next = 0;
    batch_size = epoll_wait(epoll, batch, BATCH, wait);
    if (batch_size < 0 && errno != EINTR) rm_fatal(RM_EXIT_OS, "epoll fails");
    while (batch_next < batch_size) {
      struct epoll_event *event = &batch[batch_next++];
      rm_watch *watch = event->data.ptr;
      if (watch) watch->ready(watch, event->events);
    }
    rm_timers_run();
    run_tasks();
    rm_outbox_flush_all();
  }
  return exit_status;
}

void rm_loop_teardown(void) {
  while (!rm_link_empty(&live)) {
    rm_handle *handle = rm_container(live.next, rm_handle, link);
    handle->stop(handle);
  }
  for (size_t i = 0; i < rejection_count; i++) {
    JS_FreeValue(rm_context, rejections[i].promise);
    JS_FreeValue(rm_context, rejections[i].reason);
  }
  rm_free(rejections);
  close(epoll);
}
