/* Uint8Arrays as arguments and results of host functions. */
#ifndef RM_BYTES_H
#define RM_BYTES_H

#include "engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of a Uint8Array (or another view on an ArrayBuffer); NULL with an exception when it is none. */
uint8_t *rm_bytes(JSValueConst value, size_t *length);
/* Arguments `bytes, start?, end?`; false with an exception. The range is cut to the array. */
bool rm_bytes_range(int argc, JSValueConst *argv, uint8_t **data, size_t *length);
JSValue rm_bytes_copy(const void *data, size_t length);
/* A Uint8Array over memory that outlives the engine. */
JSValue rm_bytes_over(void *data, size_t length);

#endif
