#include "system.h"
#include "error.h"
#include "loop.h"
#include "memory.h"
#include "object.h"
#include "output.h"
#include "read_file.h"
#include "runtime.h"

#include <mbedtls/build_info.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

static JSValue environment(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *name = JS_ToCString(context, argv[0]);
  if (name == NULL) return JS_EXCEPTION;
  const char *value = getenv(name);
  JS_FreeCString(context, name);
  return value ? rm_string(value) : JS_UNDEFINED;
}

static JSValue host_name(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  (void)argc;
  (void)argv;
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return rm_string(name);
}

/* Other hardware has addresses of other lengths. False also for one that is not set. */
static bool ethernet_address(int fd, const char *name, uint8_t id[6]) {
  static const uint8_t unset[6];
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(fd, SIOCGIFHWADDR, &request) || request.ifr_hwaddr.sa_family != ARPHRD_ETHER) return false;
  if (!memcmp(request.ifr_hwaddr.sa_data, unset, sizeof unset)) return false;
  memcpy(id, request.ifr_hwaddr.sa_data, sizeof unset);
  return true;
}

/* eth0 first, as the original has it: before it, there may be interfaces whose address is random. */
static JSValue node_id(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  (void)argc;
  (void)argv;
  uint8_t id[6] = {0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool found = fd >= 0 && ethernet_address(fd, "eth0", id);
  struct if_nameindex *interfaces = fd < 0 || found ? NULL : if_nameindex();
  for (struct if_nameindex *next = interfaces; !found && next && next->if_index; next++)
    found = ethernet_address(fd, next->if_name, id);
  if (interfaces) if_freenameindex(interfaces);
  if (fd >= 0) close(fd);
  char text[13];
  snprintf(text, sizeof text, "%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3], id[4], id[5]);
  return rm_string(text);
}

static JSValue platform(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  (void)argc;
  (void)argv;
  struct utsname names;
  char text[sizeof names.sysname + sizeof names.release + sizeof names.machine + 4];
  if (uname(&names)) return rm_string("Linux");
  snprintf(text, sizeof text, "%s/%s; %s", names.sysname, names.release, names.machine);
  return rm_string(text);
}

static JSValue print(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t stream;
  size_t length;
  if (JS_ToInt32(context, &stream, argv[0])) return JS_EXCEPTION;
  const char *text = JS_ToCStringLen(context, &length, argv[1]);
  if (text == NULL) return JS_EXCEPTION;
  rm_print(stream == 1 ? 1 : 2, text, length);
  JS_FreeCString(context, text);
  return JS_UNDEFINED;
}

static JSValue system_log(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t severity;
  if (JS_ToInt32(context, &severity, argv[0])) return JS_EXCEPTION;
  const char *text = JS_ToCString(context, argv[1]);
  if (text == NULL) return JS_EXCEPTION;
  rm_system_log(severity & 7, text);
  JS_FreeCString(context, text);
  return JS_UNDEFINED;
}

/* notify(state): sd_notify(3). A name that begins with "@" is one of the abstract name space (unix(7)). */
static JSValue system_notify(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("NOTIFY_SOCKET");
  size_t length = path ? strlen(path) : 0, size;
  if (length < 2 || length > sizeof address.sun_path) return JS_UNDEFINED;
  const char *state = JS_ToCStringLen(context, &size, argv[0]);
  if (state == NULL) return JS_EXCEPTION;
  memcpy(address.sun_path, path, length);
  if (*path == '@') *address.sun_path = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t whole = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  /* Nothing can be done for a manager that does not listen: it has its own time limits. The agent does not wait for it. */
  struct timeval most = {.tv_sec = 1};
  (void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  (void)!sendto(fd, state, size, MSG_NOSIGNAL, (struct sockaddr *)&address, whole);
  if (fd >= 0) close(fd);
  JS_FreeCString(context, state);
  return JS_UNDEFINED;
}

static JSValue resident_memory(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  unsigned long pages = 0;
  uint8_t *text;
  size_t length;
  if (rm_read_file("/proc/self/statm", 256, &text, &length) == 0) {
    const char *resident = strchr((char *)text, ' '); /* the second number (proc(5)) */
    if (resident) pages = strtoul(resident, NULL, 10);
    rm_free(text);
  }
  return JS_NewFloat64(context, (double)pages * (double)sysconf(_SC_PAGESIZE));
}

static JSValue system_exit(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t status;
  if (JS_ToInt32(context, &status, argv[0])) return JS_EXCEPTION;
  return rm_loop_exit(status);
}

static JSValue memory_limit(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  double bytes;
  if (JS_ToFloat64(context, &bytes, argv[0])) return JS_EXCEPTION;
  rm_memory_limit(bytes > 0 && bytes < (double)SIZE_MAX ? (size_t)bytes : SIZE_MAX);
  return JS_UNDEFINED;
}

static JSValue memory_used(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  return JS_NewFloat64(context, (double)rm_memory_used());
}

static JSValue collect(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  JS_RunGC(JS_GetRuntime(context));
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry memory_entries[] = {
  JS_CFUNC_DEF("memoryLimit", 1, memory_limit),
  JS_CFUNC_DEF("memoryUsed", 0, memory_used),
  JS_CFUNC_DEF("collect", 0, collect),
};
/*
 * What the program was built from. CMake knows the rest; the version of mbedTLS comes from its headers. Where one build
 * serves many commits, RM_COMMIT is a place holder that is written over in the executable (toolchain/tiny/stamp.mjs).
 */
static const char build[] = "target   " RM_TARGET "\nengine   " RM_ENGINE
#ifdef RM_TLS
                            "\ntls      Mbed TLS " MBEDTLS_VERSION_STRING
#else
                            "\ntls      none"
#endif
                            "\nfeatures " RM_FEATURES "\ncommit   " RM_COMMIT;

static const JSCFunctionListEntry entries[] = {
  JS_PROP_STRING_DEF("build", build, JS_PROP_C_W_E),
  JS_CFUNC_DEF("environment", 1, environment),
  JS_CFUNC_DEF("hostName", 0, host_name),
  JS_CFUNC_DEF("nodeId", 0, node_id),
  JS_CFUNC_DEF("platform", 0, platform),
  JS_CFUNC_DEF("print", 2, print),
  JS_CFUNC_DEF("syslog", 2, system_log),
  JS_CFUNC_DEF("notify", 1, system_notify),
  JS_CFUNC_DEF("residentMemory", 0, resident_memory),
  JS_CFUNC_DEF("exit", 1, system_exit),
};

void rm_system_init(JSValueConst native, int argc, char **argv) {
  rm_functions(native, memory_entries, sizeof memory_entries / sizeof *memory_entries);
  JSValue system = rm_namespace(native, "system");
  rm_functions(system, entries, sizeof entries / sizeof *entries);
  JSValue arguments = JS_NewArray(rm_context);
  for (int i = 1; i < argc; i++)
    JS_DefinePropertyValueUint32(rm_context, arguments, (uint32_t)i - 1, rm_string(argv[i]), JS_PROP_C_W_E);
  rm_set(system, "arguments", arguments);
}
