#include "error.h"
#include "object.h"
#include "runtime.h"

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
    return "permission";
  case EFBIG:
    return "too-large";
  case EADDRINUSE:
    return "in-use";
  default:
    return "other";
  }
}

/* The words of both hosts (agent/node/errors.ts); those of the C library differ from one to the next. */
const char *rm_reason(int error) {
  switch (error) {
  case ECONNREFUSED:
    return "connection refused";
  case ETIMEDOUT:
    return "connection timed out";
  case ECONNRESET:
  case ECONNABORTED:
  case EPIPE:
    return "connection reset";
  case ENETUNREACH:
    return "network is unreachable";
  case EHOSTUNREACH:
    return "host is unreachable";
  case ENETDOWN:
    return "network is down";
  case EADDRNOTAVAIL:
    return "no address to send from";
  case EMFILE:
    return "too many open files";
  case ENFILE:
    return "too many open files in the system";
  case ENOBUFS:
    return "no buffer space";
  case ENOMEM:
    return "out of memory";
  case ENOENT:
  case ENOTDIR:
    return "no such file";
  case EACCES:
    return "permission denied";
  case EPERM:
    return "not permitted";
  case EISDIR:
    return "is a directory";
  case ENOSPC:
    return "no space left";
  case EADDRINUSE:
    return "another agent uses it";
  default:
    return strerror(error);
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
  snprintf(message, sizeof message, "%s%s%s", what ? what : "", what ? ": " : "", rm_reason(error));
  return rm_error_text(code_of(error), message);
}

JSValue rm_throw_text(const char *code, const char *message) {
  JSValue failure = JS_NewError(rm_context);
  if (JS_IsException(failure)) return failure;
  rm_set(failure, "message", rm_string(message));
  rm_set(failure, "code", rm_string(code));
  return JS_Throw(rm_context, failure);
}

JSValue rm_throw(int error) { return rm_throw_text(code_of(error), rm_reason(error)); }
