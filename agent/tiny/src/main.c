/* Start and end of the process. docs/native-host.md describes the modules. */
#include "call.h"
#include "clock.h"
#include "connect.h"
#include "crypto.h"
#include "directory.h"
#include "file.h"
#include "handle.h"
#include "listener.h"
#include "loop.h"
#include "multicast.h"
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

#include <fcntl.h>
#include <unistd.h>

/* A descriptor opened later must not become standard output. */
static void open_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}

static void add_modules(int argc, char **argv) {
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
#ifdef RM_GATEWAY
  rm_directory_init(native);
  rm_multicast_init(native);
#endif
  rm_system_init(native, argc, argv);
  rm_signals_init(native);
  rm_process_init(native);
  rm_script_init(native);
#ifdef RM_TLS
  rm_tls_init();
#endif
  rm_set(global, "rmNative", native);
  JS_FreeValue(rm_context, global);
}

#ifdef RM_TEARDOWN
static void teardown(void) {
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
  rm_runtime_teardown();
}
#endif

int main(int argc, char **argv) {
  open_standard_streams();
  rm_runtime_start();
  rm_call_init();
  rm_script_load(&argc, &argv);
  rm_runtime_add_intrinsics();
  rm_loop_init(rm_outbox_flush_all, rm_trim);
  add_modules(argc, argv);
  int status = rm_loop_run(rm_script_run());
#ifdef RM_TEARDOWN
  teardown();
#endif
  return status;
}
