import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

describe('nearest', () => {
  const keys = ['reflector', 'device', 'services', 'tls', 'log'];

  it.each([
    ['refelctor', 'reflector'],
    ['Reflector', 'reflector'],
    ['service', 'services'],
    ['tsl', 'tls'],
    ['lg', 'log'],
    ['colour', null],
    ['x', null],
    ['', null],
  ])('%j is probably %j', (word, expected) => {
    expect(nearest(word, keys)).toBe(expected);
  });
});
