#include "error.h"
#include "object.h"
#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *code_of(int error) {
  switch (error) {
#define SYSTEM_ERROR(number, code, words) case number: return code;
#include "system_errors.inc"
#undef SYSTEM_ERROR
  default:
    return "other";
  }
}

const char *rm_reason(int error) {
  switch (error) {
#define SYSTEM_ERROR(number, code, words) case number: return words;
#include "system_errors.inc"
#undef SYSTEM_ERROR
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
