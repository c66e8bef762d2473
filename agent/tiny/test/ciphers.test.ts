import { describe, expect, it } from 'vitest';
import { runWith } from './guest.ts';
import { Peer, read } from './peer.ts';

/** What a ClientHello offers, in its order: RFC 8446, section 4.1.2, in a record of section 5.1. */
async function offered(processor: string): Promise<number[]> {
  const peer = await Peer.tcp();
  const guest = runWith(
    { plain: true, before: ['qemu-x86_64-static', '-cpu', processor] },
    (native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () =>
            socket.startTls({
              serverName: '127.0.0.1',
              ca: null,
              certificate: null,
              key: null,
              minVersion: '1.2',
              verify: false,
              judgedAt: null,
            }),
          data: () => undefined,
          taken: () => undefined,
          ended: () => undefined,
          closed: (error) => report('closed', error?.code),
        },
      );
    },
    peer.port,
  );
  const socket = await peer.connection();
  const header = await read(socket, 5);
  const hello = await read(socket, header.readUInt16BE(3));
  socket.resetAndDestroy();
  expect(await guest.finish()).toEqual([['closed', 'reset']]);
  expect([header[0], hello[0]]).toEqual([22, 1]);
  // Type and length, version, random, session.
  const start = 1 + 3 + 2 + 32;
  const ciphers = start + 1 + (hello[start] ?? 0);
  const count = hello.readUInt16BE(ciphers) / 2;
  return Array.from({ length: count }, (_, i) => hello.readUInt16BE(ciphers + 2 + 2 * i));
}

const aes = [0x1301, 0x1302, 0xc02b, 0xc02f, 0xc02c, 0xc030];
const chacha = [0x1303, 0xcca9, 0xcca8];

/** The offer without TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746, section 3.3), which is no cipher. */
const suites = (offer: number[]) => offer.filter((suite) => suite !== 0x00ff);

describe('the ciphers that are offered', () => {
  it('begin with AES-GCM where the processor has instructions for it', async () => {
    expect(suites(await offered('qemu64,+aes,+pclmulqdq'))).toEqual([...aes, ...chacha]);
  });

  it.each([
    ['neither AES nor a carry-less product', 'qemu64'],
    ['no AES', 'qemu64,+pclmulqdq'],
    ['no carry-less product, which GCM needs', 'qemu64,+aes'],
  ])('begin with ChaCha20 where it has %s', async (_name, processor) => {
    expect(suites(await offered(processor))).toEqual([...chacha, ...aes]);
  });
});
