/* Small blocks of memory without headers: pages that are cut into blocks of one size each. */
#ifndef RM_SLAB_H
#define RM_SLAB_H

#include <stddef.h>

/* The largest block. */
enum { RM_SLAB_MAX = 512 };

/* A block of at least `size` bytes, 1 to RM_SLAB_MAX, aligned to 8. NULL when the system has no more memory. */
void *rm_slab_alloc(size_t size);
/* What rm_slab_alloc() makes of this size. */
size_t rm_slab_usable(size_t size);
/* Size of a block; 0 for memory that comes from elsewhere, which must be readable down to the start of its page. */
size_t rm_slab_size(const void *memory);
void rm_slab_free(void *block);
/* Gives pages without blocks back to the system. */
void rm_slab_trim(void);

#endif
