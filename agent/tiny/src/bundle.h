/* What the C file that rmc writes defines. */
#ifndef RM_BUNDLE_H
#define RM_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

extern const int rm_bundle_is_bytecode;
/* The script that runs. Sizes are without the NUL that ends a source. */
extern const size_t rm_bundle_size;
extern const uint8_t rm_bundle[];
/* The scripts for `import` and for MQTT; empty if there are none. */
extern const size_t rm_bundle_import_size;
extern const uint8_t rm_bundle_import[];
extern const size_t rm_bundle_mqtt_size;
extern const uint8_t rm_bundle_mqtt[];

#endif
