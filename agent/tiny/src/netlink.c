/* Addresses, default routes and links that the kernel reports (rtnetlink(7)). Nothing is requested, so it costs nothing
 * while nothing changes.
 *
 * The kernel repeats itself, with each router advertisement for example. Its reports are remembered as a set of hashes,
 * and only what enters or leaves the set is a change. */
#include "netlink.h"
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
#include <sys/socket.h>
#include <unistd.h>

/* Of the kernel's ABI (linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h, linux/if_link.h), which musl has no headers for. */
enum { NETLINK_ROUTE = 0, FLAG_REPLACE = 0x100, LINKS = 1, ADDRESSES4 = 0x10, ROUTES4 = 0x40, ADDRESSES6 = 0x100, ROUTES6 = 0x400 };
enum { NEW_LINK = 16, DEL_LINK = 17, NEW_ADDRESS = 20, DEL_ADDRESS = 21, NEW_ROUTE = 24, DEL_ROUTE = 25 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_FLAGS = 8, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_MULTIPATH = 9 };
enum { IFF_LOOPBACK = 8, IFF_RUNNING = 0x40, IFA_F_DADFAILED = 8, IFA_F_TENTATIVE = 0x40 };
enum { SCOPE_LINK = 253, SCOPE_HOST = 254, TABLE_LOCAL = 255 };

typedef struct {
  uint16_t family, pad;
  uint32_t pid, groups;
} netlink_address;

typedef struct {
  uint32_t length;
  uint16_t type, flags;
  uint32_t sequence, pid;
} message;

typedef struct {
  uint16_t length, type;
} attribute;

typedef struct {
  uint8_t family, pad;
  uint16_t type;
  int32_t index;
  uint32_t flags, change;
} link_info;

typedef struct {
  uint8_t family, prefix, flags, scope;
  uint32_t index;
} address_info;

typedef struct {
  uint8_t family, destination_length, source_length, tos, table, protocol, scope, type;
  uint32_t flags;
} route_info;

enum { KNOWN = 64 };

typedef struct {
  rm_cancellable cancellable;
  rm_watch watch;
  rm_task task;
  int error;
  /* What exists, as far as it was told; 0 is a free place. The oldest gives way when there is none. */
  uint64_t known[KNOWN];
  size_t next;
} monitor;

static void monitor_stop(rm_handle *handle) {
  monitor *m = rm_container(handle, monitor, cancellable.handle);
  rm_task_cancel(&m->task);
  rm_watch_close(&m->watch);
  rm_cancellable_end(&m->cancellable);
}

static void monitor_failed(rm_task *task) {
  monitor *m = rm_container(task, monitor, task);
  JSValue error = rm_error(m->error, "netlink");
  rm_cancellable_finish(&m->cancellable, 1, &error);
}

/* FNV-1a */
static uint64_t mix(uint64_t hash, const void *data, size_t length) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return hash;
}

/* Notes that something exists, or does not; true when that is new. What was there before the start is not known. */
static bool note(monitor *m, uint64_t hash, bool exists) {
  if (hash == 0) hash = 1;
  size_t i = 0;
  while (i < KNOWN && m->known[i] != hash) i++;
  if ((i < KNOWN) == exists) return false;
  if (!exists) {
    m->known[i] = 0;
    return true;
  }
  m->known[m->next] = hash;
  m->next = (m->next + 1) % KNOWN;
  return true;
}

/* Mixes the attributes whose bit is set in `wanted`; the value of `flags`, 4 bytes, goes to *found. */
static uint64_t mix_attributes(uint64_t hash, const uint8_t *data, size_t length, uint32_t wanted, int flags, uint32_t *found) {
  attribute head;
  while (length >= sizeof head) {
    memcpy(&head, data, sizeof head);
    if (head.length < sizeof head || head.length > length) break;
    if (head.type < 32 && wanted >> head.type & 1) hash = mix(hash, data, head.length);
    if (head.type == flags && head.length == sizeof head + sizeof *found) memcpy(found, data + sizeof head, sizeof *found);
    size_t step = (head.length + 3u) & ~3u;
    if (step >= length) break;
    data += step;
    length -= step;
  }
  return hash;
}

static bool link_changed(monitor *m, bool exists, const uint8_t *data, size_t length) {
  link_info info;
  if (length < sizeof info) return false;
  memcpy(&info, data, sizeof info);
  /* Messages of bridges and of wireless extensions have the same type. */
  if (info.family != 0 || info.flags & IFF_LOOPBACK) return false;
  bool up = exists && info.flags & IFF_RUNNING;
  uint64_t hash = mix('l', &info.index, sizeof info.index);
  note(m, hash + !up, false);
  return note(m, hash + up, true);
}

