import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { fuzzTimeout, Random, runs, seed } from '../testing/random.ts';
import { FrameError, FrameReader } from './frame-reader.ts';

const require = createRequire(import.meta.url);
/** That of `ws`, which its package does not export. */
const Receiver = require(join(dirname(require.resolve('ws')), 'lib/receiver.js')) as new (
  options: object,
) => Writable;

const bounds = { messageBytes: 66_000, messageFragments: 6, messageReads: 1_000_000 };

interface Frame {
  first: number;
  payload: Buffer;
  /** How many bytes tell the length, beside the second one. */
  lengthBytes: 0 | 2 | 8;
  mask: Buffer | null;
}

function encoded({ first, payload, lengthBytes, mask }: Frame): Buffer {
  const { length } = payload;
  const extended = Buffer.alloc(lengthBytes);
  if (lengthBytes === 2) extended.writeUInt16BE(length);
  if (lengthBytes === 8) extended.writeUInt32BE(length, 4);
  const short = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
  const sent = mask ? payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0)) : payload;
  return Buffer.concat([
    Buffer.from([first, (mask ? 0x80 : 0) | short]),
    extended,
    mask ?? Buffer.alloc(0),
    sent,
  ]);
}

const texts = ['', 'plain', 'grüße', '€', '𝄞𝄞', '\u0000', '\ufeffmark'];
const codes = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000];

/** Messages of a client, mostly valid, with fragments and with control frames in between. */
function stream(random: Random): Buffer {
  const frames: Frame[] = [];
  const add = (first: number, payload: Buffer) => {
    const least = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
    const isControl = (first & 8) !== 0;
    const wide = !isControl && random.chance(12) ? random.pick([2, 8] as const) : least;
    frames.push({
      first,
      payload,
      lengthBytes: wide < least ? least : wide,
      mask: random.chance(8) ? Buffer.alloc(4) : random.bytes(4),
    });
  };
  const control = () => {
    if (random.chance(6)) {
      const code = Buffer.alloc(2);
      code.writeUInt16BE(random.pick(codes));
      const reason = random.chance(4) ? random.bytes(3) : Buffer.from(random.pick(texts));
      add(0x88, random.chance(4) ? random.bytes(random.below(3)) : Buffer.concat([code, reason]));
    } else add(random.pick([0x89, 0x8a]), random.bytes(random.pick([0, 1, 5, 124, 125])));
  };
  for (let messages = 1 + random.below(5); messages > 0; messages--) {
    const isText = random.chance(2);
    const length = random.pick([0, 1, 31, 32, 33, 125, 126, 127, 300]);
    const whole = isText
      ? Buffer.from(Array.from({ length: random.below(9) }, () => random.pick(texts)).join(''))
      : random.chance(100)
        ? Buffer.alloc(random.pick([65_535, 65_536, 66_000, 66_001]), random.below(256))
        : random.bytes(length);
    if (isText && whole.length > 0 && random.chance(8)) whole[random.below(whole.length)] = random.below(256);
    const fragments = random.chance(2) ? 1 : 1 + random.below(7);
    let at = 0;
    for (let i = 0; i < fragments; i++) {
      const end = i === fragments - 1 ? whole.length : at + random.below(whole.length - at + 1);
      add((i === fragments - 1 ? 0x80 : 0) | (i > 0 ? 0 : isText ? 1 : 2), whole.subarray(at, end));
      at = end;
      if (random.chance(3)) control();
    }
    if (random.chance(4)) control();
  }
  // One fault in the frames, in half of the streams.
  const broken = frames[random.below(frames.length)];
  if (broken && random.chance(2)) {
    switch (random.below(5)) {
      case 0:
        broken.first ^= 1 << random.below(8);
        break;
      case 1:
        broken.mask = null;
        break;
      case 2:
        broken.lengthBytes = broken.payload.length < 65_536 ? random.pick([2, 8]) : 8;
        break;
      case 3:
        frames.splice(frames.indexOf(broken), 1);
        break;
      default:
        frames.push(broken);
    }
  }
  const bytes = Buffer.concat(frames.map(encoded));
  // One in the bytes.
  if (bytes.length > 0 && random.chance(4))
    bytes[random.below(Math.min(bytes.length, 400))] = random.below(256);
  return random.chance(5) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const most = random.pick([1, 3, 8, 100, 1_000, 100_000]);
  const small = bytes.length > 5_000 ? Math.max(most, 4_000) : most;
  const reads: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(small));
    reads.push(bytes.subarray(at, end));
    at = end;
  }
  return reads;
}

