#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <syslog.h>
#include <unistd.h>

void rm_print(int fd, const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, text, length);
    if (written >= 0) {
      text += written;
      length -= (size_t)written;
    } else if (errno == EAGAIN) {
      /* Somebody else made the descriptor non-blocking; the reader is slow. */
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

void rm_system_log(int severity, const char *text) {
  static bool open;
  if (!open) openlog("rm-agent", 0, LOG_DAEMON);
  open = true;
  syslog(severity, "%s", text);
}
