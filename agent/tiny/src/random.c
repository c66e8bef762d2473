#include "random.h"
#include "fatal.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
  SEED_TIMEOUT_MS = 30000, /* how long a kernel without getrandom is given to gather entropy */
  RETRY_MS = 100
};

/* /dev/urandom, for Linux before 3.17. It answers before it is seeded, so that /dev/random is asked first (random(4)); the wait
 * has an end, because there every other reader drains what that looks at. The descriptor stays open. */
static ssize_t random_device(uint8_t *data, size_t length) {
  static int device = -1;
  if (device < 0) {
    struct pollfd seeded = {.fd = open("/dev/random", O_RDONLY | O_CLOEXEC | O_NONBLOCK), .events = POLLIN};
    if (seeded.fd >= 0) {
      poll(&seeded, 1, SEED_TIMEOUT_MS);
      close(seeded.fd);
    }
    device = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (device < 0) return -1;
  }
  ssize_t got = read(device, data, length);
  if (got == 0) errno = EIO;
  return got > 0 ? got : -1;
}

/* Linux 3.17 to 5.5 may lack entropy for hours after the start; keys are not made without. SIGTERM and SIGINT may be blocked
 * here, and nobody reads them. */
static void await_entropy(void) {
  static const char text[] = "rm-agent: the kernel has no random numbers yet: waiting for it\n";
  static bool said;
  sigset_t pending;
  if (!said) {
    rm_system_log(4, "the kernel has no random numbers yet: waiting for it");
    rm_print(2, text, sizeof text - 1);
  }
  said = true;
  poll(NULL, 0, RETRY_MS);
  if (sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT)))
    rm_fatal(RM_EXIT_OS, "ended before the kernel had random numbers");
}

void rm_random(uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t got = getrandom(data, length, GRND_NONBLOCK);
    if (got < 0 && errno == EAGAIN) {
      await_entropy();
      continue;
    }
    if (got < 0 && errno == ENOSYS) got = random_device(data, length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) rm_fatal(RM_EXIT_OS, "no random numbers from the kernel: %s", strerror(errno));
    data += got;
    length -= (size_t)got;
  }
}
