/* The engine's C API as the host uses it, with the differences between QuickJS (2025-04-26) and quickjs-ng hidden. */
#ifndef RM_ENGINE_H
#define RM_ENGINE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wcast-function-type"
#include <quickjs.h>
#pragma GCC diagnostic pop

#ifdef RM_QUICKJS_NG
typedef bool rm_bool;
#define rm_new_class_id(runtime, id) JS_NewClassID(runtime, id)
#define rm_uncatchable(context, value) JS_SetUncatchableError(context, value)
#define RM_STRIP_FLAGS (JS_WRITE_OBJ_STRIP_SOURCE | JS_WRITE_OBJ_STRIP_DEBUG)
#if QJS_VERSION_MAJOR > 0 || QJS_VERSION_MINOR >= 16 /* fixed length, memory that is not the engine's */
#define rm_new_array_buffer(context, data, length) JS_NewArrayBuffer(context, data, length, 0, NULL, NULL, false)
#else
#define rm_new_array_buffer(context, data, length) JS_NewArrayBuffer(context, data, length, NULL, NULL, false)
#endif
#else
typedef int rm_bool;
#define rm_new_class_id(runtime, id) JS_NewClassID(id)
#define rm_uncatchable(context, value) JS_SetUncatchableError(context, value, 1)
#define RM_STRIP_FLAGS 0
#define rm_new_array_buffer(context, data, length) JS_NewArrayBuffer(context, data, length, NULL, NULL, 0)
#endif

#endif
