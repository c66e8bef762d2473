/* Memory that is given back to the system when nothing happens. */
#ifndef RM_TRIM_H
#define RM_TRIM_H

#include <stddef.h>

/* Of buffers that begin on a page of their own. */
#define RM_PAGE_ALIGNED _Alignas(4096)

/* From now on these pages go back to the system whenever nothing happens: what is in them is lost whenever the loop
 * waits. Once for each buffer, at the start. */
void rm_trim_scratch(void *start, size_t size);
/* Forgets them. */
void rm_trim_teardown(void);
/* Gives back the pages of all such buffers, of the stack below the caller, and of the allocator. */
void rm_trim(void);

#endif
