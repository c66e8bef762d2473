#include "object.h"
#include "runtime.h"

#include <string.h>

JSValue rm_string(const char *text) { return JS_NewStringLen(rm_context, text, strlen(text)); }

void rm_set(JSValueConst object, const char *name, JSValue value) {
  if (JS_DefinePropertyValueStr(rm_context, object, name, value, JS_PROP_C_W_E) < 0) rm_fatal_exception();
}

void rm_functions(JSValueConst object, const JSCFunctionListEntry *list, int count) {
  JS_SetPropertyFunctionList(rm_context, object, list, count);
}

JSValue rm_namespace(JSValueConst native, const char *name) {
  JSValue object = JS_NewObject(rm_context);
  rm_set(native, name, object);
  return object;
}

void rm_namespace_add(JSValueConst native, const char *name, const JSCFunctionListEntry *list, int count) {
  JSValue object = JS_GetPropertyStr(rm_context, native, name);
  rm_functions(object, list, count);
  JS_FreeValue(rm_context, object);
}
