/* What the C file that rmc writes defines. */
#ifndef RM_BUNDLE_H
#define RM_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

extern const int rm_bundle_is_bytecode;
/* The script that runs. Sizes are without the NUL that ends a source. */
extern const size_t rm_bundle_size;
extern const uint8_t rm_bundle[];
/* Those behind it, each run only where it is needed; the last is followed by one without a name. */
struct rm_script {
  const char *name;
  const uint8_t *data;
  size_t size;
};
extern const struct rm_script rm_scripts[];

#endif
