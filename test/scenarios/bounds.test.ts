import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { runsUnder } from './stage/features.ts';
import { data, error, open, webSocketFrame } from './stage/frames.ts';
import { heapNoise } from './stage/heap-noise.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, scenario } from './stage/stage.ts';
import { slow } from './stage/wait.ts';

/** What a hostile or slow peer costs: its own channel, at worst its own tunnel, and nobody else anything. */

const mebibyte = 1 << 20;

describe.concurrent('bounds', () => {
  scenario(
    'a stalled reader without the extension loses its channel alone, with error 4',
    async ({ stage }) => {
      const stalled = await stage.service(LocalService.stalled);
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      const agent = stage.agent(configuration(reflector, [stalled.port, echo.port]));
      const tunnel = await reflector.tunnel();
      await tunnel.open(1, stalled.port);
      await tunnel.open(2, echo.port);
      const local = await stalled.connection();
      const before = agent.memory('VmRSS');

      const block = randomBytes(mebibyte / 4);
      let sent = 0;
      for (; tunnel.pending(1) === 0 && sent < 64 * mebibyte; sent += block.length) {
        await tunnel.sendData(1, block, 2048);
        tunnel.send(data(2, 'ping?'));
        await tunnel.expectText(2, 'ping?');
      }
      expect(sent).toBeLessThan(64 * mebibyte);
      await tunnel.expect(error(1, 4));
      local.socket.resume();
      await local.gone;
      tunnel.send(data(2, 'still here'));
      await tunnel.expectText(2, 'still here');
      // The bound of a channel is 256 KiB.
      expect(agent.memory('VmRSS') - before).toBeLessThan(256 + heapNoise);
    },
  );

  // V8 has a bound of its own, which is far away. To valgrind the block that was one too many is lost. The library ends nothing.
  scenario.skipIf(runsUnder('node') || runsUnder('valgrind') || runsUnder('library'))(
    'memory beyond the limit ends the agent, and the log says so',
    async ({ stage }) => {
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      // Not enough for so many channels. The agent itself takes up to a megabyte of it, with quickjs-ng.
      const channels = 4000;
      const limits = {
        ...{ memoryBytes: 1_572_864, totalBytes: 65_536, windowBytes: 4096, frameBytes: 4096 },
        channels,
      };
      const agent = stage.agent(configuration(reflector, [echo.port], { limits }));
      const tunnel = await reflector.tunnel();
      for (let channel = 1; channel <= channels && !agent.exit; channel++) {
        await Promise.race([tunnel.open(channel, echo.port), agent.exited]).catch(() => {});
      }
      await agent.logged(/memory limit of 1572864 bytes/);
      expect((await agent.ended()).status).toBe(71);
    },
  );

  scenario('a reader that is only slow loses nothing', async ({ stage }) => {
    const service = await stage.service(LocalService.stalled);
    const reflector = await stage.reflector();
    // The reader is this process: that it gets no time on a busy machine must not pass for a stall.
    stage.agent(configuration(reflector, [service.port], { limits: { stallMs: 60_000 } }));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, service.port);
    const local = await service.connection();
    const payload = randomBytes(mebibyte / 4);
    for (let round = 0; round < 64; round++) {
      local.socket.pause();
      await tunnel.sendData(1, payload, 2048);
      local.socket.resume();
      expect(Buffer.compare(await local.read(payload.length), payload)).toBe(0);
    }
  });

  scenario(
    'stalled readers in numbers lose their channels one by one, and others go on',
    async ({ stage }) => {
      const stalled = await stage.service(LocalService.stalled);
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      const limits = { windowBytes: 65_536, totalBytes: 131_072 };
      stage.agent(configuration(reflector, [stalled.port, echo.port], { limits }));
      const tunnel = await reflector.tunnel();
      const channels = Array.from({ length: 8 }, (_, i) => i + 1);
      await tunnel.open(100, echo.port);
      for (const channel of channels) {
        await tunnel.open(channel, stalled.port);
      }
      const block = randomBytes(65_536);
      for (const channel of channels) {
        for (let sent = 0; tunnel.pending(channel) === 0 && sent < 64 * mebibyte; sent += block.length) {
          await tunnel.sendData(channel, block, 2048);
          tunnel.send(data(100, 'ping?'));
          await tunnel.expectText(100, 'ping?');
        }
        await tunnel.expect(error(channel, 4));
      }
    },
  );

  scenario('more channels than the bound are refused, and the others go on', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port], { limits: { channels: 4 } }));
    const tunnel = await reflector.tunnel();
    for (let channel = 1; channel <= 4; channel++) {
      await tunnel.open(channel, echo.port);
    }
    tunnel.send(open(5, echo.port));
    const answer = await tunnel.frame(5);
    expect(answer[0]).toBe(0x81);
    for (let channel = 1; channel <= 4; channel++) {
      tunnel.send(data(channel, 'still here'));
      await tunnel.expectText(channel, 'still here');
    }
  });

  scenario('a frame of the announced size is taken without the extension as well', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port], { limits: { frameBytes: 65_536 } }));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, service.port);
    const local = await service.connection();
    const payload = randomBytes(65_536);
    tunnel.send(data(1, payload));
    expect(Buffer.compare(await local.read(payload.length), payload)).toBe(0);
    tunnel.send(data(1, Buffer.alloc(65_537)));
    await tunnel.expect(error(1, 6));
    await local.gone;
  });

  scenario('a message without end is refused at its header, with close code 1009', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel();
    // Final binary frame that claims 2^40 bytes.
    tunnel.socket.write(Buffer.from('827f0000010000000000', 'hex'));
    expect((await tunnel.closed).code).toBe(1009);
    await reflector.tunnel();
  });

  scenario('a message in endless fragments is refused with close code 1009', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel();
    await agent.logged(/./);
    const fragment = Buffer.alloc(60_000);
    // In one write: a second one may meet the end of the connection before the close frame is read.
    tunnel.socket.cork();
    tunnel.socket.write(webSocketFrame(0x02, fragment));
    for (let i = 0; i < 200; i++) tunnel.socket.write(webSocketFrame(0x00, fragment));
    tunnel.socket.uncork();
    expect((await tunnel.closed).code).toBe(1009);
    await reflector.tunnel();
  });

  scenario('a reflector that asks without reading cannot fill the memory', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel();
    await agent.logged(/./);
    const before = agent.memory('VmRSS');
    tunnel.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 500 }, () => webSocketFrame(0x89, Buffer.alloc(125))));
    // Writes until the agent reads no more: its answers have nowhere to go.
    const total = 64 * mebibyte;
    let written = 0;
    const writing = new Promise<void>((resolve, reject) => {
      const more = () => {
        if (written >= total) return reject(new Error('the agent took 64 MiB of PINGs and kept all answers'));
        written += pings.length;
        let stuck: NodeJS.Timeout | undefined;
        tunnel.socket.write(pings, () => {
          clearTimeout(stuck);
          more();
        });
        // No event tells that a peer will never read again: a silence has to do.
        stuck = setTimeout(resolve, 1000 * slow);
      };
      more();
    });
    await writing;
    // Its bound for answers on top of other data is 192 KiB.
    expect(agent.memory('VmRSS') - before).toBeLessThan(192 + heapNoise);
    tunnel.drop();
    await reflector.tunnel();
  });
});
