/* Names and contents of a directory that change, as the kernel reports them (inotify(7)). What has changed is not told:
 * whoever asks looks at the directory anyway. */
#include "directory.h"
#include "call.h"
#include "error.h"
#include "handle.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

typedef struct {
  rm_cancellable cancellable;
  rm_watch watch;
  rm_task task;
  int error;
} directory;

static void directory_stop(rm_handle *handle) {
  directory *d = rm_container(handle, directory, cancellable.handle);
  rm_task_cancel(&d->task);
  rm_watch_close(&d->watch);
  rm_cancellable_end(&d->cancellable);
}

static void directory_failed(rm_task *task) {
  directory *d = rm_container(task, directory, task);
  JSValue error = rm_error(d->error, "inotify");
  rm_cancellable_finish(&d->cancellable, 1, &error);
}

static void directory_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  directory *d = rm_container(watch, directory, watch);
  char reports[4096];
  bool changed = false;
  for (;;) {
    ssize_t got = read(watch->fd, reports, sizeof reports);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    changed = true;
  }
  if (!changed) return;
  JSValue callback = JS_DupValue(rm_context, d->cancellable.callback);
  rm_call(callback, 0, NULL);
  JS_FreeValue(rm_context, callback);
}

static int open_watch(directory *d, const char *path) {
  rm_watch_open(&d->watch, inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (d->watch.fd < 0) return errno;
  const uint32_t what = IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;
  if (inotify_add_watch(d->watch.fd, path, what) < 0) return errno;
  return rm_watch_set(&d->watch, EPOLLIN);
}

/* watch(path, changed, failed) */
static JSValue files_watch(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  if (!JS_IsFunction(context, argv[1]) || !JS_IsFunction(context, argv[2]))
    return JS_ThrowTypeError(context, "watch: a callback is no function");
  const char *path = JS_ToCString(context, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  directory *d = rm_alloc(sizeof *d);
  memset(d, 0, sizeof *d);
  d->watch.fd = -1;
  d->watch.ready = directory_ready;
  rm_task_init(&d->task, directory_failed);
  d->error = open_watch(d, path);
  JS_FreeCString(context, path);
  JSValue object = rm_cancellable_new(&d->cancellable, argv[d->error ? 2 : 1], directory_stop);
  if (JS_IsException(object)) {
    rm_watch_close(&d->watch);
    rm_free(d);
    return object;
  }
  if (d->error) rm_task_defer(&d->task);
  return object;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("watch", 3, files_watch)};

void rm_directory_init(JSValueConst native) {
  rm_namespace_add(native, "files", entries, 1);
}
