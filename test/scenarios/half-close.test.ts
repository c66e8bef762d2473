import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { close, confirm, data, error, open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { connectWith, expectAlive, modes } from './stage/modes.ts';
import { scenario } from './stage/stage.ts';

/** Each direction of a channel ends by itself: `webtunnel.md` section 2. */

describe.concurrent.each(modes)('a channel %s', (_, mode) => {
  const connect = connectWith(mode);

  scenario('half-closed by the local peer still carries data towards it', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    await tunnel.open(14, service.port);
    const local = await service.connection();
    local.socket.end('the last words');
    await tunnel.expectText(14, 'the last words');
    await tunnel.expect(close(14));
    for (const text of ['one', 'two', 'three']) {
      tunnel.send(data(14, text));
      await local.expectText(text);
    }
    tunnel.send(close(14));
    await local.ended;
    await local.closed;
  });

  scenario('half-closed by the reflector still carries data back', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    await tunnel.open(15, service.port);
    const local = await service.connection();
    tunnel.send(data(15, 'GET'));
    tunnel.send(close(15));
    await local.expectText('GET');
    await local.ended;
    for (const text of ['one', 'two', 'three']) {
      local.socket.write(text);
      await tunnel.expectText(15, text);
    }
    local.socket.end();
    await tunnel.expect(close(15));
    await local.closed;
  });

  scenario('delivers all data that came before its close', async ({ stage }) => {
    const service = await stage.service(LocalService.stalled);
    // The reader is this process: that it gets no time on a busy machine must not pass for a stall.
    const tunnel = await connect(stage, [service.port], { limits: { stallMs: 60_000 } });
    await tunnel.open(16, service.port);
    const local = await service.connection();
    const payload = randomBytes(200_000);
    await tunnel.sendData(16, payload, 2048);
    tunnel.send(close(16));
    local.socket.resume();
    expect(Buffer.compare(await local.read(payload.length), payload)).toBe(0);
    await local.ended;
  });

  scenario('closed in both directions frees its number', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const tunnel = await connect(stage, [echo.port]);
    for (let round = 0; round < 20; round++) await expectAlive(tunnel, echo.port, 17);
  });

  scenario('reset by the local peer after its half-close ends with error 5', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    await tunnel.open(19, service.port);
    const local = await service.connection();
    tunnel.send(close(19));
    await local.ended;
    local.socket.resetAndDestroy();
    await tunnel.expect(error(19, 5));
  });

  scenario('closed by the reflector while it is opened delivers FIN', async ({ stage }) => {
    const service = await stage.service();
    const tunnel = await connect(stage, [service.port]);
    tunnel.send(open(24, service.port));
    tunnel.send(close(24));
    await tunnel.expect(confirm(24));
    const local = await service.connection();
    await local.ended;
    local.socket.end('the answer');
    await tunnel.expectText(24, 'the answer');
    await tunnel.expect(close(24));
  });
});
