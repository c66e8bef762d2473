/* Native objects that JavaScript can hold. docs/native-host.md explains who keeps which one alive. */
#ifndef RM_HANDLE_H
#define RM_HANDLE_H

#include "engine.h"
#include "list.h"

/* While it is pinned, its JavaScript object is kept alive by the host, and the loop goes on. */
typedef struct rm_handle {
  rm_link link;
  JSValue object;
  void (*stop)(struct rm_handle *handle); /* ends what is in progress; no callback, unpins */
} rm_handle;

void rm_handle_pin(rm_handle *handle, JSValueConst object, void (*stop)(rm_handle *));
/* May free the handle's memory: last use. */
void rm_handle_unpin(rm_handle *handle);
bool rm_handles_pinned(void);

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

void rm_handle_init(void);
/* Stops all that are pinned. */
void rm_handle_teardown(void);

#endif
