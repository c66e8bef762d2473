#include "failure.h"
#include "fatal.h"
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rm_guard *innermost;
static char failure[1024];

jmp_buf *rm_guard_enter(rm_guard *guard) {
  guard->outer = innermost;
  innermost = guard;
  return &guard->place;
}

void rm_guard_leave(rm_guard *guard) { innermost = guard->outer; }

bool rm_guarded(void) { return innermost != NULL; }

const char *rm_failure(void) { return *failure ? failure : NULL; }

void rm_failure_check(void) {
  if (*failure) longjmp(innermost->place, 1);
}

/* In the place of fatal.c of the executable. Everything that can fail runs within a guard. */
void rm_fatal(int status, const char *format, ...) {
  (void)status;
  va_list arguments;
  va_start(arguments, format);
  if (!*failure) vsnprintf(failure, sizeof failure, format, arguments);
  va_end(arguments);
  if (!*failure) strcpy(failure, "the engine has failed");
  if (innermost == NULL) abort();
  longjmp(innermost->place, 1);
}

/* In the place of output.c: a program's library prints nothing. */
void rm_print(int fd, const char *text, size_t length) {
  (void)fd;
  (void)text;
  (void)length;
}

void rm_system_log(int severity, const char *text) {
  (void)severity;
  (void)text;
}
