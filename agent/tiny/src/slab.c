/* The engine makes thousands of small objects that live as long as the process. The C library rounds each up by an eighth
 * on average, after a header, and what the start has left over stays between them: a third more than is needed.
 *
 * A slab is a piece of memory that is cut into blocks of one size, behind a header that says which entry of the table it
 * is. Memory is a block only if the entry that is named at the start of its slab is that slab, so the content of other
 * memory does not matter. */
#include "slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  SLAB = 2048,
  CHUNK = 65536, /* taken from the system at once */
  FINE = 128,    /* up to this size there is a class every 8 bytes, above it every 32 */
  FINE_CLASSES = FINE / 8,
  CLASSES = FINE_CLASSES + (RM_SLAB_MAX - FINE) / 32
};

/* Free blocks begin with the offset of the next one. Lists end with 0: no block is there, and no slab has this number. */
typedef struct {
  uint32_t index, next, previous; /* of its class, with free blocks */
  uint16_t size, used, free;
  uint16_t fresh; /* where the blocks begin that were never used */
} slab;

enum { FIRST = (sizeof(slab) + 7) & ~7u };

static struct {
  slab *address;
  uint32_t next; /* without blocks */
  bool empty;
  bool untouched; /* since the system gave it */
} *table;
static uint32_t slabs, table_size, empties;
static uint8_t *chunk, *chunk_end;
static uint32_t partial[CLASSES];

static unsigned class_of(size_t size) {
  return (unsigned)(size <= FINE ? (size + 7) / 8 - 1 : FINE_CLASSES + (size - FINE + 31) / 32 - 1);
}

size_t rm_slab_usable(size_t size) {
  return size <= FINE ? (size + 7) & ~(size_t)7 : (size + 31) & ~(size_t)31;
}

static uint32_t new_slab(void) {
  if (chunk == chunk_end) {
    void *memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    chunk = memory;
    chunk_end = chunk + CHUNK;
  }
  if (slabs + 1 >= table_size) {
    uint32_t size = table_size ? table_size * 2 : 256;
    void *larger = realloc(table, size * sizeof *table);
    if (larger == NULL) return 0;
    table = larger;
    table[0].address = NULL;
    table_size = size;
  }
  table[++slabs].address = (slab *)(void *)chunk;
  chunk += SLAB;
  return slabs;
}

static void link_in(slab *s, uint32_t *list) {
  s->previous = 0;
  s->next = *list;
  if (s->next) table[s->next].address->previous = s->index;
  *list = s->index;
}

static void link_out(slab *s, uint32_t *list) {
  if (s->previous) table[s->previous].address->next = s->next;
  else *list = s->next;
  if (s->next) table[s->next].address->previous = s->previous;
}

static slab *add_slab(size_t size, uint32_t *list) {
  uint32_t index = empties;
  if (index) empties = table[index].next;
  else if ((index = new_slab()) == 0) return NULL;
  table[index].empty = table[index].untouched = false;
  slab *s = table[index].address;
  *s = (slab){.index = index, .size = (uint16_t)rm_slab_usable(size), .fresh = FIRST};
  link_in(s, list);
  return s;
}

static bool is_full(const slab *s) { return s->free == 0 && s->fresh + s->size > SLAB; }

void *rm_slab_alloc(size_t size) {
  uint32_t *list = &partial[class_of(size)];
  slab *s = *list ? table[*list].address : add_slab(size, list);
  if (s == NULL) return NULL;
  uint8_t *block = (uint8_t *)s;
  if (s->free) {
    block += s->free;
    s->free = *(uint16_t *)(void *)block;
  } else {
    block += s->fresh;
    s->fresh = (uint16_t)(s->fresh + s->size);
  }
  s->used++;
  if (is_full(s)) link_out(s, list);
  return block;
}

static slab *slab_of(const void *memory) { return (slab *)((uintptr_t)memory & ~(uintptr_t)(SLAB - 1)); }

size_t rm_slab_size(const void *memory) {
  const slab *s = slab_of(memory);
  return s->index <= slabs && slabs > 0 && table[s->index].address == s ? s->size : 0;
}

void rm_slab_free(void *block) {
  slab *s = slab_of(block);
  uint32_t *list = &partial[class_of(s->size)];
  if (is_full(s)) link_in(s, list);
  *(uint16_t *)block = s->free;
  s->free = (uint16_t)((uint8_t *)block - (uint8_t *)s);
  if (--s->used > 0) return;
  link_out(s, list);
  table[s->index].next = empties;
  table[s->index].empty = true;
  empties = s->index;
}

void rm_slab_trim(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint32_t together = page > SLAB ? (uint32_t)(page / SLAB) : 1;
  for (uint32_t first = 1; first + together - 1 <= slabs; first += together) {
    bool empty = true, untouched = true;
    for (uint32_t i = first; i < first + together; i++) {
      empty &= table[i].empty;
      untouched &= table[i].untouched;
    }
    if (!empty || untouched) continue;
    madvise(table[first].address, together * SLAB, MADV_DONTNEED);
    for (uint32_t i = first; i < first + together; i++) table[i].untouched = true;
  }
}
