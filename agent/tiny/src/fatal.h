/* The end of the process in states that must not occur. */
#ifndef RM_FATAL_H
#define RM_FATAL_H

/* Exit statuses of <sysexits.h>. */
enum { RM_EXIT_SOFTWARE = 70, RM_EXIT_OS = 71 };

/* Ends the process with one line on standard error and in the system log. */
_Noreturn void rm_fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
