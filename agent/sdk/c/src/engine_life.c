#include "engine_life.h"
#include "bridge.h"
#include "call.h"
#include "clock.h"
#include "connect.h"
#include "crypto.h"
#include "file.h"
#include "handle.h"
#include "listener.h"
#include "loop.h"
#include "memory.h"
#include "netlink.h"
#include "object.h"
#include "outbox.h"
#include "process.h"
#include "resolver.h"
#include "runtime.h"
#include "script.h"
#include "signals.h"
#include "socket.h"
#include "system.h"
#include "timer.h"
#include "tls.h"
#include "trim.h"

static JSValue calls;
static bool begun;
static int depth;

static JSValue add_modules(void) {
  JSValue global = JS_GetGlobalObject(rm_context);
  JSValue native = JS_NewObject(rm_context);
  rm_handle_init();
  rm_clock_init(native);
  rm_crypto_init(native);
  rm_socket_init();
  rm_connect_init(native);
  rm_listener_init(native);
  rm_resolver_init(native);
  rm_netlink_init(native);
  rm_file_init(native);
  rm_system_init(native, 0, NULL);
  rm_signals_init(native);
  rm_process_init(native);
  rm_bridge_init(native);
#ifdef RM_TLS
  rm_tls_init();
#endif
  rm_set(global, "rmNative", JS_DupValue(rm_context, native));
  JS_FreeValue(rm_context, global);
  return native;
}

void rm_engine_begin(void) {
  int argc = 0;
  char **argv = NULL;
  rm_memory_limit(SIZE_MAX);
  rm_runtime_start();
  rm_call_init();
  rm_script_load(&argc, &argv);
  rm_runtime_add_intrinsics();
  rm_loop_init(rm_outbox_flush_all, rm_trim);
  JSValue native = add_modules();
  rm_call_finish(rm_script_run());
  calls = JS_GetPropertyStr(rm_context, native, "calls");
  JS_FreeValue(rm_context, native);
  begun = true;
}

void rm_engine_end(void) {
  if (!begun) return;
  begun = false;
  JS_FreeValue(rm_context, calls);
  rm_process_teardown();
  rm_handle_teardown();
  rm_call_teardown();
  rm_signals_teardown();
  rm_loop_teardown();
  rm_timers_teardown();
  rm_socket_teardown();
#ifdef RM_TLS
  rm_tls_teardown();
#endif
  rm_trim_teardown();
  rm_runtime_teardown();
}

void rm_engine_abandon(int kept) {
  if (begun) rm_loop_abandon(kept);
  begun = false;
  depth = 0;
}

bool rm_engine_busy(void) { return depth > 0; }

void rm_engine_turn(void) {
  JS_UpdateStackTop(JS_GetRuntime(rm_context));
  depth++;
  rm_loop_turn();
  depth--;
}

JSValue rm_engine_call(const char *name, int argc, JSValue *argv) {
  JSAtom atom = JS_NewAtom(rm_context, name);
  JSRuntime *runtime = JS_GetRuntime(rm_context);
  if (depth == 0) JS_UpdateStackTop(runtime);
  depth++;
  JSValue result = JS_Invoke(rm_context, calls, atom, argc, argv);
  if (JS_IsException(result)) rm_fatal_exception();
  /* Within another call, the jobs are that one's. */
  if (depth == 1) {
    rm_call_finish(JS_UNDEFINED);
    rm_outbox_flush_all();
  }
  depth--;
  JS_FreeAtom(rm_context, atom);
  for (int i = 0; i < argc; i++) JS_FreeValue(rm_context, argv[i]);
  return result;
}
