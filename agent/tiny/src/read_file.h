#ifndef RM_READ_FILE_H
#define RM_READ_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads a whole file of at most `limit` bytes, or a pipe until its end. Returns 0 or an errno value (EFBIG: too large;
 * ETIMEDOUT: the writer of a pipe was silent for 10 s). *data is NUL-terminated, to be freed with rm_free. */
int rm_read_file(const char *path, size_t limit, uint8_t **data, size_t *length);

#endif
