/* What a socket still has to send. */
#ifndef RM_OUTBOX_H
#define RM_OUTBOX_H

#include "list.h"

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct rm_chunk rm_chunk;

typedef struct rm_outbox {
  rm_link dirty;     /* in the list of those with gathered pieces */
  uint16_t first, last; /* gathered pieces of this turn; 0: none */
  size_t gathered;   /* bytes in them */
  rm_chunk *head, *tail; /* what the kernel did not take: copies */
  size_t queued;     /* bytes in them */
} rm_outbox;

/* The socket that the outboxes belong to. */
typedef struct rm_outbox_owner {
  /* Sends pieces: returns the bytes taken (0: none now), or -1 when the socket is dead. */
  ssize_t (*send)(rm_outbox *outbox, const struct iovec *pieces, int count);
  /* `count` more bytes were taken, or none because it is full. */
  void (*sent)(rm_outbox *outbox, size_t count);
} rm_outbox_owner;

/* Once, before any other call. */
void rm_outboxes_owned_by(const rm_outbox_owner *owner);
void rm_outbox_init(rm_outbox *outbox);
/* Adds bytes. False when a reference to them is kept until the end of the callback. They may be sent at once. */
bool rm_outbox_add(rm_outbox *outbox, const uint8_t *data, size_t length);
/* Sends what can be sent; the rest is copied and waits. */
void rm_outbox_flush(rm_outbox *outbox);
void rm_outbox_flush_all(void);
void rm_outbox_drop(rm_outbox *outbox);
static inline size_t rm_outbox_size(const rm_outbox *outbox) { return outbox->gathered + outbox->queued; }
/* The memory that received views lie in: writes out of it are not copied while a `data` callback runs. */
void rm_outbox_live(const uint8_t *start, size_t length);

#endif
