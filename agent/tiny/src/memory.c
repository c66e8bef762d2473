#include "memory.h"
#include "fatal.h"
#ifndef RM_TEARDOWN
#include "slab.h"
#endif

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t used;
static size_t limit = SIZE_MAX;

#ifdef RM_TEARDOWN

/* Valgrind and the sanitizers look after the blocks of the C library. */
static size_t usable(const void *memory) { return malloc_usable_size((void *)(uintptr_t)memory); }
static void *allocate(size_t size) { return malloc(size); }
static void *reallocate(void *memory, size_t size) { return realloc(memory, size); }
static void release(void *memory) { free(memory); }

#else

static size_t usable(const void *memory) {
  size_t size = rm_slab_size(memory);
  return size ? size : malloc_usable_size((void *)(uintptr_t)memory);
}

static void *allocate(size_t size) { return size <= RM_SLAB_MAX ? rm_slab_alloc(size) : malloc(size); }

static void release(void *memory) {
  if (rm_slab_size(memory)) rm_slab_free(memory);
  else free(memory);
}

static void *reallocate(void *memory, size_t size) {
  size_t before = rm_slab_size(memory);
  if (before == 0 && size > RM_SLAB_MAX) return realloc(memory, size);
  if (before > 0 && size <= RM_SLAB_MAX && rm_slab_usable(size) == before) return memory;
  void *moved = allocate(size);
  if (moved == NULL) return NULL;
  if (before == 0) before = malloc_usable_size(memory);
  memcpy(moved, memory, before < size ? before : size);
  release(memory);
  return moved;
}

#endif

/* An exception could be caught by the script, which would then go on half-way through something. Ending here is safe:
 * nothing on flash is ever half written (file.c), and the supervisor starts the agent anew. */
static void *counted(void *memory, size_t before) {
  if (memory == NULL) rm_fatal(RM_EXIT_OS, "out of memory with %zu bytes in use", used);
  used += usable(memory) - before;
  if (used > limit) rm_fatal(RM_EXIT_OS, "memory limit of %zu bytes reached", limit);
  return memory;
}

void *rm_alloc(size_t size) { return counted(allocate(size), 0); }

void *rm_realloc(void *memory, size_t size) {
  if (memory == NULL) return rm_alloc(size);
  size_t before = usable(memory);
  return counted(reallocate(memory, size), before);
}

void rm_free(void *memory) {
  if (memory == NULL) return;
  used -= usable(memory);
  release(memory);
}

/* The engine never asks these for nothing: it handles sizes of 0 itself. */
#ifdef RM_QUICKJS_NG

static void *engine_calloc(void *opaque, size_t count, size_t size) {
  (void)opaque;
  size_t whole;
  if (__builtin_mul_overflow(count, size, &whole)) whole = SIZE_MAX;
  return memset(rm_alloc(whole), 0, whole);
}
static void *engine_alloc(void *opaque, size_t size) {
  (void)opaque;
  return rm_alloc(size);
}
static void *engine_realloc(void *opaque, void *memory, size_t size) {
  (void)opaque;
  return rm_realloc(memory, size);
}
static void engine_free(void *opaque, void *memory) {
  (void)opaque;
  rm_free(memory);
}
static size_t engine_usable(const void *memory) { return memory ? usable(memory) : 0; }

const JSMallocFunctions rm_engine_allocator = {
  .js_calloc = engine_calloc, .js_malloc = engine_alloc, .js_free = engine_free, .js_realloc = engine_realloc,
  .js_malloc_usable_size = engine_usable,
};

#else

/* QuickJS decides by these two numbers when to collect. What an operation has changed in `used` is its size: the C
 * library searches for as long to tell a size as it does to allocate. */
static void *engine_alloc(JSMallocState *state, size_t size) {
  if (size == 0) return NULL;
  size_t before = used;
  void *memory = rm_alloc(size);
  state->malloc_count++;
  state->malloc_size += used - before;
  return memory;
}
static void engine_free(JSMallocState *state, void *memory) {
  if (memory == NULL) return;
  size_t before = used;
  rm_free(memory);
  state->malloc_count--;
  state->malloc_size -= before - used;
}
static void *engine_realloc(JSMallocState *state, void *memory, size_t size) {
  if (memory == NULL) return engine_alloc(state, size);
  if (size == 0) {
    engine_free(state, memory);
    return NULL;
  }
  size_t before = used;
  memory = rm_realloc(memory, size);
  state->malloc_size += used - before;
  return memory;
}
static size_t engine_usable(const void *memory) { return memory ? usable(memory) : 0; }

const JSMallocFunctions rm_engine_allocator = {
  .js_malloc = engine_alloc, .js_free = engine_free, .js_realloc = engine_realloc,
  .js_malloc_usable_size = engine_usable,
};

#endif

size_t rm_memory_used(void) { return used; }

void rm_memory_limit(size_t bytes) { limit = bytes; }
