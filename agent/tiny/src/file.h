/* Files and directories: native.files. */
#ifndef RM_FILE_H
#define RM_FILE_H

#include "engine.h"

void rm_file_init(JSValueConst native);

#endif
