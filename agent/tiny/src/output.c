#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  PATIENCE_MS = 2000, /* for the reader of a log that took everything so far */
  PIECE = 4096,       /* what a descriptor that poll(2) calls writable takes at once: PIPE_BUF */
  DAEMON = 3 << 3     /* the facility, as in syslog(3) */
};

/* Gives up, with EAGAIN, when nothing is taken for `wait` milliseconds; -1: never. Returns 0, or an errno value. */
static int put(int fd, const char *text, size_t length, int wait) {
  while (length > 0) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    int ready = poll(&writable, 1, wait);
    if (ready == 0) return EAGAIN;
    ssize_t written = ready < 0 ? ready : write(fd, text, length < PIECE ? length : PIECE);
    if (written >= 0) {
      text += written;
      length -= (size_t)written;
    } else if (errno != EINTR && errno != EAGAIN) {
      return errno;
    }
  }
  return 0;
}

static int put_error(int severity, const char *text, size_t length, int wait) {
  (void)severity;
  return put(2, text, length, wait);
}

/* Not syslog(3), which waits for the system log without end. That adds the time itself. */
static int put_system_log(int severity, const char *text, size_t length, int wait) {
  static const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  static int fd = -1;
  char line[1024];
  if (fd < 0) fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int size = snprintf(line, sizeof line, "<%d>rm-agent: %.*s", DAEMON + severity, (int)length, text);
  length = size < (int)sizeof line ? (size_t)size : sizeof line - 1;
  int error = put(fd, line, length, wait);
  /* It is new, or the system log has started again. */
  if (error && error != EAGAIN && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
    error = put(fd, line, length, wait);
  return error;
}

/* A reader that does not take a line is not waited for again until it has taken how many lines it lacks. */
static void put_line(
  int (*reader)(int, const char *, size_t, int), unsigned *lost, int severity, const char *text, size_t length) {
  int wait = *lost ? 0 : PATIENCE_MS;
  if (*lost) {
    char note[48];
    int size = snprintf(note, sizeof note, "%u lines were left out\n", *lost);
    *lost += 1;
    if (reader(4, note, (size_t)size, 0)) return;
    *lost = 0;
  }
  if (reader(severity, text, length, wait)) *lost += 1;
}

void rm_print(int fd, const char *text, size_t length) {
  static unsigned lost;
  if (fd == 2) put_line(put_error, &lost, 0, text, length);
  else put(fd, text, length, -1);
}

void rm_system_log(int severity, const char *text) {
  static unsigned lost;
  put_line(put_system_log, &lost, severity, text, strlen(text));
}
