/* The program that is linked into the executable (written by rmc). */
#include "bundle.h"
#include "fatal.h"
#include "object.h"
#include "runtime.h"
#include "script.h"

#include <string.h>

static JSValue program;

/* Bytecode stays where it is, in pages of the file, if its atoms get the numbers they had in rmc: so it is loaded before
 * anything else has made one. Otherwise the engine makes a copy; so it does on a big-endian machine, to swap it. */
void rm_script_load(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  program = JS_UNDEFINED;
  if (!rm_bundle_is_bytecode) return;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  program = JS_ReadObject(rm_context, rm_bundle, rm_bundle_size, JS_READ_OBJ_BYTECODE);
#else
  program = JS_ReadObject(rm_context, rm_bundle, rm_bundle_size, JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
#endif
  if (JS_IsException(program)) rm_fatal(RM_EXIT_SOFTWARE, "defect: the bytecode is not of this engine");
}

static JSValue run_source(const uint8_t *source, size_t size) {
#ifdef RM_EVAL
#ifndef RM_QUICKJS_NG
  JS_SetStripInfo(JS_GetRuntime(rm_context), JS_STRIP_DEBUG); /* or each function keeps its text */
#endif
  return JS_Eval(rm_context, (const char *)source, size, "rm-agent.js", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
#else
  (void)source;
  (void)size;
  rm_fatal(RM_EXIT_SOFTWARE, "defect: a bundle of source needs a build with RM_EVAL");
#endif
}

JSValue rm_script_run(void) {
  if (rm_bundle_is_bytecode) return JS_EvalFunction(rm_context, program);
  return run_source(rm_bundle, rm_bundle_size);
}

/* Its atoms have other numbers than in rmc by now, so the engine copies the bytecode. */
static JSValue run_more(JSContext *context, const uint8_t *bundle, size_t size) {
  if (!rm_bundle_is_bytecode) return run_source(bundle, size);
  JSValue script = JS_ReadObject(context, bundle, size, JS_READ_OBJ_BYTECODE);
  return JS_IsException(script) ? script : JS_EvalFunction(context, script);
}

static JSValue run_script(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  const char *name = JS_ToCString(context, argv[0]);
  if (name == NULL) return JS_EXCEPTION;
  const struct rm_script *script = rm_scripts;
  while (script->name && strcmp(script->name, name) != 0) script++;
  if (script->name == NULL) rm_fatal(RM_EXIT_SOFTWARE, "defect: there is no script %s", name);
  JS_FreeCString(context, name);
  return run_more(context, script->data, script->size);
}

static const JSCFunctionListEntry entry[] = {JS_CFUNC_DEF("runScript", 1, run_script)};

void rm_script_init(JSValueConst native) {
  rm_functions(native, entry, 1);
  rm_set(native, "scripts", JS_NewObject(rm_context));
  rm_set(native, "exports", JS_NewObject(rm_context));
}
