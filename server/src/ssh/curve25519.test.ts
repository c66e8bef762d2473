import { Buffer } from 'buffer';
import { expect, test } from 'vitest';
import { Curve25519, withStrings } from './curve25519.ts';
import { readStrings, writeStrings } from './strings.ts';

const text = (said: string) => new TextEncoder().encode(said);

test('the public values are strings in what is hashed, whatever their first byte is', () => {
  const fixed = ['client', 'server', 'init', 'init', 'key'].map(text);
  const high = new Uint8Array(32).fill(0x80);
  const low = new Uint8Array(32);
  // As numbers: one byte more where the first bit is set, and no zeros in front.
  const input = writeStrings(...fixed, Uint8Array.of(0, ...high), Uint8Array.of(0), text('secret'));
  expect(readStrings(withStrings(input, high, low))).toEqual([...fixed, high, low, text('secret')]);
  expect(() => withStrings(input.slice(0, -10), high, low)).toThrow();
});

test('both sides have one secret', async () => {
  const [one, other] = [0, 1].map(() => new Curve25519('curve25519-sha256').createKeyExchange());
  const [ofOne, ofOther] = await Promise.all([one?.startKeyExchange(), other?.startKeyExchange()]);
  expect(ofOne).toHaveLength(32);
  const secrets = [
    await one?.decryptKeyExchange(ofOther ?? Buffer.alloc(0)),
    await other?.decryptKeyExchange(ofOne ?? Buffer.alloc(0)),
  ];
  expect(secrets[0]).toEqual(secrets[1]);
});

test('a public value of small order is refused', async () => {
  const exchange = new Curve25519('curve25519-sha256').createKeyExchange();
  await exchange.startKeyExchange();
  await expect(exchange.decryptKeyExchange(Buffer.alloc(32))).rejects.toThrow();
});
