#include "handle.h"
#include "call.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"

static rm_link live = {&live, &live};
static JSClassID cancellable_class;

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

bool rm_handles_pinned(void) { return !rm_link_empty(&live); }

void rm_handle_init(void) {
  rm_new_class_id(JS_GetRuntime(rm_context), &cancellable_class);
  if (JS_NewClass(JS_GetRuntime(rm_context), cancellable_class, &cancellable_definition)) rm_fatal_exception();
  JSValue prototype = JS_NewObject(rm_context);
  rm_functions(prototype, cancellable_methods, 1);
  JS_SetClassProto(rm_context, cancellable_class, prototype);
}

void rm_handle_teardown(void) {
  while (rm_handles_pinned()) {
    rm_handle *handle = rm_container(live.next, rm_handle, link);
    handle->stop(handle);
  }
}
