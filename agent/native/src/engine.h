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
#else
typedef int rm_bool;
#define rm_new_class_id(runtime, id) JS_NewClassID(id)
#define rm_uncatchable(context, value) JS_SetUncatchableError(context, value, 1)
#define RM_STRIP_FLAGS 0
#endif

#endif
