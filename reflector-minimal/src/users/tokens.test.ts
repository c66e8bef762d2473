import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Tokens } from './tokens.ts';

const key = Buffer.alloc(32, 1);
const alice = { name: 'alice', password: 'hash 1', created: 0 };
const find = (name: string) => (name === 'alice' ? alice : null);
const now = 1_700_000_000_000;

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function signed(head: unknown, payload: unknown, secret: Buffer = key): string {
  const text = `${encode(head)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

describe('tokens', () => {
  const tokens = new Tokens(key, 60);
  const { token, expires } = tokens.issue(alice, 'app', now);

  test('are good for their user until they expire', () => {
    expect(expires).toBe(1_700_000_060);
    expect(tokens.verify(token, find, now)).toBe(alice);
    expect(tokens.verify(token, find, now + 59_999)).toBe(alice);
    expect(tokens.verify(token, find, now + 60_000)).toBeNull();
  });

  test('end with the password or the user', () => {
    expect(tokens.verify(token, () => ({ ...alice, password: 'hash 2' }), now)).toBeNull();
    expect(tokens.verify(token, () => null, now)).toBeNull();
  });

  test('of another key, another algorithm or with a changed part are refused', () => {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(tokens.verify(signed({ alg: 'HS256', typ: 'JWT' }, payload), find, now)).toBe(alice);
    expect(
      tokens.verify(signed({ alg: 'HS256', typ: 'JWT' }, payload, Buffer.alloc(32, 2)), find, now),
    ).toBeNull();
    expect(tokens.verify(signed({ alg: 'none', typ: 'JWT' }, payload), find, now)).toBeNull();
    expect(tokens.verify(`${encode({ alg: 'none' })}.${encode(payload)}.`, find, now)).toBeNull();
    const [head, , signature] = token.split('.');
    expect(tokens.verify(`${head}.${encode({ ...payload, sub: 'bob' })}.${signature}`, find, now)).toBeNull();
    expect(tokens.verify(`${token}.x`, find, now)).toBeNull();
    for (const text of ['', '.', '..', 'a.b.c']) expect(tokens.verify(text, find, now)).toBeNull();
  });
});
