/* The program that is linked into the executable (written by rmc). */
#include "bundle.h"
#include "fatal.h"
#include "runtime.h"
#include "script.h"

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

JSValue rm_script_run(void) {
  if (rm_bundle_is_bytecode) return JS_EvalFunction(rm_context, program);
#ifdef RM_EVAL
  return JS_Eval(rm_context, (const char *)rm_bundle, rm_bundle_size, "rm-agent.js",
    JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT);
#else
  rm_fatal(RM_EXIT_SOFTWARE, "defect: a bundle of source needs a build with RM_EVAL");
#endif
}
