/* Text that leaves the process: to a descriptor, to the system log. */
#ifndef RM_OUTPUT_H
#define RM_OUTPUT_H

#include <stddef.h>

/* Writes everything, waiting for a slow reader. What nobody can take is dropped: there is nowhere to report it. */
void rm_print(int fd, const char *text, size_t length);
/* `severity`: 0 to 7, as in syslog(3). */
void rm_system_log(int severity, const char *text);

#endif
