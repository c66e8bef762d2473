import { describe, expect, it } from 'vitest';
import { smallInterpreter } from './operations.mjs';

const writer =
  '    memcpy(bc_buf, bc_buf1, bc_len);\n\n    pos = 0;\n    while (pos < bc_len) {\n        op = bc_buf[pos];\n';

/** An engine that has all that is left out, each operation with a body of its own, and one that stays. */
function engine() {
  const [, list = ''] = /no operation (.*)/.exec(failureOf('')) ?? [];
  const body = '            {\n                work();\n            }\n            BREAK;\n';
  const cases = ['drop', ...list.split(', ')].map((name) => `        CASE(OP_${name}):\n${body}`).join('');
  return `${cases}        CASE(OP_invalid):\n${writer}    JS_AddIntrinsicBigInt(ctx);\n`;
}

/** @param {string} source */
function failureOf(source) {
  try {
    return smallInterpreter(source);
  } catch (error) {
    return String(error);
  }
}

describe('the small interpreter', () => {
  it('has neither the code of an operation that is left out, nor writes such an operation', () => {
    const small = smallInterpreter(engine());
    expect(small.split('work();')).toHaveLength(2);
    expect(small).toMatch(/CASE\(OP_with_get_var\):\n(.*\n)* {8}CASE\(OP_invalid\):/);
    expect(small).toMatch(/op == OP_with_get_var \|\| .*\{\n.*left out of this engine.*\n.*goto fail;/);
  });

  it('has no BigInt', () => {
    const uses =
      '    if (tag1 == JS_TAG_SHORT_BIG_INT || JS_VALUE_GET_TAG(op1) != JS_TAG_BIG_INT)\n    case JS_TAG_BIG_INT:\n    case JS_TAG_INT:\n';
    expect(smallInterpreter(engine() + uses)).toMatch(/ {4}if \(0 \|\| 1\)\n {4}case JS_TAG_INT:\n$/);
    expect(smallInterpreter(engine())).not.toContain('JS_AddIntrinsicBigInt');
  });

  it('says what a newer engine has no more', () => {
    expect(failureOf(engine().replace('CASE(OP_eval)', 'CASE(OP_evaluate)'))).toMatch(/no operation eval$/);
    expect(failureOf(engine().replace('        CASE(OP_eval):', '        CASE(OP_drop):\n$&'))).toMatch(
      /drop, eval have the same code/,
    );
    expect(failureOf(engine().replace(writer, ''))).toMatch(/has not one/);
  });
});
