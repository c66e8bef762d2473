#include "call.h"
#include "memory.h"
#include "runtime.h"

#include <stddef.h>

#ifdef RM_TEARDOWN
int rm_exit_status = -1;
#endif

#ifdef RM_PROMISES

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

static void run_jobs(void) {
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  JSContext *context;
  while (JS_IsJobPending(runtime)) {
    if (JS_ExecutePendingJob(runtime, &context) < 0 && rm_exit_status < 0) rm_fatal_exception();
    if (rm_exit_status >= 0) return;
  }
  if (rejection_count > 0) {
    JS_Throw(rm_context, JS_DupValue(rm_context, rejections[0].reason));
    rm_fatal_exception();
  }
}

void rm_call_init(void) { JS_SetHostPromiseRejectionTracker(JS_GetRuntime(rm_context), track, NULL); }

void rm_call_teardown(void) {
  for (size_t i = 0; i < rejection_count; i++) {
    JS_FreeValue(rm_context, rejections[i].promise);
    JS_FreeValue(rm_context, rejections[i].reason);
  }
  rm_free(rejections);
  rejections = NULL;
  rejection_count = 0;
}

#else

static void run_jobs(void) {}
void rm_call_init(void) {}
void rm_call_teardown(void) {}

#endif

void rm_call_finish(JSValue result) {
  if (JS_IsException(result)) {
    if (rm_exit_status < 0) rm_fatal_exception();
    JS_FreeValue(rm_context, JS_GetException(rm_context));
    return;
  }
  JS_FreeValue(rm_context, result);
  run_jobs();
}

void rm_call_method(JSValueConst object, JSAtom method, int argc, JSValueConst *argv) {
  if (rm_exit_status < 0) rm_call_finish(JS_Invoke(rm_context, object, method, argc, argv));
}

void rm_call(JSValueConst function, int argc, JSValueConst *argv) {
  if (rm_exit_status < 0) rm_call_finish(JS_Call(rm_context, function, JS_UNDEFINED, argc, argv));
}

JSValue rm_call_for(JSValueConst function, int argc, JSValueConst *argv) {
  if (rm_exit_status >= 0) return JS_UNDEFINED;
  JSValue result = JS_Call(rm_context, function, JS_UNDEFINED, argc, argv);
  rm_call_finish(JS_DupValue(rm_context, result));
  return JS_IsException(result) ? JS_UNDEFINED : result;
}
