/* Start and end of the process. */
#include "rm.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK = 512 * 1024 };

JSContext *rm_context;

void rm_fatal(int status, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text - 1, format, arguments);
  va_end(arguments);
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '\n') length--;
  text[length] = 0;
  rm_system_log(3, text);
  text[length] = '\n';
  rm_print(2, "rm-agent: ", 10);
  rm_print(2, text, length + 1);
  _exit(status);
}

/* A descriptor opened later must not become standard output. */
static void open_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}

static void add_intrinsics(JSContext *context) {
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicDate(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
  JS_AddIntrinsicPromise(context);
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

static void add_modules(int argc, char **argv) {
  JSValue global = JS_GetGlobalObject(rm_context);
  JSValue native = JS_NewObject(rm_context);
  rm_loop_module(native);
  rm_memory_init(native);
  rm_clock_init(native);
  rm_crypto_init(native);
  rm_socket_init(native);
  rm_listener_init(native);
  rm_resolver_init(native);
  rm_netlink_init(native);
  rm_file_init(native);
  rm_process_init(native);
  rm_system_init(native, argc, argv);
  rm_signal_init(native);
#ifdef RM_TLS
  rm_tls_init();
#endif
  rm_set(global, "rmNative", native);
  JS_FreeValue(rm_context, global);
}

#ifdef RM_TEARDOWN
static void teardown(JSRuntime *runtime) {
  rm_process_teardown();
  rm_loop_teardown();
  rm_signal_teardown();
  rm_clock_teardown();
  rm_socket_teardown();
#ifdef RM_TLS
  rm_tls_teardown();
#endif
  JS_FreeContext(rm_context);
  JS_FreeRuntime(runtime);
}
#endif

int main(int argc, char **argv) {
  open_standard_streams();
  JSRuntime *runtime = rm_memory_runtime();
  JS_SetMaxStackSize(runtime, STACK);
  rm_track_rejections(runtime);
  rm_context = JS_NewContextRaw(runtime);
  if (rm_context == NULL) rm_fatal(RM_EXIT_OS, "the engine does not start");
  rm_script_load(&argc, &argv);
  add_intrinsics(rm_context);
  rm_loop_init();
  add_modules(argc, argv);
  int status = rm_loop_run(rm_script_run());
#ifdef RM_TEARDOWN
  teardown(runtime);
#endif
  return status;
}
