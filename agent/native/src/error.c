/* What the machine says went wrong, in the terms of host.ts. */
#include "rm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *code_of(int error) {
  switch (error) {
  case ECONNREFUSED:
    return "refused";
  case ETIMEDOUT:
    return "timed-out";
  case ECONNRESET:
  case ECONNABORTED:
  case EPIPE:
    return "reset";
  case ENETUNREACH:
  case ENETDOWN:
  case EHOSTUNREACH:
  case EHOSTDOWN:
  case EADDRNOTAVAIL:
    return "unreachable";
  case EMFILE:
  case ENFILE:
  case ENOMEM:
  case ENOBUFS:
  case ENOSPC:
  case EDQUOT:
  case EAGAIN:
    return "no-resources";
  case ENOENT:
  case ENOTDIR:
    return "not-found";
  case EACCES:
  case EPERM:
  case EROFS:
    return "access";
  case EFBIG:
    return "too-large";
  case EADDRINUSE:
    return "in-use";
  default:
    return "other";
  }
}

JSValue rm_error_text(const char *code, const char *message) {
  JSValue object = JS_NewObject(rm_context);
  rm_set(object, "code", rm_string(code));
  rm_set(object, "message", rm_string(message));
  return object;
}

JSValue rm_error(int error, const char *what) {
  char message[256];
  snprintf(message, sizeof message, "%s%s%s", what ? what : "", what ? ": " : "", strerror(error));
  return rm_error_text(code_of(error), message);
}

JSValue rm_throw_text(const char *code, const char *message) {
  JSValue failure = JS_NewError(rm_context);
  if (JS_IsException(failure)) return failure;
  rm_set(failure, "message", rm_string(message));
  rm_set(failure, "code", rm_string(code));
  return JS_Throw(rm_context, failure);
}

JSValue rm_throw(int error) { return rm_throw_text(code_of(error), strerror(error)); }
