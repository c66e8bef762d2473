import { hexEncode, ProtocolError } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../protocol/src/testing/bytes.ts';
import { PacketSplitter } from './packet-splitter.ts';

function split(stream: string, pieces: number, maxBytes = 16): string[] {
  const found: string[] = [];
  const splitter = new PacketSplitter(maxBytes, {
    packet: (bytes) => found.push(hexEncode(bytes)),
    skipped: (id) => found.push(`skipped ${id}`),
  });
  const bytes = hex(stream);
  for (let at = 0; at < bytes.length; at += pieces)
    splitter.push(bytes, at, Math.min(bytes.length, at + pieces));
  return found;
}

describe('the packets of a stream', () => {
  it.each([1, 2, 3, 100])('in pieces of %d bytes', (pieces) => {
    expect(split('d0004002000a3005000161626300', pieces)).toEqual(['d000', '4002000a', '30050001616263']);
  });

  it('passes over a publication beyond the bound, and goes on', () => {
    const long = `329001000174000a${'00'.repeat(139)}`;
    for (const pieces of [1, 7, 1000])
      expect(split(`d000${long}4002000a`, pieces)).toEqual(['d000', 'skipped 10', '4002000a']);
    expect(split(`309001${'00'.repeat(144)}d000`, 9)).toEqual(['skipped null', 'd000']);
  });

  it.each([
    ['any other packet beyond it', `209001${'00'.repeat(144)}`],
    ['a length of five bytes', '20ffffffff01'],
    ['a publication beyond it whose identifier is beyond it, too', `329001007f${'61'.repeat(142)}`],
  ])('throws for %s', (_name, stream) => {
    expect(() => split(stream, 3)).toThrow(ProtocolError);
  });

  it('holds no more than the bound for a packet of 256 MiB', () => {
    const splitter = new PacketSplitter(16, { packet: () => undefined, skipped: () => undefined });
    splitter.push(hex('32ffffff7f0001740001'), 0, 10);
    const zeros = new Uint8Array(65_536);
    for (let count = 0; count < 100; count++) splitter.push(zeros, 0, zeros.length);
    expect(split('', 1)).toEqual([]);
  });
});
