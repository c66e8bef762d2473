import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../testing/stage.ts';
import { webSocketHead } from '../testing/upgrade-head.ts';
import { WebSocketPeer } from '../testing/web-socket-peer.ts';

const firstBytes = 64;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    limits: { closeMs: 3_600_000 },
    routes: [
      {
        access: 'anyone',
        path: '/ticket',
        maxMessageBytes: 1 << 20,
        firstBytes,
        connect: async (socket) => {
          for await (const _ of socket.messages) return socket.close(4401, 'wrong');
        },
      },
    ],
  });
});
afterAll(() => stage.close());

async function stranger(): Promise<WebSocketPeer> {
  const peer = await WebSocketPeer.connect(
    stage.port,
    webSocketHead([], { host: 'localhost', path: '/ticket', credentials: 'X-None: 1' }),
  );
  peer.socket.resume();
  return peer;
}

/** The head of a masked message of 1 MiB, of which these many bytes follow. */
function begun(bytes: number): Buffer {
  const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.alloc(bytes)]);
}

test.each([
  ['too much before the first message', begun(firstBytes)],
  ['a wrong first message', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])],
])('a stranger is cut off without an answer to the close frame: %s', async (_, sent) => {
  const peer = await stranger();
  const opcodes: number[] = [];
  peer.onFrame = ({ opcode }) => opcodes.push(opcode);
  const ended = once(peer.socket, 'end');
  peer.socket.write(sent);
  await ended;
  expect(opcodes).toEqual([8]);
  peer.socket.destroy();
});
