/* Random allocations against a model: slab-model SEED PAGE_SIZE FAILURE. One in FAILURE requests to the system and to the
 * C library fails; 0: none. Ends with 0 when every block had its size, its alignment and its content to the end, and
 * nothing is left. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long page_size;
static uint32_t failure;
static uint64_t state;

static uint32_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16);
}

static int fails(void) { return failure && next_random() % failure == 0; }

static void *model_mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset) {
  if (fails()) return MAP_FAILED;
  uint8_t *memory = mmap(where, size + (size_t)page_size, protection, flags, fd, offset);
  return (void *)(((uintptr_t)memory + (uintptr_t)page_size - 1) & -(uintptr_t)page_size);
}

static void *model_realloc(void *memory, size_t size) { return fails() ? NULL : realloc(memory, size); }

static long model_sysconf(int name) {
  (void)name;
  return page_size;
}

#define mmap model_mmap
#define realloc model_realloc
#define sysconf model_sysconf
#include "../src/slab.c"

enum { BLOCKS = 20000, ROUNDS = 400000, PHASE = 40000 };

static struct {
  uint8_t *memory;
  size_t size;
  uint8_t content;
} blocks[BLOCKS];
static size_t in_slabs, most;

static void expect(bool holds, const char *what, size_t size) {
  if (holds) return;
  printf("%s: block of %zu bytes\n", what, size);
  exit(1);
}

static void check(uint32_t i) {
  const size_t size = blocks[i].size;
  const size_t known = rm_slab_size(blocks[i].memory);
  expect(known == (size <= RM_SLAB_MAX ? rm_slab_usable(size) : 0), "another size", size);
  expect((uintptr_t)blocks[i].memory % 8 == 0, "not aligned", size);
  for (size_t at = 0; at < size; at++) expect(blocks[i].memory[at] == blocks[i].content, "overwritten", size);
}

static void take(uint32_t i) {
  const size_t size = next_random() % 16 ? 1 + next_random() % RM_SLAB_MAX : 1 + next_random() % 4000;
  uint8_t *memory = size <= RM_SLAB_MAX ? rm_slab_alloc(size) : malloc(size);
  if (memory == NULL) return;
  blocks[i].memory = memory;
  blocks[i].size = size;
  blocks[i].content = (uint8_t)next_random();
  memset(memory, blocks[i].content, size);
  if (size <= RM_SLAB_MAX) in_slabs += rm_slab_usable(size);
  if (in_slabs > most) most = in_slabs;
}

static void give(uint32_t i) {
  check(i);
  memset(blocks[i].memory, 0xdd, blocks[i].size);
  if (blocks[i].size <= RM_SLAB_MAX) {
    in_slabs -= rm_slab_usable(blocks[i].size);
    rm_slab_free(blocks[i].memory);
  } else {
    free(blocks[i].memory);
  }
  blocks[i].memory = NULL;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
  page_size = atol(argv[2]);
  failure = (uint32_t)atol(argv[3]);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    const uint32_t i = next_random() % BLOCKS;
    const bool shrinks = round / PHASE % 3 == 1;
    if (blocks[i].memory) give(i);
    else if (!shrinks) take(i);
    if (next_random() % (shrinks ? 200 : 3000) == 0) rm_slab_trim();
  }
  for (uint32_t i = 0; i < BLOCKS; i++)
    if (blocks[i].memory) give(i);
  rm_slab_trim();
  uint32_t count = 0;
  for (uint32_t index = empties; index; index = table[index].next) count++;
  expect(count == slabs, "a slab is lost", slabs);
  expect(slabs * (size_t)SLAB < most + most / 2, "free blocks were not used again", most);
  for (unsigned i = 0; i < CLASSES; i++) expect(partial[i] == 0, "a slab is left", i);
  return 0;
}
