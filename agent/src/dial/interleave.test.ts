import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Address } from '../host.ts';
import { interleave } from './interleave.ts';

const addressOf = (text: string): Address => ({ address: text, family: text.includes(':') ? 6 : 4 });
const order = (...texts: string[]) => interleave(texts.map(addressOf), 8).map(({ address }) => address);

describe('the order of addresses', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [['1.1.1.1'], ['1.1.1.1']],
    [
      ['a::', 'b::', 'c::', '1.1.1.1', '2.2.2.2'],
      ['a::', '1.1.1.1', 'b::', '2.2.2.2', 'c::'],
    ],
    [
      ['1.1.1.1', '2.2.2.2', 'a::'],
      ['1.1.1.1', 'a::', '2.2.2.2'],
    ],
    [
      ['a::', 'a::', '1.1.1.1', 'a::'],
      ['a::', '1.1.1.1'],
    ],
  ])('of %j is %j', (given, expected) => {
    expect(order(...given)).toEqual(expected);
  });

  it('leaves out what is beyond the bound, of both families', () => {
    const many = ['a::', 'b::', 'c::', '1.1.1.1', '2.2.2.2'].map(addressOf);
    expect(interleave(many, 2).map(({ address }) => address)).toEqual(['a::', '1.1.1.1']);
  });

  it('keeps each address once and each family in its order', () => {
    const one = fc.oneof(fc.ipV4(), fc.ipV6()).map(addressOf);
    fc.assert(
      fc.property(fc.uniqueArray(one, { maxLength: 20, selector: ({ address }) => address }), (given) => {
        const mixed = interleave(given, 20);
        for (const family of [4, 6] as const) {
          const of = (list: readonly Address[]) => list.filter((entry) => entry.family === family);
          expect(of(mixed)).toEqual(of(given));
        }
        const families = mixed.map(({ family }) => family);
        const fewer = Math.min(
          families.filter((family) => family === 4).length,
          families.filter((family) => family === 6).length,
        );
        for (let at = 1; at < 2 * fewer; at++) expect(families[at]).not.toBe(families[at - 1]);
      }),
    );
  });
});
