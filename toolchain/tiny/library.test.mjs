import { describe, expect, it } from 'vitest';
import { missingFromLibrary, smallLibrary } from './library.mjs';

describe('the library of the small engine', () => {
  it.each([
    ['Math.log2(8)', 'log2'],
    ['x=Math.sin(y)', 'sin'],
    ['a?.flat()', 'flat'],
    ['Reflect.ownKeys(a)', 'Reflect'],
    ['2**x', '**'],
    ['/\\p{Lu}/u.test(x)', '\\p{'],
    ['/\\P{L}/u.test(x)', '\\P{'],
    ['a.normalize("NFC")', '.normalize('],
    ['f.prototype.x=1', 'prototype'],
  ])('is not enough for %s', (script, missing) => {
    expect(missingFromLibrary(script)).toEqual([missing]);
  });

  it('has what the agent uses', () => {
    expect(missingFromLibrary('Math.max(Math.floor(a),b*c);Math.logger;x.replace(/p{2}/,y)')).toEqual([]);
  });

  it('says what a newer engine has no more', () => {
    expect(() => smallLibrary('static const JSCFunctionListEntry js_bigint_funcs[] = {')).toThrow(/asUintN/);
  });
});
