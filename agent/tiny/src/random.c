#include "random.h"
#include "fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* How long a kernel without getrandom is given to gather entropy, in milliseconds. */
enum { SEED_TIMEOUT_MS = 30000 };

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

void rm_random(uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t got = getrandom(data, length, 0);
    if (got < 0 && errno == ENOSYS) got = random_device(data, length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) rm_fatal(RM_EXIT_OS, "no random numbers from the kernel: %s", strerror(errno));
    data += got;
    length -= (size_t)got;
  }
}
