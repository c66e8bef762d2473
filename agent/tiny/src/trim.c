#include "trim.h"
#ifndef RM_TEARDOWN
#include "slab.h"
#endif

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  BUFFERS = 8,
  STACK = 768 * 1024 /* the script has 512 KiB of it, C functions some more */
};

static struct {
  void *start;
  size_t size;
} buffers[BUFFERS];
static unsigned count;

void rm_trim_scratch(void *start, size_t size) {
  buffers[count].start = start;
  buffers[count++].size = size;
}

void rm_trim_teardown(void) { count = 0; }

#if defined RM_TEARDOWN && !defined RM_LIBRARY

/* Valgrind and the sanitizers look after what the process has. */
void rm_trim(void) {}

#else

/* The whole pages between two addresses; those that are not mapped do not matter. */
static void give_back(uintptr_t from, uintptr_t to) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  from = (from + page - 1) & -page;
  to &= -page;
  if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

void rm_trim(void) {
  for (unsigned i = 0; i < count; i++) {
    uintptr_t start = (uintptr_t)buffers[i].start;
    give_back(start, start + buffers[i].size);
  }
#ifndef RM_LIBRARY /* whose stack is of any size */
  rm_slab_trim();
  /* Some pages are left out for the frames of the functions that do this. */
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  give_back(here - STACK, here - 8192);
#endif
}

#endif
