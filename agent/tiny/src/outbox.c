/* What sockets still have to send.
 *
 * Writes made during one turn are gathered, a list of pieces for each socket, and leave with one writev when the turn
 * (or the `data` callback) ends. A piece of the receive buffer is referenced, anything else is copied to an arena, so
 * that the script may reuse its memory at once. What the kernel does not take is copied to the socket's own queue.
 * A socket has gathered pieces or a queue, never both: while there is a queue, writes go to its end. */
#include "outbox.h"
#include "fatal.h"
#include "memory.h"
#include "trim.h"

#include <string.h>

enum {
  PIECES = 512,
  ARENA = 32768,
  VECTOR = 64,           /* pieces in one writev */
  DIRECT = 8192,         /* from this size on, sending at once is cheaper than a copy */
  MIN_CHUNK = 4096,    /* an allocation for the queue, header included */
  MAX_CHUNK = 65536,
  MAX_QUEUE = 16 << 20 /* the script bounds its queues by counting `taken`; this much means that it does not */
};

struct rm_chunk {
  rm_chunk *next;
  uint32_t start, end, capacity;
  uint8_t data[];
};

static RM_PAGE_ALIGNED struct {
  const uint8_t *data;
  uint32_t length;
  uint16_t next;
} pieces[PIECES + 1];
static unsigned pieces_used;
static RM_PAGE_ALIGNED uint8_t arena[ARENA];
static size_t arena_used;
static rm_link dirty = {&dirty, &dirty};
static const uint8_t *live_start;
static size_t live_length;
static const rm_outbox_owner *owner;

void rm_outboxes_owned_by(const rm_outbox_owner *socket) {
  owner = socket;
  rm_trim_scratch(pieces, sizeof pieces);
  rm_trim_scratch(arena, sizeof arena);
}

void rm_outbox_live(const uint8_t *start, size_t length) {
  live_start = start;
  live_length = length;
}

void rm_outbox_init(rm_outbox *outbox) {
  memset(outbox, 0, sizeof *outbox);
  rm_link_init(&outbox->dirty);
}

static void forget_pieces(rm_outbox *outbox) {
  outbox->first = outbox->last = 0;
  outbox->gathered = 0;
  rm_link_remove(&outbox->dirty);
}

void rm_outbox_drop(rm_outbox *outbox) {
  forget_pieces(outbox);
  while (outbox->head) {
    rm_chunk *chunk = outbox->head;
    outbox->head = chunk->next;
    rm_free(chunk);
  }
  outbox->tail = NULL;
  outbox->queued = 0;
}

static void enqueue(rm_outbox *outbox, const uint8_t *data, size_t length) {
  if (length > MAX_QUEUE - outbox->queued)
    rm_fatal(RM_EXIT_SOFTWARE, "defect: more than %d bytes wait on one socket", MAX_QUEUE);
  outbox->queued += length;
  rm_chunk *tail = outbox->tail;
  if (tail) {
    size_t room = tail->capacity - tail->end, part = length < room ? length : room;
    memcpy(tail->data + tail->end, data, part);
    tail->end += (uint32_t)part;
    data += part;
    length -= part;
  }
  if (length == 0) return;
  size_t size = outbox->queued < MIN_CHUNK ? MIN_CHUNK : outbox->queued > MAX_CHUNK ? MAX_CHUNK : outbox->queued;
  size_t capacity = size - sizeof *tail > length ? size - sizeof *tail : length;
  rm_chunk *chunk = rm_alloc(sizeof *chunk + capacity);
  chunk->next = NULL;
  chunk->start = 0;
  chunk->end = (uint32_t)length;
  chunk->capacity = (uint32_t)capacity;
  memcpy(chunk->data, data, length);
  if (tail) tail->next = chunk;
  else outbox->head = chunk;
  outbox->tail = chunk;
}

