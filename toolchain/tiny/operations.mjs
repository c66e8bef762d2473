// The engine without operations that no script of the agent has, and without BigInt: text of quickjs.c, before it is compiled.

/** Names of operations as in quickjs-opcode.h: private names, `with`, `eval`, `super[…]`, `yield*`, checks of lexical variables … */
const operations = new Set(
  (
    'push_bigint_i32 private_symbol get_private_field put_private_field define_private_field private_in check_brand add_brand ' +
    'eval apply_eval with_get_var with_put_var with_delete_var with_make_ref with_get_ref get_super_value put_super_value ' +
    'iterator_check_object iterator_get_value_done iterator_next iterator_call set_name_computed set_proto make_var_ref ' +
    'put_loc_check get_var_ref_check put_var_ref_check put_var_ref_check_init put_var_strict delete_var ' +
    'dup1 insert4 perm4 perm5 swap2 rot4l rot5l'
  ).split(' '),
);

const invalid = '        CASE(OP_invalid):\n';

/** Each operation of the interpreter's loop, up to its end. Several may share one. */
const cases =
  /(?:^ {8}CASE\(OP_\w+\):[^\n]*\n)+(?:(?! {8}CASE\(| {12}(?:BREAK|goto exception);).*\n)*? {12}(?:BREAK|goto exception);\n/gm;

/** Where the bytecode is written: a script that needs what is left out is refused by rmc. */
const written =
  '    memcpy(bc_buf, bc_buf1, bc_len);\n\n    pos = 0;\n    while (pos < bc_len) {\n        op = bc_buf[pos];\n';

/**
 * @param {string} source
 * @param {string} text what must be there once
 * @param {string} replacement
 */
function replaced(source, text, replacement) {
  if (source.split(text).length !== 2) throw new TypeError(`quickjs.c has not one ${JSON.stringify(text)}`);
  return source.replace(text, () => replacement);
}

/**
 * The operations as invalid ones.
 * @param {string} source quickjs.c
 * @throws {TypeError} when one is not there, or shares its code with one that stays
 */
function smallLoop(source) {
  const missing = new Set(operations);
  const rest = source.replace(cases, (text) => {
    const names = Array.from(text.matchAll(/^ {8}CASE\(OP_(\w+)\):/gm), ([, name = '']) => name);
    const left = names.filter((name) => operations.has(name));
    if (left.length === 0) return text;
    if (left.length < names.length) throw new TypeError(`${names.join(', ')} have the same code`);
    for (const name of names) missing.delete(name);
    return '';
  });
  if (missing.size > 0) throw new TypeError(`quickjs.c has no operation ${[...missing].join(', ')}`);
  const labels = Array.from(operations, (name) => `        CASE(OP_${name}):\n`).join('');
  const list = Array.from(operations, (name) => `op == OP_${name}`).join(' || ');
  const refusal =
    `        if (${list}) {\n` +
    '            JS_ThrowInternalError(s->ctx, "operation %d is left out of this engine: toolchain/tiny/operations.mjs", op);\n' +
    '            goto fail;\n        }\n';
  return replaced(replaced(rest, invalid, labels + invalid), written, written + refusal);
}

const bigInt = 'JS_TAG_(?:SHORT_)?BIG_INT';
const tagOf = '(?:JS_VALUE_GET_TAG\\(\\w+\\)|\\btag\\d?)';

/** No value has the tag of a BigInt, so nothing compares with it and nothing is done for it. @param {string} source */
function withoutBigInt(source) {
  return replaced(source, '    JS_AddIntrinsicBigInt(ctx);\n', '')
    .replace(new RegExp(`${tagOf} == ${bigInt}\\b`, 'g'), '0')
    .replace(new RegExp(`${tagOf} != ${bigInt}\\b`, 'g'), '1')
    .replace(new RegExp(`^ +case (?:${bigInt}|BC_TAG_BIG_INT):\n`, 'gm'), '');
}

/**
 * quickjs.c without the operations above and without BigInt.
 * @param {string} source
 * @throws {TypeError} when the engine is another than this is made for
 */
export const smallInterpreter = (source) => withoutBigInt(smallLoop(source));

/** What makes the difference, for the cache. */
export const smallInterpreterInputs = [smallLoop, withoutBigInt, cases, ...operations].join(' ');
