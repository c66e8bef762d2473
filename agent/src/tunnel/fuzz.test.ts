import fc from 'fast-check';
import { encodeData } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { fuzz, fuzzTimeout, pattern } from '../../../protocol/src/testing/bytes.ts';
import { timedOut } from '../../simulation/network.ts';
import { TunnelStage } from '../../simulation/tunnel-stage.ts';

/** What a reflector gone wild and local services may do, in any order. */
const act = fc.record({
  kind: fc.constantFrom(
    'open',
    'open',
    'data',
    'close',
    'error',
    'grant',
    'ping',
    'noise',
    'many',
    'local write',
    'local end',
    'local reset',
    'local pause',
    'local resume',
    'place',
    'pause',
    'wait',
  ),
  channel: fc.nat(4),
  size: fc.nat(6000),
  bytes: fc.uint8Array({ maxLength: 12 }),
});

const extensions = fc.constantFrom(
  null,
  { maxFrame: 1, window: 1 },
  { maxFrame: 500, window: 3000 },
  { maxFrame: 65_536, window: 262_144 },
);

describe('any behaviour of reflector and services', () => {
  it(
    'leaves the tunnel with an answer to everything, within its bounds, and with nothing in the end',
    () => {
      fc.assert(
        fc.property(fc.nat(), extensions, fc.array(act, { maxLength: 80 }), (seed, extension, acts) => {
          const limits = {
            windowBytes: 131_072,
            channels: 3,
            pendingOpens: 2,
            totalBytes: 150_000,
            queueBytes: 4096,
            answerBytes: 2048,
          };
          const stage = new TunnelStage({
            seed,
            extension,
            limits,
            connectMs: 300,
            localMs: 5000,
            latencyMs: [0, 4],
          });
          const { peer } = stage;
          const { endpoints } = stage.host.network;
          const listening = endpoints.get('127.0.0.1:80') ?? 'silent';
          stage.host.network.bufferBytes = 3000;
          for (const { kind, channel, size, bytes } of acts) {
            const local = stage.service().connections.at(-1 - (size % 3));
            if (kind === 'open') peer.open(channel, size % 7 === 0 ? 9999 : 80);
            else if (kind === 'data') peer.data(channel, pattern(size));
            else if (kind === 'close') peer.close(channel);
            else if (kind === 'error') peer.error(channel, 5);
            else if (kind === 'grant') peer.grant(channel, 1 + size);
            else if (kind === 'ping') peer.ping();
            else if (kind === 'noise') peer.frame(bytes);
            else if (kind === 'many')
              for (let i = 0; i < 20; i++) peer.frame(encodeData(channel, pattern(3000)));
            else if (kind === 'local write') local?.socket.write(pattern(size));
            else if (kind === 'local end') local?.socket.end();
            else if (kind === 'local reset') local?.socket.destroy();
            else if (kind === 'local pause') local?.socket.pause();
            else if (kind === 'local resume') local?.socket.resume();
            else if (kind === 'place')
              endpoints.set(
                '127.0.0.1:80',
                [listening, 'silent' as const, { error: timedOut }][size % 3] ?? listening,
              );
            else if (kind === 'pause') peer.socket[size % 2 ? 'pause' : 'resume']();
            else stage.run(size / 10);
            expect(stage.localSockets).toBeLessThanOrEqual(3);
          }
          stage.run(2000);
          stage.tunnel.abandon();
          stage.socket.destroy();
          expect(stage.tunnel.channels).toBe(0);
          expect(stage.host.handles).toEqual({ sockets: 0, lookUps: 0, timers: 0, processes: 0 });
          stage.run(20_000);
          expect(stage.host.handles).toEqual({ sockets: 0, lookUps: 0, timers: 0, processes: 0 });
          const opened = stage.events.filter((event) => event.startsWith('opened')).length;
          const closed = stage.events.filter((event) => event.startsWith('closed')).length;
          expect(closed).toBeGreaterThanOrEqual(opened);
        }),
        fuzz(200),
      );
    },
    fuzzTimeout,
  );
});