static bool address_changed(monitor *m, bool exists, const uint8_t *data, size_t length) {
  address_info info;
  if (length < sizeof info) return false;
  memcpy(&info, data, sizeof info);
  if (info.scope >= SCOPE_HOST || (info.scope == SCOPE_LINK && info.family == AF_INET6)) return false;
  uint32_t flags = info.flags;
  uint64_t hash = mix('a', &info.index, sizeof info.index);
  hash = mix_attributes(hash, data + sizeof info, length - sizeof info, 1u << IFA_ADDRESS | 1u << IFA_LOCAL, IFA_FLAGS, &flags);
  /* Until it is known that nobody else has the address, it is of no use. */
  return note(m, hash, exists && !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))) || !exists;
}

static bool route_changed(monitor *m, bool exists, bool replaces, const uint8_t *data, size_t length) {
  route_info info;
  if (length < sizeof info) return false;
  memcpy(&info, data, sizeof info);
  if (info.destination_length != 0 || info.table == TABLE_LOCAL) return false;
  uint32_t none;
  uint64_t hash = mix('r', &info.family, sizeof info.family);
  uint32_t wanted = 1u << RTA_OIF | 1u << RTA_GATEWAY | 1u << RTA_PRIORITY | 1u << RTA_MULTIPATH;
  hash = mix_attributes(hash, data + sizeof info, length - sizeof info, wanted, -1, &none);
  /* The route that it replaces is not named. */
  return note(m, hash, exists) || !exists || replaces;
}

static bool message_changed(monitor *m, const message *head, const uint8_t *data, size_t length) {
  switch (head->type) {
    case NEW_LINK:
    case DEL_LINK: return link_changed(m, head->type == NEW_LINK, data, length);
    case NEW_ADDRESS:
    case DEL_ADDRESS: return address_changed(m, head->type == NEW_ADDRESS, data, length);
    case NEW_ROUTE:
    case DEL_ROUTE: return route_changed(m, head->type == NEW_ROUTE, head->flags & FLAG_REPLACE, data, length);
    default: return false;
  }
}

static bool packet_changed(monitor *m, const uint8_t *data, size_t length) {
  bool changed = false;
  message head;
  while (length >= sizeof head) {
    memcpy(&head, data, sizeof head);
    if (head.length < sizeof head || head.length > length) break;
    if (message_changed(m, &head, data + sizeof head, head.length - sizeof head)) changed = true;
    size_t step = (head.length + 3u) & ~3u;
    if (step >= length) break;
    data += step;
    length -= step;
  }
  return changed;
}

static void monitor_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  monitor *m = rm_container(watch, monitor, watch);
  bool changed = false;
  for (;;) {
    /* A message of a link with all its attributes has some 1500 bytes; what is cut off at the end is not of interest. */
    uint8_t packet[4096];
    ssize_t got = recv(watch->fd, packet, sizeof packet, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      /* More has changed than was told. */
      memset(m->known, 0, sizeof m->known);
      changed = true;
      continue;
    }
    if (got <= 0) break;
    if (packet_changed(m, packet, (size_t)got)) changed = true;
  }
  if (!changed) return;
  JSValue callback = JS_DupValue(rm_context, m->cancellable.callback);
  rm_call(callback, 0, NULL);
  JS_FreeValue(rm_context, callback);
}

static int open_monitor(monitor *m) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return errno;
  rm_watch_open(&m->watch, fd);
  netlink_address local = {.family = AF_NETLINK, .groups = LINKS | ADDRESSES4 | ADDRESSES6 | ROUTES4 | ROUTES6};
  if (bind(fd, (const struct sockaddr *)(const void *)&local, sizeof local)) return errno;
  return rm_watch_set(&m->watch, EPOLLIN);
}

/* onChange(changed, failed) */
static JSValue network_on_change(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  if (!JS_IsFunction(context, argv[0]) || !JS_IsFunction(context, argv[1]))
    return JS_ThrowTypeError(context, "onChange: a callback is no function");
  monitor *m = rm_alloc(sizeof *m);
  memset(m, 0, sizeof *m);
  m->watch.fd = -1;
  m->watch.ready = monitor_ready;
  rm_task_init(&m->task, monitor_failed);
  m->error = open_monitor(m);
  JSValue object = rm_cancellable_new(&m->cancellable, argv[m->error ? 1 : 0], monitor_stop);
  if (JS_IsException(object)) {
    rm_watch_close(&m->watch);
    rm_free(m);
    return object;
  }
  if (m->error) rm_task_defer(&m->task);
  return object;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("onChange", 2, network_on_change)};

void rm_netlink_init(JSValueConst native) {
  rm_namespace_add(native, "network", entries, 1);
}
