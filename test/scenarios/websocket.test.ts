import { describe, expect } from 'vitest';
import { data, hex, webSocketFrame } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

/** The WebSocket below the tunnel (RFC 6455), seen from a server that is free to break it. */

async function connect(stage: Stage) {
  const echo = await stage.service(LocalService.echo);
  const reflector = await stage.reflector();
  const agent = stage.agent(configuration(reflector, [echo.port]));
  const tunnel = await reflector.tunnel();
  await tunnel.open(1, echo.port);
  return { agent, reflector, tunnel };
}

describe.concurrent('the WebSocket', () => {
  scenario('takes a message in fragments', async ({ stage }) => {
    const { tunnel } = await connect(stage);
    const frame = data(1, 'put together again');
    tunnel.sendFragments([frame.subarray(0, 1), frame.subarray(1, 3), frame.subarray(3)]);
    await tunnel.expectText(1, 'put together again');
    tunnel.sendFragments([...frame].map((byte) => Buffer.of(byte)));
    await tunnel.expectText(1, 'put together again');
  });

  scenario('takes empty fragments and control frames between fragments', async ({ stage }) => {
    const { tunnel } = await connect(stage);
    const frame = data(1, 'interrupted');
    const empty = Buffer.alloc(0);
    let count = 0;
    tunnel.sendFragments([empty, frame.subarray(0, 6), empty, frame.subarray(6), empty], () =>
      tunnel.ping(`between ${++count}`),
    );
    await tunnel.expectText(1, 'interrupted');
    for (let i = 1; i <= 4; i++) expect((await tunnel.pongs.next()).toString()).toBe(`between ${i}`);
  });

  scenario('takes a message byte by byte', async ({ stage }) => {
    const { tunnel } = await connect(stage);
    for (const byte of webSocketFrame(0x82, data(1, 'slowly'))) tunnel.socket.write(Buffer.of(byte));
    await tunnel.expectText(1, 'slowly');
  });

  scenario('answers a PING with its payload', async ({ stage }) => {
    const { tunnel } = await connect(stage);
    for (const payload of ['', 'a', 'x'.repeat(125)]) {
      tunnel.ping(payload);
      expect((await tunnel.pongs.next()).toString()).toBe(payload);
    }
  });

  scenario('leaves a PONG that nobody asked for alone', async ({ stage }) => {
    const { tunnel } = await connect(stage);
    tunnel.socket.write(webSocketFrame(0x8a, Buffer.from('unasked')));
    tunnel.send(data(1, 'still here'));
    await tunnel.expectText(1, 'still here');
  });

  scenario.for<[string, Buffer, number]>([
    ['a text message', webSocketFrame(0x81, Buffer.from('hello')), 1003],
    ['a masked frame', webSocketFrame(0x82, hex('00 00 0001 61'), hex('01020304')), 1002],
    ['a reserved bit', webSocketFrame(0xc2, hex('00 00 0001 61')), 1002],
    ['a reserved data opcode', webSocketFrame(0x83, hex('00 00 0001 61')), 1002],
    ['a reserved control opcode', webSocketFrame(0x8b, hex('61')), 1002],
    ['a continuation of nothing', webSocketFrame(0x80, hex('00 00 0001 61')), 1002],
    [
      'a message inside another',
      Buffer.concat([webSocketFrame(0x02, hex('00 00')), webSocketFrame(0x82, hex('00 00 0001'))]),
      1002,
    ],
    ['a PING in fragments', webSocketFrame(0x09, hex('61')), 1002],
    ['a PING of 126 bytes', webSocketFrame(0x89, Buffer.alloc(126)), 1002],
    ['a length that is not in its shortest form', hex('82 7e 0005 00 00 0001 61'), 1002],
    ['a close frame of one byte', hex('88 01 03'), 1002],
    ['a close frame with code 1005', hex('88 02 03ed'), 1002],
  ])('is failed for %s, and dialled again', async ([, bytes, code], { stage }) => {
    const { reflector, tunnel } = await connect(stage);
    tunnel.socket.write(bytes);
    expect((await tunnel.closed).code).toBe(code);
    await reflector.tunnel();
  });

  scenario('echoes a close code and dials again', async ({ stage }) => {
    const { reflector, tunnel } = await connect(stage);
    tunnel.close(1001);
    expect((await tunnel.closed).code).toBe(1001);
    await reflector.tunnel();
  });
});
