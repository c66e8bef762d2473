import { describe, expect, it } from 'vitest';
import { derElement, derElements } from './der.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('derElement', () => {
  it.each([
    ['0500', { tag: 5, start: 2, end: 2 }],
    ['0401ff', { tag: 4, start: 2, end: 3 }],
    ['048101ff', { tag: 4, start: 3, end: 4 }],
    ['04820001ff', { tag: 4, start: 4, end: 5 }],
    ['0483000001ff', { tag: 4, start: 5, end: 6 }],
    [`04820102${'00'.repeat(258)}`, { tag: 4, start: 4, end: 262 }],
    [`0483010001${'00'.repeat(65_537)}`, { tag: 4, start: 5, end: 65_542 }],
    ['047f'.padEnd(258, '0'), { tag: 4, start: 2, end: 129 }],
  ])('reads %.16s', (hex, element) => {
    expect(derElement(bytes(hex), 0, hex.length / 2)).toEqual(element);
  });

  it.each([
    ['nothing', ''],
    ['no length', '04'],
    ['an indefinite length', '0480ff0000'],
    ['an indefinite length before 128 bytes', `0480${'00'.repeat(128)}`],
    ['a length that is cut', '0482'],
    ['an end beyond the limit', '0402ff'],
    ['a length of four bytes', '048400000001ff'],
    ['a length of five bytes', '04850000000001ff'],
  ])('refuses %s', (_what, hex) => {
    expect(derElement(bytes(hex), 0, hex.length / 2)).toBeNull();
  });

  it('begins where it is told to, and ends within the limit', () => {
    const der = bytes('0500 0401ff');
    expect(derElement(der, 2, 5)).toEqual({ tag: 4, start: 4, end: 5 });
    expect(derElement(der, 2, 4)).toBeNull();
    expect(derElement(der, 0, 2)).toEqual({ tag: 5, start: 2, end: 2 });
    expect(derElement(der, 0, 1)).toBeNull();
  });

  it('demands the tag that is asked for', () => {
    expect(derElement(bytes('0500'), 0, 2, 5)).toEqual({ tag: 5, start: 2, end: 2 });
    expect(derElement(bytes('0500'), 0, 2, 4)).toBeNull();
    expect(derElement(bytes('0000'), 0, 2, 0)).toEqual({ tag: 0, start: 2, end: 2 });
  });
});

describe('derElements', () => {
  it('reads elements one behind the other', () => {
    expect(derElements(bytes('05000401ff'), 0, 5)).toEqual([
      { tag: 5, start: 2, end: 2 },
      { tag: 4, start: 4, end: 5 },
    ]);
    expect(derElements(bytes('05000401ff'), 2, 5)).toEqual([{ tag: 4, start: 4, end: 5 }]);
    expect(derElements(bytes(''), 0, 0)).toEqual([]);
  });

  it('is read whole or not at all', () => {
    expect(derElements(bytes('05000401ff05'), 0, 6)).toBeNull();
    expect(derElements(bytes('05000401ff'), 0, 4)).toBeNull();
  });
});
