/* The compiler of the bundle: reads the classic scripts in one file, all but the first of which may be absent, and writes a C
 * file with their bytecode or their text. */
#include "engine.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lines before the scripts behind the first, in this order; toolchain/tiny/build-static.mjs writes them. */
static const struct {
  const char *line, *array;
} more_scripts[] = {{"\n//# script import\n", "rm_bundle_import"}, {"\n//# script mqtt\n", "rm_bundle_mqtt"}};

#define MORE_SCRIPTS (sizeof more_scripts / sizeof *more_scripts)

/* The output, until it is complete. */
static const char *unfinished;

static _Noreturn void give_up(const char *what, const char *why) {
  fprintf(stderr, "rmc: %s: %s\n", what, why);
  if (unfinished) remove(unfinished);
  exit(1);
}

static char *load(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  size_t capacity = 65536, used = 0;
  char *text = malloc(capacity + 1);
  if (file == NULL || text == NULL) give_up(path, strerror(errno));
  for (size_t got; (got = fread(text + used, 1, capacity - used, file)) > 0;) {
    used += got;
    if (used < capacity) continue;
    capacity *= 2;
    text = realloc(text, capacity + 1);
    if (text == NULL) give_up(path, strerror(errno));
  }
  if (ferror(file)) give_up(path, strerror(errno));
  fclose(file);
  text[used] = 0;
  *length = used;
  return text;
}

#ifndef RM_QUICKJS_NG
/* QuickJS runs bytecode where it lies only if loading it makes the same atoms in the same order as writing it. A fresh
 * context has one atom that the writer does not count: the script must be the first to need it. */
static const char prologue[] = "AggregateError;";

/* The script behind the prologue, NUL-terminated. */
static char *with_prologue(const char *text, size_t *length) {
  size_t size = sizeof prologue - 1 + *length;
  char *whole = malloc(size + 1);
  if (whole == NULL) give_up("rmc", "out of memory");
  memcpy(whole, prologue, sizeof prologue - 1);
  memcpy(whole + sizeof prologue - 1, text, *length + 1);
  *length = size;
  return whole;
}
#endif

static uint8_t *compile(JSContext *context, const char *path, const char *text, size_t length, int strip, size_t *size) {
  JSValue program = JS_Eval(context, text, length, "rm-agent.js",
    JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(program)) {
    JSValue exception = JS_GetException(context);
    JSValue stack = JS_GetPropertyStr(context, exception, "stack");
    fprintf(stderr, "%s", JS_ToCString(context, stack));
    give_up(path, JS_ToCString(context, exception));
  }
  uint8_t *bytecode = JS_WriteObject(context, size, program, JS_WRITE_OBJ_BYTECODE | (strip ? RM_STRIP_FLAGS : 0));
  if (bytecode == NULL) give_up(path, "the engine cannot write its bytecode");
  JS_FreeValue(context, program);
  return bytecode;
}

static void write_array(FILE *file, const char *name, const uint8_t *data, size_t size) {
  fprintf(file, "extern const size_t %s_size;\nextern const uint8_t %s[];\n", name, name);
  fprintf(file, "const size_t %s_size = %zu;\nconst uint8_t %s[] = {", name, size, name);
  for (size_t i = 0; i < size; i++) fprintf(file, "%s%u,", i % 32 == 0 ? "\n" : "", data[i]);
  fprintf(file, "\n0};\n");
}

/* One script as an array of this name; an empty one for none. */
static void write_script(FILE *file, const char *name, const char *path, const char *text, size_t length, int source,
  int strip) {
  if (source || length == 0) {
    write_array(file, name, (const uint8_t *)text, length);
    return;
  }
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = runtime ? JS_NewContext(runtime) : NULL;
  if (context == NULL) give_up("rmc", "out of memory");
#ifndef RM_QUICKJS_NG
  if (strip) JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
  char *whole = with_prologue(text, &length);
#else
  char *whole = NULL;
#endif
  size_t size;
  uint8_t *bytecode = compile(context, path, whole ? whole : text, length, strip, &size);
  write_array(file, name, bytecode, size);
  js_free(context, bytecode);
  free(whole);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
}

int main(int argc, char **argv) {
  int strip = 1, source = 0, i = 1;
  for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
    if (strcmp(argv[i], "--source") == 0) source = 1;
    else if (strcmp(argv[i], "--no-strip") == 0) strip = 0;
    else if (strcmp(argv[i], "--version") == 0) return puts("rmc " RM_VERSION) < 0;
    else give_up(argv[i], "unknown option; allowed are --source, --no-strip, --version");
  }
  if (argc - i != 2) give_up("usage", "rmc [--source] [--no-strip] SCRIPT.js OUTPUT.c");
  const char *input = argv[i], *output = argv[i + 1];
  size_t length;
  char *text = load(input, &length);
  char *begin[MORE_SCRIPTS], *end[MORE_SCRIPTS], *rest = text + length;
  for (size_t n = MORE_SCRIPTS; n-- > 0;) {
    begin[n] = end[n] = rest;
    char *line = strstr(text, more_scripts[n].line);
    if (line == NULL) continue;
    begin[n] = line + strlen(more_scripts[n].line);
    *line = 0;
    rest = line;
  }
  FILE *file = fopen(output, "w");
  if (file == NULL) give_up(output, strerror(errno));
  unfinished = output;
  fprintf(file, "#include <stddef.h>\n#include <stdint.h>\n"
    "extern const int rm_bundle_is_bytecode;\nconst int rm_bundle_is_bytecode = %d;\n", !source);
  write_script(file, "rm_bundle", input, text, (size_t)(rest - text), source, strip);
  for (size_t n = 0; n < MORE_SCRIPTS; n++)
    write_script(file, more_scripts[n].array, input, begin[n], (size_t)(end[n] - begin[n]), source, strip);
  free(text);
  if (ferror(file) || fclose(file)) give_up(output, "cannot be written");
  return 0;
}
