#include "connect.h"
#include "object.h"
#include "runtime.h"
#include "socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* A number among the options; false with an exception. Absent: 0. */
static bool number_option(JSValueConst options, const char *name, int32_t *number) {
  JSValue value = JS_GetPropertyStr(rm_context, options, name);
  int failed = JS_ToInt32(rm_context, number, value);
  JS_FreeValue(rm_context, value);
  return !failed;
}

/* connect({ address, port, probeAfterSeconds }, handler) */
static JSValue network_connect(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  int32_t port, probe_after;
  if (!number_option(argv[0], "port", &port)) return JS_EXCEPTION;
  if (!number_option(argv[0], "probeAfterSeconds", &probe_after)) return JS_EXCEPTION;
  JSValue address_value = JS_GetPropertyStr(context, argv[0], "address");
  const char *address = JS_ToCString(context, address_value);
  JS_FreeValue(context, address_value);
  if (address == NULL) return JS_EXCEPTION;
  char service[12];
  snprintf(service, sizeof service, "%d", (int)port);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
  bool usable = port >= 1 && port <= 65535 && getaddrinfo(address, service, &hints, &found) == 0;
  JS_FreeCString(context, address);
  if (!usable) return rm_socket_failed(EINVAL, argv[1]);
  JSValue object = rm_socket_dial(found->ai_addr, found->ai_addrlen, (int)probe_after, argv[1]);
  freeaddrinfo(found);
  return object;
}

/* connectLocal(path, handler) */
static JSValue network_connect_local(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length;
  const char *path = JS_ToCStringLen(context, &length, argv[0]);
  if (path == NULL) return JS_EXCEPTION;
  bool fits = length < sizeof address.sun_path;
  if (fits) memcpy(address.sun_path, path, length);
  JS_FreeCString(context, path);
  if (!fits) return rm_socket_failed(ENAMETOOLONG, argv[1]);
  return rm_socket_dial((struct sockaddr *)&address, sizeof address, 0, argv[1]);
}

static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("connect", 2, network_connect),
  JS_CFUNC_DEF("connectLocal", 2, network_connect_local),
};

void rm_connect_init(JSValueConst native) {
  rm_functions(rm_namespace(native, "network"), entries, sizeof entries / sizeof *entries);
}
