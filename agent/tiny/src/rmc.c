/* The compiler of the bundle: reads the classic scripts in one file, the first of which has no name, and writes a C file with
 * their bytecode or their text. */
#include "engine.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The line before each script behind the first goes on with its name; toolchain/tiny/scripts.mjs writes it. */
static const char script_line[] = "\n//# script ";

enum { MAX_SCRIPTS = 16 };

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

static void write_bytes(FILE *file, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) fprintf(file, "%s%u,", i % 32 == 0 ? "\n" : "", data[i]);
  fprintf(file, "\n0};\n");
}

/* The bytes of one script, and the end of its array; returns how many there are. */
static size_t write_script(FILE *file, const char *path, const char *text, size_t length, int source, int strip) {
  if (source) {
    write_bytes(file, (const uint8_t *)text, length);
    return length;
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
  write_bytes(file, bytecode, size);
  js_free(context, bytecode);
  free(whole);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
  return size;
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
  char *names[MAX_SCRIPTS], *begin = text;
  size_t sizes[MAX_SCRIPTS], count = 0;
  FILE *file = fopen(output, "w");
  if (file == NULL) give_up(output, strerror(errno));
  unfinished = output;
  fprintf(file, "#include <stddef.h>\n#include <stdint.h>\nextern const int rm_bundle_is_bytecode;\n"
    "extern const uint8_t rm_bundle[];\nextern const size_t rm_bundle_size;\n"
    "struct rm_script {\n  const char *name;\n  const uint8_t *data;\n  size_t size;\n};\n"
    "extern const struct rm_script rm_scripts[];\n"
    "const int rm_bundle_is_bytecode = %d;\nconst uint8_t rm_bundle[] = {", !source);
  for (;;) {
    char *line = strstr(begin, script_line);
    char *end = line ? line : text + length;
    *end = 0;
    sizes[count] = write_script(file, input, begin, (size_t)(end - begin), source, strip);
    if (line == NULL) break;
    if (++count == MAX_SCRIPTS) give_up(input, "too many scripts");
    names[count] = line + sizeof script_line - 1;
    begin = strchr(names[count], '\n');
    if (begin == NULL) give_up(input, "a script without a text");
    *begin++ = 0;
    fprintf(file, "static const uint8_t script_%s[] = {", names[count]);
  }
  fprintf(file, "const size_t rm_bundle_size = %zu;\nconst struct rm_script rm_scripts[] = {\n", sizes[0]);
  for (size_t n = 1; n <= count; n++) fprintf(file, "{\"%s\", script_%s, %zu},\n", names[n], names[n], sizes[n]);
  fprintf(file, "{0, 0, 0}};\n");
  free(text);
  if (ferror(file) || fclose(file)) give_up(output, "cannot be written");
  return 0;
}
