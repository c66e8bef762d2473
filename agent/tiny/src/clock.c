#include "clock.h"
#include "handle.h"
#include "memory.h"
#include "object.h"
#include "read_file.h"
#include "runtime.h"
#include "timer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  rm_cancellable cancellable;
  rm_timer timer;
} scheduled;

static void scheduled_stop(rm_handle *handle) {
  scheduled *entry = rm_container(handle, scheduled, cancellable.handle);
  rm_timer_stop(&entry->timer);
  rm_cancellable_end(&entry->cancellable);
}

static void scheduled_run(rm_timer *timer) {
  rm_cancellable_finish(&rm_container(timer, scheduled, timer)->cancellable, 0, NULL);
}

static JSValue clock_schedule(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  double delay;
  if (JS_ToFloat64(context, &delay, argv[0])) return JS_EXCEPTION;
  if (!JS_IsFunction(context, argv[1])) return JS_ThrowTypeError(context, "schedule: run is no function");
  scheduled *entry = rm_alloc(sizeof *entry);
  entry->timer.index = 0;
  JSValue object = rm_cancellable_new(&entry->cancellable, argv[1], scheduled_stop);
  if (JS_IsException(object)) rm_free(entry);
  else rm_timer_start(&entry->timer, delay, scheduled_run);
  return object;
}

static JSValue clock_now(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  return JS_NewFloat64(context, (double)(rm_now() / 1000) / 1e3);
}

static JSValue clock_date(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return JS_NewFloat64(context, (double)time.tv_sec * 1e3 + (double)(time.tv_nsec / 1000000));
}

static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("now", 0, clock_now),
  JS_CFUNC_DEF("date", 0, clock_date),
  JS_CFUNC_DEF("schedule", 2, clock_schedule),
};

#ifdef RM_LIBRARY
/* The environment is the program's. */
static void adopt_time_zone(void) {}
#else
/* OpenWrt has its time zone in /etc/TZ, where its own C library looks; ours looks at TZ and /etc/localtime. */
static void adopt_time_zone(void) {
  uint8_t *zone;
  size_t length;
  if (getenv("TZ") || access("/etc/localtime", R_OK) == 0 || rm_read_file("/etc/TZ", 256, &zone, &length)) return;
  zone[strcspn((char *)zone, "\n")] = 0;
  setenv("TZ", (char *)zone, 1);
  rm_free(zone);
}
#endif

void rm_clock_init(JSValueConst native) {
  adopt_time_zone();
  rm_functions(rm_namespace(native, "clock"), entries, sizeof entries / sizeof *entries);
}
