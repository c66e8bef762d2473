#include "read_file.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

enum {
  BLOCK = 4096,
  PIPE_MS = 10000 /* how long the writer of a pipe may be silent */
};

/* A pipe whose writer is still at work, as /dev/stdin may be. */
static bool becomes_readable(int fd) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  int ready;
  do ready = poll(&wait, 1, PIPE_MS);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

int rm_read_file(const char *path, size_t limit, uint8_t **data, size_t *length) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  /* Sizes that the file system tells are not relied on: files of /proc have none. */
  size_t capacity = BLOCK, used = 0;
  uint8_t *bytes = rm_alloc(capacity + 1);
  int error = 0;
  for (;;) {
    if (used == capacity) bytes = rm_realloc(bytes, (capacity *= 2) + 1);
    ssize_t got = read(fd, bytes + used, capacity - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && becomes_readable(fd)) continue;
    if (got < 0) error = errno == EAGAIN ? ETIMEDOUT : errno;
    if (got <= 0) break;
    used += (size_t)got;
    if (used > limit) {
      error = EFBIG;
      break;
    }
  }
  close(fd);
  if (error) {
    rm_free(bytes);
    return error;
  }
  bytes[used] = 0;
  *data = bytes;
  *length = used;
  return 0;
}
