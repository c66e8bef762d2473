/* Bytes through the descriptor of a stream socket. */
#ifndef RM_DESCRIPTOR_H
#define RM_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Both return the bytes sent or received (0: end of stream), or a negative errno value; -EAGAIN: none now. `more` says
 * that more bytes follow at once. */
ssize_t rm_descriptor_send(int fd, const struct iovec *pieces, int count, bool more);
ssize_t rm_descriptor_receive(int fd, uint8_t *data, size_t length);

#endif
