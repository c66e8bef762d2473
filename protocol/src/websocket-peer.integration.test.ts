import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { HeadReader } from './http-head.ts';
import { pattern } from './testing/bytes.ts';
import { clientFrame } from './testing/client-frame.ts';
import { hexEncode, utf8Encode } from './text.ts';
import { closePayload, WebSocketOpcode } from './websocket-frame.ts';
import { acceptFor, checkUpgradeResponse, encodeUpgradeRequest } from './websocket-handshake.ts';
import { WebSocketReader } from './websocket-reader.ts';

/** `ws`, which shares no line with us, as the server. */
describe('with ws as the peer', () => {
  let server: WebSocketServer;
  let socket: Socket;
  let peer: WebSocket;
  let reader: WebSocketReader;
  const seen: string[] = [];
  let part = '';

  beforeAll(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, autoPong: true });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    socket = connect(port, '127.0.0.1');
    const nonce = pattern(16);
    const accepted = once(server, 'connection');
    // Not the real subprotocol: its `/` is what ws refuses.
    const head = {
      method: 'GET',
      target: '/',
      host: 'localhost',
      nonce,
      protocol: 'tunnel',
      fields: [],
    } as const;
    socket.write(encodeUpgradeRequest(head));
    [peer] = (await accepted) as [WebSocket];
    const answer = new HeadReader(4096);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(answer.push(bytes, 0, bytes.length)).toBe(bytes.length);
    checkUpgradeResponse(
      answer.response(),
      acceptFor(nonce, (data) => createHash('sha1').update(data).digest()),
      'tunnel',
    );
    reader = new WebSocketReader(
      {
        messageData: (data, start, end) => {
          part += hexEncode(data.subarray(start, end));
        },
        messageEnd: () => {
          seen.push(part);
          part = '';
        },
        pinged: (payload) => seen.push(`ping ${hexEncode(payload)}`),
        ponged: (payload) => seen.push(`pong ${hexEncode(payload)}`),
        closed: (code, reason) => seen.push(`close ${code} ${reason}`),
      },
      1 << 20,
    );
    socket.on('data', (data) => reader.push(data, 0, data.length));
  });

  afterAll(() => {
    socket.destroy();
    server.close();
  });

  const sizesOfAllForms = fc.oneof(fc.nat(130), fc.integer({ min: 65_530, max: 65_545 }), fc.nat(100_000));

  it('every message we send is read by ws', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizesOfAllForms,
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        async (length, maskKey) => {
          const payload = pattern(length, length);
          const arrived = once(peer, 'message');
          socket.write(clientFrame(WebSocketOpcode.binary, payload, maskKey));
          const [data, isBinary] = (await arrived) as [Buffer, boolean];
          expect(isBinary).toBe(true);
          expect(data.equals(payload)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('every message ws sends is read by us, fragments and control frames between them included', async () => {
    const piece = fc.record({ length: sizesOfAllForms, ping: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 4 }), async (pieces) => {
        seen.length = 0;
        const expected: string[] = [];
        let whole = '';
        for (const [index, { length, ping }] of pieces.entries()) {
          const last = index === pieces.length - 1;
          if (ping) {
            peer.ping(pattern(index));
            expected.push(`ping ${hexEncode(pattern(index))}`);
          }
          peer.send(pattern(length), { binary: true, fin: last });
          whole += hexEncode(pattern(length));
        }
        expected.push(whole, 'ping 656e64');
        peer.ping('end');
        while (seen.at(-1) !== 'ping 656e64') await once(socket, 'data');
        expect(seen).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  it('ws answers our ping and our close', async () => {
    seen.length = 0;
    socket.write(clientFrame(WebSocketOpcode.ping, utf8Encode('here')));
    while (seen.length < 1) await once(socket, 'data');
    const closed = once(peer, 'close');
    socket.write(clientFrame(WebSocketOpcode.close, closePayload(4001, utf8Encode('why'))));
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'why']);
    while (seen.length < 2) await once(socket, 'data');
    expect(seen).toEqual(['pong 68657265', 'close 4001 why']);
  });
});
