/* What the C file that rmc writes defines. */
#ifndef RM_BUNDLE_H
#define RM_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

extern const int rm_bundle_is_bytecode;
extern const size_t rm_bundle_size; /* without the NUL that ends a bundle of source */
extern const uint8_t rm_bundle[];

#endif
