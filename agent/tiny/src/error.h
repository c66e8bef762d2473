/* Failures of the machine in the terms of host.ts: HostError (an object) and HostFailure (thrown). */
#ifndef RM_ERROR_H
#define RM_ERROR_H

#include "engine.h"

/* An errno value in words. */
const char *rm_reason(int error);
/* A HostError made of an errno value. `what` begins the message and may be NULL. */
JSValue rm_error(int error, const char *what);
JSValue rm_error_text(const char *code, const char *message);
/* Throws a HostFailure made of an errno value. */
JSValue rm_throw(int error);
JSValue rm_throw_text(const char *code, const char *message);

#endif
