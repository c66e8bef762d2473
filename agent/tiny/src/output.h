/* Text that leaves the process: to a descriptor, to the system log. */
#ifndef RM_OUTPUT_H
#define RM_OUTPUT_H

#include <stddef.h>

/* Writes everything to 1, standard output, waiting for a slow reader. To 2, standard error, `text` is lines of a log: when its
 * reader takes nothing for 2 s they are dropped and counted, and the count is written before the next. What nobody can take is
 * dropped: there is nowhere to report it. */
void rm_print(int fd, const char *text, size_t length);
/* One line, dropped and counted in the same way. `severity`: 0 to 7, as in syslog(3). */
void rm_system_log(int severity, const char *text);

#endif
