import { createHash, randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { close, credit, data, error, hex } from './stage/frames.ts';
import { heapNoise } from './stage/heap-noise.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, scenario } from './stage/stage.ts';
import type { Tunnel } from './stage/tunnel.ts';

/** The extension of `webtunnel.md` section 5: larger frames and credit. */

const window = 65_536;
const extension = { maxFrame: 16_384, window };

/** More than all socket buffers between agent and service can hold. */
const flood = 32 << 20;

async function roundTrip(tunnel: Tunnel, channel: number): Promise<void> {
  tunnel.send(data(channel, 'ping?'));
  await tunnel.expectText(channel, 'ping?');
}

describe.concurrent('the extension', () => {
  scenario('is offered with the configured sizes', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { limits: { windowBytes: 131_072, frameBytes: 32_768 } }));
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('X-WebTunnel-Extensions')).toBe('max-frame=32768, window=131072');
    upgrade.accept();
  });

  scenario('lets the agent send frames up to max-frame and not beyond', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel({ extension });
    await tunnel.open(1, service.port);
    const local = await service.connection();
    const payload = randomBytes(4 << 20);
    local.socket.end(payload);
    const hash = createHash('sha256');
    let largest = 0;
    for (let at = 0; at < payload.length; ) {
      const frame = await tunnel.frame(1);
      expect(frame[0]).toBe(0);
      largest = Math.max(largest, frame.length - 4);
      hash.update(frame.subarray(4));
      at += frame.length - 4;
      tunnel.send(credit(1, frame.length - 4));
    }
    await tunnel.expect(close(1));
    expect(hash.digest('hex')).toBe(createHash('sha256').update(payload).digest('hex'));
    expect(largest).toBeLessThanOrEqual(extension.maxFrame);
    expect(largest).toBeGreaterThan(2048);
  });

  scenario('is in force with the smaller values of both sides', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel({ extension: { maxFrame: 512, window: 1024 } });
    await tunnel.open(1, service.port);
    const local = await service.connection();
    local.socket.write(randomBytes(10_000));
    expect((await tunnel.frame(1)).length).toBeLessThanOrEqual(4 + 512);
    expect((await tunnel.frame(1)).length).toBeLessThanOrEqual(4 + 512);
  });

  scenario('stops the agent at its credit, exactly, until more is granted', async ({ stage }) => {
    const service = await stage.service();
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port, echo.port]));
    const tunnel = await reflector.tunnel({ extension });
    await tunnel.open(1, service.port);
    await tunnel.open(2, echo.port);
    const local = await service.connection();
    local.socket.write(randomBytes(4 * window));
    let received = 0;
    const take = async () => {
      received += (await tunnel.frame(1)).length - 4;
    };
    while (received < window) await take();
    // Whatever was still on its way arrives before the answers of the other channel.
    for (let round = 0; round < 20; round++) await roundTrip(tunnel, 2);
    expect(received).toBe(window);
    expect(tunnel.pending(1)).toBe(0);

    tunnel.send(hex('20 00 0001 00000001'));
    await take();
    expect(received).toBe(window + 1);
    tunnel.send(credit(1, 1000));
    while (received < window + 1001) await take();
    for (let round = 0; round < 20; round++) await roundTrip(tunnel, 2);
    expect(received).toBe(window + 1001);
    expect(tunnel.pending(1)).toBe(0);
  });

  scenario('returns credit for bytes that the local reader took, all of it in the end', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel({ extension });
    await tunnel.open(1, service.port);
    const local = await service.connection();
    const payload = randomBytes(8 << 20);
    await tunnel.sendData(1, payload, extension.maxFrame);
    tunnel.send(close(1));
    expect(Buffer.compare(await local.read(payload.length), payload)).toBe(0);
    await local.ended;
  });

  scenario(
    'withholds credit from a stalled reader, while others go on and memory stays',
    async ({ stage }) => {
      const stalled = await stage.service(LocalService.stalled);
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      const agent = stage.agent(configuration(reflector, [stalled.port, echo.port]));
      const tunnel = await reflector.tunnel({ extension });
      await tunnel.open(1, stalled.port);
      await tunnel.open(2, echo.port);
      const local = await stalled.connection();

      const payload = randomBytes(flood);
      let sent = 0;
      const sending = (async () => {
        for (; sent < flood; sent += extension.maxFrame) {
          await tunnel.sendData(1, payload.subarray(sent, sent + extension.maxFrame), extension.maxFrame);
        }
      })();
      sending.catch(() => {});
      await roundTrip(tunnel, 2);
      const before = agent.memory('VmRSS');
      // The buffers fill; then no round trip of the other channel brings credit for this one any more.
      for (let last = -1; sent > last; ) {
        last = sent;
        for (let round = 0; round < 50; round++) await roundTrip(tunnel, 2);
      }
      expect(sent).toBeLessThan(flood);
      expect(tunnel.credit(1)).toBe(0);
      expect(agent.memory('VmRSS') - before).toBeLessThan(window / 1024 + heapNoise);

      local.socket.resume();
      expect(Buffer.compare(await local.read(flood), payload)).toBe(0);
      await sending;
    },
  );

  scenario('ends a channel with error 6 when the reflector overdraws its credit', async ({ stage }) => {
    const stalled = await stage.service(LocalService.stalled);
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [stalled.port, echo.port]));
    const tunnel = await reflector.tunnel({ extension: { maxFrame: 16_384, window: 16_384 } });
    for (const [channel, port] of [
      [1, stalled.port],
      [2, echo.port],
    ] as const) {
      await tunnel.open(channel, port);
    }
    const frame = data(1, randomBytes(16_384));
    for (let sent = 0; tunnel.pending(1) === 0 && sent < flood; sent += 1 << 18) {
      for (let i = 0; i < 16; i++) tunnel.send(frame);
      await roundTrip(tunnel, 2);
    }
    await tunnel.expect(error(1, 6));
    await roundTrip(tunnel, 2);
  });

  scenario('ends a channel with error 6 for a frame beyond max-frame', async ({ stage }) => {
    const service = await stage.service();
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port, echo.port]));
    const tunnel = await reflector.tunnel({ extension });
    for (const [channel, port] of [
      [1, service.port],
      [2, echo.port],
    ] as const) {
      await tunnel.open(channel, port);
    }
    const local = await service.connection();
    tunnel.send(data(1, Buffer.alloc(extension.maxFrame + 1)));
    await tunnel.expect(error(1, 6));
    await local.gone;
    await roundTrip(tunnel, 2);
  });

  scenario.for([
    ['a credit of nothing', '20 00 0001 00000000'],
    ['a credit frame that is cut short', '20 00 0001 0000'],
  ])('ends a channel with error 6 for %s', async ([, frame = ''], { stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel({ extension });
    await tunnel.open(1, service.port);
    tunnel.send(hex(frame));
    await tunnel.expect(error(1, 6));
  });

  scenario('takes credit for a channel that has just ended in silence', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port]));
    const tunnel = await reflector.tunnel({ extension });
    await tunnel.open(1, echo.port);
    tunnel.send(close(1));
    await tunnel.expect(close(1));
    tunnel.send(credit(1, 5));
    await tunnel.open(1, echo.port);
  });

  scenario('left out of the response means frames of at most 2,048 bytes', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, service.port);
    const local = await service.connection();
    const size = 1 << 20;
    local.socket.write(randomBytes(size));
    for (let received = 0; received < size; ) {
      const frame = await tunnel.frame(1);
      expect(frame.length).toBeLessThanOrEqual(2052);
      received += frame.length - 4;
    }
  });

  scenario('left out of the response leaves its opcode unknown: error 6', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port]));
    const tunnel = await reflector.tunnel();
    tunnel.send(credit(3, 1));
    await tunnel.expect(error(3, 6));
    await tunnel.open(3, echo.port);
  });
});
