import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownNetwork } from '../../../test/system/own-network.ts';
import { type Guest, run, runWith } from './guest.ts';

/** Sends back to each message: itself, the longest that there may be, one more byte than that, and an end. */
const responder = `
  const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (message, { address, port }) => {
    for (const answer of [message, Buffer.alloc(4096, 1), Buffer.alloc(4097, 2), Buffer.from('end')])
      socket.send(answer, port, address);
  });
  socket.bind(5353, () => {
    socket.addMembership('224.0.0.251', '192.0.2.1');
    console.log('ready');
  });
`;

/** Runs a responder in the network of the guest until the test ends; comes when it listens. */
async function respond(guest: Guest): Promise<void> {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  const place = ['--target', String(guest.process.pid), ...user, '--net', '--'];
  const child: ChildProcess = spawn('nsenter', [...place, process.execPath, '-e', responder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stdout) await once(child.stdout, 'data');
}

describe('messages to a multicast group', () => {
  it('bring what is sent back, up to a length, until they are cancelled', async () => {
    const guest = runWith({ before: ownNetwork }, (native, report) => {
      const stay = native.clock.schedule(1_000_000_000, () => undefined);
      const text = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 3));
      native.system.onSignal('SIGUSR1', () => {
        let ends = 0;
        const asked = native.network.multicast?.(
          '192.0.2.1',
          '224.0.0.251',
          5353,
          [Uint8Array.of(97, 98, 99), Uint8Array.of(100, 101, 102)],
          (bytes, address, port) => {
            report('answer', bytes.length, text(bytes), address, port);
            if (text(bytes) === 'end') ends++;
            if (ends === 2) asked?.cancel();
          },
          (error) => report('failed', error),
        );
      });
      native.system.onSignal('SIGTERM', () => stay.cancel());
      report('ready');
    });
    await guest.expect('ready');
    await respond(guest);
    guest.process.kill('SIGUSR1');
    const from = ['192.0.2.1', 5353];
    for (const text of ['abc', 'def']) {
      expect(await guest.next()).toEqual(['answer', 3, text, ...from]);
      expect(await guest.next()).toEqual(['answer', 4096, '\u0001\u0001\u0001', ...from]);
      expect(await guest.next()).toEqual(['answer', 3, 'end', ...from]);
    }
    guest.process.kill('SIGTERM');
    expect(await guest.finish()).toEqual([]);
  });

  it('fail from the loop where they cannot be sent', async () => {
    const guest = run((native, report) => {
      for (const [from, group] of [
        ['192.0.2.1', '224.0.0.251'],
        ['nonsense', '224.0.0.251'],
        ['127.0.0.1', 'nonsense'],
      ] as const)
        native.network.multicast?.(
          from,
          group,
          5353,
          [],
          () => report('answer'),
          ({ code }) => report('failed', code),
        );
      const cancelled = native.network.multicast?.(
        '192.0.2.1',
        '224.0.0.251',
        5353,
        [],
        () => report('answer'),
        () => report('failed after it was cancelled'),
      );
      cancelled?.cancel();
      report('asked');
    });
    expect(await guest.finish()).toEqual([
      ['asked'],
      ['failed', 'unreachable'],
      ['failed', 'other'],
      ['failed', 'other'],
    ]);
  });
});
