/* The program of rm-run: a script from a file, for tests and measurements. */
#include "fatal.h"
#include "memory.h"
#include "read_file.h"
#include "runtime.h"
#include "script.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SCRIPT = 16 << 20 };

static uint8_t *source;
static size_t length;
static const char *path;

void rm_script_load(int *argc, char ***argv) {
  if (*argc < 2) rm_fatal(64, "usage: rm-run SCRIPT.js [ARGUMENT…]");
  path = (*argv)[1];
  int error = rm_read_file(path, MAX_SCRIPT, &source, &length);
  if (error) rm_fatal(66, "%s: %s", path, strerror(error));
  ++*argv;
  --*argc;
}

void rm_script_init(JSValueConst native) {
  (void)native;
}

JSValue rm_script_run(void) {
  JSValue result = JS_Eval(rm_context, (const char *)source, length, path, JS_EVAL_TYPE_GLOBAL);
  rm_free(source);
  return result;
}
