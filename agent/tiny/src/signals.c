#include "signals.h"
#include "call.h"
#include "fatal.h"
#include "loop.h"
#include "object.h"
#include "runtime.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct {
  const char *name;
  int number;
} names[] = {{"SIGHUP", SIGHUP}, {"SIGINT", SIGINT}, {"SIGTERM", SIGTERM}, {"SIGUSR1", SIGUSR1}};
enum { COUNT = sizeof names / sizeof *names };

static JSValue handlers[COUNT];
static void (*child_ended)(void);
static sigset_t caught;

static void signal_ready(rm_watch *watch, uint32_t events) {
  (void)events;
  struct signalfd_siginfo info;
  ssize_t got = read(watch->fd, &info, sizeof info);
  if (got != sizeof info) return;
  if (info.ssi_signo == SIGCHLD) {
    child_ended();
    return;
  }
  for (size_t i = 0; i < COUNT; i++)
    if ((uint32_t)names[i].number == info.ssi_signo) rm_call(handlers[i], 0, NULL);
}

static rm_watch watch = {.fd = -1, .ready = signal_ready};

static void catch_signal(int number) {
  sigaddset(&caught, number);
  sigprocmask(SIG_BLOCK, &caught, NULL);
  int fd = signalfd(watch.fd, &caught, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) rm_fatal(RM_EXIT_OS, "signals are not available: %s", strerror(errno));
  if (watch.fd < 0) {
    rm_watch_open(&watch, fd);
    rm_watch_set(&watch, EPOLLIN);
  }
}

void rm_signals_on_child(void (*ended)(void)) {
  child_ended = ended;
  catch_signal(SIGCHLD);
}

void rm_signals_unblock(void) { sigprocmask(SIG_UNBLOCK, &caught, NULL); }

/* onSignal(name, run) */
static JSValue system_on_signal(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *name = JS_ToCString(context, argv[0]);
  if (name == NULL) return JS_EXCEPTION;
  size_t i = 0;
  while (i < COUNT && strcmp(names[i].name, name) != 0) i++;
  JS_FreeCString(context, name);
  if (i == COUNT || !JS_IsFunction(context, argv[1])) return JS_ThrowTypeError(context, "onSignal: wrong arguments");
  JS_FreeValue(context, handlers[i]);
  handlers[i] = JS_DupValue(context, argv[1]);
  catch_signal(names[i].number);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("onSignal", 2, system_on_signal)};

void rm_signals_init(JSValueConst native) {
  struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
  sigaction(SIGPIPE, &ignore, NULL);
  /* Our parent may ignore it, and then the kernel would not report the end of our children. */
  sigaction(SIGCHLD, &usual, NULL);
  sigemptyset(&caught);
  for (size_t i = 0; i < COUNT; i++) handlers[i] = JS_UNDEFINED;
  rm_namespace_add(native, "system", entries, 1);
}

void rm_signals_teardown(void) {
  for (size_t i = 0; i < COUNT; i++) JS_FreeValue(rm_context, handlers[i]);
  rm_watch_close(&watch);
}
