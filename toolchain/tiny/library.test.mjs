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
    ['async()=>1', 'async function'],
    ['class A{async a(){for await(const x of y);}}', 'async function'],
    ['a={*b(){yield 1}}', 'function*'],
    ['import("x")', 'import()'],
    ['new Promise(a)', 'Promise'],
    ['a+1n', 'BigInt'],
    ['BigInt(a)', 'BigInt'],
    ['new BigInt64Array(1)', 'BigInt64Array'],
  ])('is not enough for %s', (script, missing) => {
    expect(missingFromLibrary(script)).toEqual([missing]);
  });

  it('has what the agent uses', () => {
    expect(missingFromLibrary('Math.max(Math.floor(a),b*c);Math.logger;x.replace(/p{2}/,y)')).toEqual([]);
    expect(missingFromLibrary('a="async function*(){await b}";a.async.import')).toEqual([]);
  });

  it('has promises for a host with promises, which has no async functions all the same', () => {
    expect(missingFromLibrary('Promise.resolve().then(a)', { promises: true })).toEqual([]);
    expect(missingFromLibrary('async()=>1', { promises: true })).toEqual(['async function']);
  });

  it('takes no module', () => {
    expect(() => missingFromLibrary('import"a"')).toThrow(SyntaxError);
    expect(() => missingFromLibrary('await a')).toThrow(SyntaxError);
    expect(() => missingFromLibrary('import.meta')).toThrow(SyntaxError);
  });

  it('says what a newer engine has no more', () => {
    expect(() => smallLibrary('static const JSCFunctionListEntry js_bigint_funcs[] = {')).toThrow(/asUintN/);
  });
});