static void gather(rm_outbox *outbox, const uint8_t *data, size_t length) {
  if (outbox->last && pieces[outbox->last].data + pieces[outbox->last].length == data) {
    pieces[outbox->last].length += (uint32_t)length;
  } else {
    unsigned index = ++pieces_used;
    pieces[index].data = data;
    pieces[index].length = (uint32_t)length;
    pieces[index].next = 0;
    if (outbox->last) pieces[outbox->last].next = (uint16_t)index;
    else outbox->first = (uint16_t)index;
    outbox->last = (uint16_t)index;
  }
  outbox->gathered += length;
  if (rm_link_empty(&outbox->dirty)) rm_link_append(&dirty, &outbox->dirty);
}

bool rm_outbox_add(rm_outbox *outbox, const uint8_t *data, size_t length) {
  if (length == 0) return true;
  bool live = data >= live_start && data < live_start + live_length;
  if (pieces_used == PIECES || (!live && length < DIRECT && arena_used + length > ARENA)) rm_outbox_flush_all();
  if (outbox->queued > 0) {
    enqueue(outbox, data, length);
    return true;
  }
  if (!live && length < DIRECT) {
    data = memcpy(arena + arena_used, data, length);
    arena_used += length;
    live = false;
  }
  gather(outbox, data, length);
  if (!live && length >= DIRECT) rm_outbox_flush(outbox);
  return !live;
}

/* Sends gathered pieces; copies the rest. */
static void flush_pieces(rm_outbox *outbox) {
  struct iovec vector[VECTOR];
  unsigned index = outbox->first;
  size_t sent = 0, skip = 0;
  while (index) {
    int count = 0;
    size_t offered = 0;
    for (unsigned next = index; next && count < VECTOR; next = pieces[next].next, count++) {
      vector[count].iov_base = (void *)(uintptr_t)pieces[next].data;
      vector[count].iov_len = pieces[next].length;
      offered += pieces[next].length;
    }
    ssize_t taken = owner->send(outbox, vector, count);
    if (taken < 0) {
      rm_outbox_drop(outbox);
      return;
    }
    sent += (size_t)taken;
    skip = (size_t)taken;
    while (index && skip >= pieces[index].length) {
      skip -= pieces[index].length;
      index = pieces[index].next;
    }
    if ((size_t)taken < offered) break;
  }
  forget_pieces(outbox);
  for (; index; index = pieces[index].next, skip = 0)
    enqueue(outbox, pieces[index].data + skip, pieces[index].length - skip);
  owner->sent(outbox, sent);
}

static void flush_queue(rm_outbox *outbox) {
  struct iovec vector[VECTOR];
  size_t sent = 0;
  while (outbox->head) {
    int count = 0;
    size_t offered = 0;
    for (rm_chunk *chunk = outbox->head; chunk && count < VECTOR; chunk = chunk->next, count++) {
      vector[count].iov_base = chunk->data + chunk->start;
      vector[count].iov_len = chunk->end - chunk->start;
      offered += vector[count].iov_len;
    }
    ssize_t taken = owner->send(outbox, vector, count);
    if (taken < 0) {
      rm_outbox_drop(outbox);
      return;
    }
    size_t left = (size_t)taken;
    sent += left;
    outbox->queued -= left;
    while (outbox->head && left >= outbox->head->end - outbox->head->start) {
      rm_chunk *chunk = outbox->head;
      left -= chunk->end - chunk->start;
      outbox->head = chunk->next;
      rm_free(chunk);
    }
    if (outbox->head == NULL) outbox->tail = NULL;
    else outbox->head->start += (uint32_t)left;
    if ((size_t)taken < offered) break;
  }
  owner->sent(outbox, sent);
}

void rm_outbox_flush(rm_outbox *outbox) {
  if (outbox->first) flush_pieces(outbox);
  else if (outbox->queued) flush_queue(outbox);
}

void rm_outbox_flush_all(void) {
  while (!rm_link_empty(&dirty)) flush_pieces(rm_container(dirty.next, rm_outbox, dirty));
  pieces_used = 0;
  arena_used = 0;
}
