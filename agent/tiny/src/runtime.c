#include "runtime.h"
#include "fatal.h"
#include "memory.h"

enum { STACK = 512 * 1024 };

JSContext *rm_context;

void rm_runtime_start(void) {
  JSRuntime *runtime = JS_NewRuntime2(&rm_engine_allocator, NULL);
  if (runtime) {
    JS_SetMaxStackSize(runtime, STACK);
    rm_context = JS_NewContextRaw(runtime);
  }
  if (rm_context == NULL) rm_fatal(RM_EXIT_OS, "the engine does not start");
}

void rm_runtime_add_intrinsics(void) {
  JSContext *context = rm_context;
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicDate(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
#ifdef RM_PROMISES
  JS_AddIntrinsicPromise(context);
#endif
#ifdef RM_QUICKJS_NG
  JS_AddIntrinsicBigInt(context);
#endif
#ifdef RM_REGEXP
  JS_AddIntrinsicRegExpCompiler(context);
#endif
#ifdef RM_EVAL
  JS_AddIntrinsicEval(context);
  JS_AddIntrinsicRegExpCompiler(context);
#endif
}

void rm_runtime_teardown(void) {
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  JS_FreeContext(rm_context);
  JS_FreeRuntime(runtime);
}

void rm_fatal_exception(void) {
  JSValue exception = JS_GetException(rm_context);
  const char *text = JS_ToCString(rm_context, exception);
  JSValue stack = JS_IsObject(exception) ? JS_GetPropertyStr(rm_context, exception, "stack") : JS_UNDEFINED;
  const char *trace = JS_IsString(stack) ? JS_ToCString(rm_context, stack) : NULL;
  rm_fatal(RM_EXIT_SOFTWARE, "defect: %s\n%s", text ? text : "an exception without text", trace ? trace : "");
}
