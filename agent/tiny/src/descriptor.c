#include "descriptor.h"

#include <errno.h>
#include <sys/socket.h>

ssize_t rm_descriptor_send(int fd, const struct iovec *pieces, int count, bool more) {
  struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)count};
  ssize_t sent;
  do sent = sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

ssize_t rm_descriptor_receive(int fd, uint8_t *data, size_t length) {
  ssize_t got;
  do got = recv(fd, data, length, 0);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}
