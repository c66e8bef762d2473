/* Objects and strings that host functions make. */
#ifndef RM_OBJECT_H
#define RM_OBJECT_H

#include "engine.h"

JSValue rm_string(const char *text);
/* Sets a property; the ownership of `value` is taken. */
void rm_set(JSValueConst object, const char *name, JSValue value);
void rm_functions(JSValueConst object, const JSCFunctionListEntry *list, int count);
/* An empty object that becomes native[name]; the reference returned is borrowed. */
JSValue rm_namespace(JSValueConst native, const char *name);
/* Adds functions to the object that another module has made as native[name]. */
void rm_namespace_add(JSValueConst native, const char *name, const JSCFunctionListEntry *list, int count);

#endif
