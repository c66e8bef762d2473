/* Random numbers of the kernel. */
#ifndef RM_RANDOM_H
#define RM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `data`. Ends the process when the kernel has none to give. */
void rm_random(uint8_t *data, size_t length);

#endif