const hex = (bytes: Buffer) =>
  bytes.length > 400 ? `${bytes.length} ${bytes.subarray(0, 8).toString('hex')}` : bytes.toString('hex');

function ofOurs(reads: readonly Buffer[], pieces: boolean): string[] {
  const said: string[] = [];
  const collected: Buffer[] = [];
  const reader = new FrameReader(
    {
      message: (bytes, isBinary, isLast) => {
        collected.push(bytes);
        if (isLast) said.push(`${isBinary ? 'binary' : 'text'} ${hex(Buffer.concat(collected.splice(0)))}`);
      },
      ping: (payload) => said.push(`ping ${hex(payload)}`),
      pong: () => said.push('pong'),
      close: (code, reason) => said.push(`close ${code} ${reason}`),
    },
    { ...bounds, pieces },
  );
  try {
    for (const read of reads) reader.push(Buffer.from(read));
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    said.push(`error ${error.closeCode}`);
  }
  return said;
}

async function ofWs(reads: readonly Buffer[]): Promise<string[]> {
  const said: string[] = [];
  const receiver = new Receiver({
    isServer: true,
    maxPayload: bounds.messageBytes,
    maxFragments: bounds.messageFragments,
    maxBufferedChunks: bounds.messageReads,
  });
  let isOver = false;
  receiver.on('message', (bytes: Buffer, isBinary: boolean) =>
    said.push(`${isBinary ? 'binary' : 'text'} ${hex(bytes)}`),
  );
  receiver.on('ping', (payload: Buffer) => said.push(`ping ${hex(payload)}`));
  receiver.on('pong', () => said.push('pong'));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    isOver = true;
    said.push(`close ${code} ${new TextDecoder('utf-8', { ignoreBOM: true }).decode(reason)}`);
  });
  receiver.on('error', (error: object) => {
    const code = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    said.push(`error ${code && (error as Record<symbol, unknown>)[code]}`);
  });
  for (const read of reads) if (!isOver && !receiver.errored) receiver.write(Buffer.from(read));
  // Its `error` comes in the next tick.
  await new Promise(process.nextTick);
  return said;
}

/**
 * `ws` refuses a head by its first bytes, where ours waits for its length and the mask, and counts a fragment when it has ended, ours
 * when it begins. So of a stream that ends within such a frame, one has an error and the other nothing yet.
 */
function isSame(ours: readonly string[], theirs: readonly string[]): boolean {
  if (ours.join() === theirs.join()) return true;
  const [longer, shorter] = ours.length > theirs.length ? [ours, theirs] : [theirs, ours];
  const [last = '', ...before] = [...longer].reverse();
  return last.startsWith('error') && before.reverse().join() === shorter.join();
}

test(
  `what any bytes are to ws, they are to us (seed ${seed})`,
  async () => {
    const random = new Random(seed);
    for (let run = 0; run < runs(500); run++) {
      const bytes = stream(random);
      const reads = cut(bytes, random);
      const theirs = await ofWs(reads);
      for (const pieces of [false, true]) {
        const ours = ofOurs(reads, pieces);
        if (isSame(ours, theirs)) continue;
        expect(ours, `run ${run}: ${bytes.toString('hex')}`).toEqual(theirs);
      }
    }
  },
  fuzzTimeout,
);
