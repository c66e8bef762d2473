import { createHash, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { run } from './guest.ts';

describe('cryptography', () => {
  it('digests as Node does', async () => {
    const names = { 'sha-1': 'sha1', 'sha-256': 'sha256', md5: 'md5' } as const;
    const lengths = [0, 1, 55, 56, 63, 64, 65, 1000, 70_000];
    const guest = run(
      (native, report, algorithms, sizes) => {
        for (const algorithm of algorithms as ('sha-1' | 'sha-256' | 'md5')[]) {
          for (const size of sizes as number[]) {
            const data = new Uint8Array(size).map((_, i) => i * 31);
            report(algorithm, size, Array.from(native.crypto.digest(algorithm, data)));
          }
        }
      },
      Object.keys(names),
      lengths,
    );
    expect(await guest.finish()).toEqual(
      Object.entries(names).flatMap(([algorithm, name]) =>
        lengths.map((size) => {
          const data = new Uint8Array(size).map((_, i) => i * 31);
          return [algorithm, size, [...createHash(name).update(data).digest()]];
        }),
      ),
    );
  });

  it('makes keys whose signatures Node verifies', async () => {
    const guest = run((native, report) => {
      for (let length = 0; length < 200; length += 50) {
        const pair = native.crypto.generateKey();
        const signature = native.crypto.signature(pair.subarray(0, 32), new Uint8Array(length).fill(7));
        report('signed', length, Array.from(pair.subarray(32)), Array.from(signature));
      }
      for (const scalar of [new Uint8Array(32), new Uint8Array(33).fill(1), new Uint8Array(0)]) {
        try {
          native.crypto.signature(scalar, new Uint8Array(1));
        } catch (error) {
          report('refused', (error as Error).name);
        }
      }
    });
    const events = await guest.finish();
    expect(events.slice(4)).toEqual(Array(3).fill(['refused', 'InternalError']));
    for (const [, length, point, signature] of events.slice(0, 4) as [string, number, number[], number[]][]) {
      const bytes = Buffer.from(point);
      const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)].map((half) => half.toString('base64url'));
      expect([bytes.length, bytes[0]]).toEqual([65, 4]);
      const key = createPublicKey({
        key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' },
        format: 'jwk',
      });
      expect(verify('sha256', Buffer.alloc(length, 7), key, Buffer.from(signature))).toBe(true);
    }
  });

  it('masks at every alignment, length and phase', async () => {
    const guest = run((native, report) => {
      const key = Uint8Array.from([0x12, 0x9f, 0xe3, 0x47]);
      const source = new Uint8Array(96).map((_, i) => i * 37 + 11);
      let wrong = 0;
      let cases = 0;
      for (let start = 0; start < 9; start++) {
        for (let length = 0; length < 40; length++) {
          for (let at = 0; at < 9; at++) {
            for (let phase = 0; phase < 5; phase++) {
              const target = new Uint8Array(64).fill(0xaa);
              native.crypto.mask(source, start, start + length, target, at, key, phase);
              cases++;
              for (let i = 0; i < target.length; i++) {
                const inside = i >= at && i < at + length;
                const byte = (source[start + i - at] ?? 0) ^ (key[(i - at + phase) & 3] ?? 0);
                if (target[i] !== (inside ? byte : 0xaa)) wrong++;
              }
            }
          }
        }
      }
      const twice = source.slice();
      native.crypto.mask(twice, 3, 90, twice, 3, key, 1);
      native.crypto.mask(twice, 3, 90, twice, 3, key, 1);
      report(
        'masked',
        cases,
        wrong,
        twice.every((byte, i) => byte === source[i]),
      );
      try {
        native.crypto.mask(source, 0, 96, new Uint8Array(95), 0, key, 0);
      } catch (error) {
        report('refused', (error as Error).name);
      }
    });
    expect(await guest.finish()).toEqual([
      ['masked', 9 * 40 * 9 * 5, 0, true],
      ['refused', 'RangeError'],
    ]);
  });

  it('fills arrays with random bytes, and no others', async () => {
    const guest = run((native, report) => {
      const bytes = new Uint8Array(4096);
      native.crypto.random(bytes.subarray(0, 4000));
      const seen = new Set(bytes.subarray(0, 4000));
      report(
        'random',
        seen.size > 200,
        bytes.subarray(4000).every((byte) => byte === 0),
      );
    });
    expect(await guest.finish()).toEqual([['random', true, true]]);
  });
});
