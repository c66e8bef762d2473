/* The allocator of engine and host. One limit bounds both, because both grow with what peers send. */
#ifndef RM_MEMORY_H
#define RM_MEMORY_H

#include "engine.h"

#include <stddef.h>

/* Like malloc, realloc and free, counted. Never NULL for size > 0: beyond the limit the process ends with status 71. */
void *rm_alloc(size_t size);
void *rm_realloc(void *memory, size_t size);
void rm_free(void *memory);
/* The same for the engine. */
extern const JSMallocFunctions rm_engine_allocator;
/* Bytes that are allocated now. */
size_t rm_memory_used(void);
/* The bound from now on, in bytes. */
void rm_memory_limit(size_t bytes);

#endif
