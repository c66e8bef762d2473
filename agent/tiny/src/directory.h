/* Changes in a directory: native.files.watch. */
#ifndef RM_DIRECTORY_H
#define RM_DIRECTORY_H

#include "engine.h"

void rm_directory_init(JSValueConst native);

#endif
