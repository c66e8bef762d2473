import fc from 'fast-check';

/** Bytes from hexadecimal text; spaces are for the reader. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Characters 0 to 255 as bytes. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Bytes that came one piece after the other. */
export class Collected {
  length = 0;
  #pieces: Uint8Array[] = [];

  add(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#pieces.push(new Uint8Array(bytes.subarray(start, end)));
    this.length += end - start;
  }

  get bytes(): Uint8Array {
    this.#pieces = [concat(...this.#pieces)];
    return this.#pieces[0] ?? new Uint8Array();
  }

  /** The bytes as characters 0 to 255. */
  get text(): string {
    return Array.from(this.bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

/** Where two arrays begin to differ, in words; `null` when they are equal. */
export function difference(found: Uint8Array, expected: Uint8Array): string | null {
  if (found.length !== expected.length) return `${found.length} bytes instead of ${expected.length}`;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  return at < 0 ? null : `byte ${at} is ${found[at]} instead of ${expected[at]}`;
}

/** `length` bytes that repeat only after 251, so that a shift by any power of two shows. */
export function pattern(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

/** Sizes of pieces, used in turn: with {@link feed} any cut of a stream. */
export const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

/**
 * Hands `bytes` to `push` in pieces, each at an odd place of a buffer that is overwritten when `push` returns: who
 * keeps a view beyond the call is found out.
 */
export function feed(
  bytes: Uint8Array,
  pieces: readonly number[],
  push: (bytes: Uint8Array, start: number, end: number) => void,
): void {
  let turn = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(pieces[turn++ % pieces.length] ?? 1, bytes.length - at);
    const start = turn % 7;
    const buffer = new Uint8Array(start + length + 3).fill(0xee);
    buffer.set(bytes.subarray(at, at + length), start);
    push(buffer, start, start + length);
    buffer.fill(0xdd);
    at += length;
  }
}

/** Runs of a fuzz test: `RM_FUZZ_RUNS=1000000` searches longer. */
export function fuzz(defaultRuns = 2000): { numRuns: number } {
  return { numRuns: Number(process.env.RM_FUZZ_RUNS ?? defaultRuns) };
}

/** How long a fuzz test may take, in milliseconds. */
export const fuzzTimeout = process.env.RM_FUZZ_RUNS === undefined ? 240_000 : 86_400_000;
