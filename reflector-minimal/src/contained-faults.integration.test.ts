import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from './limits.ts';
import { ask } from './testing/ask.ts';
import { settled } from './testing/settled.ts';
import { device, extensions, Stage } from './testing/stage.ts';

// One fault of ours in each kind of callback: it costs the exchange that it happens in, and is logged once.

describe('a fault of ours', () => {
  const clock = new ManualClock();
  let stage: Stage;
  let lines: { msg: string; err?: { message: string } }[];
  let carry: () => void;
  beforeEach(async () => {
    lines = [];
    carry = () => {};
    const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line)) });
    stage = await Stage.open({ clock, log, carried: () => carry() });
  });
  afterEach(() => stage.close());

  const broken = (): never => {
    throw new TypeError('ours');
  };
  const faults = () => lines.map(({ msg, err }) => `${msg}: ${err?.message}`);
  const alive = async () => (await ask(stage.port, '/healthz', { host: 'localhost' })).status;

  test('in a request costs its connection', async () => {
    const { users } = stage.reflector.store;
    users.get = broken;
    await expect(ask(stage.port, '/')).rejects.toThrow(/hang up|ECONNRESET/);
    expect([faults(), await alive()]).toEqual([['request failed: ours'], 200]);
  });

  test('in an upgrade costs its connection', async () => {
    stage.reflector.store.devices.credentials = broken;
    await expect(stage.agent()).rejects.toThrow();
    expect([faults(), await alive()]).toEqual([['request failed: ours'], 200]);
  });

  test('in an event of a tunnel costs the tunnel', async () => {
    const { agent } = await stage.web((_request, response) => response.end('page'), { extensions });
    carry = broken;
    expect((await ask(stage.port, '/')).status).toBe(502);
    await agent.ended;
    carry = () => {};
    expect([faults().length, faults()[0], await alive()]).toEqual([
      1,
      expect.stringContaining('failed: ours'),
      200,
    ]);
    await stage.web((_request, response) => response.end('again'), { extensions });
    expect((await ask(stage.port, '/')).text).toBe('again');
  });

  test('in a listener of a channel costs the channel', async () => {
    const { agent } = await stage.web((_request, response) => response.end('page'), { extensions });
    const tunnel = stage.reflector.presence.local.get(device.id)?.tunnel;
    const channel = tunnel?.open(1);
    channel?.on('close', broken);
    if (channel) await once(channel, 'error');
    expect((await ask(stage.port, '/')).text).toBe('page');
    expect([faults(), agent.peer.socket.destroyed]).toEqual([['channel failed: ours'], false]);
  });

  test('in a timer costs that run of it', async () => {
    const devices = stage.reflector.presence.local;
    const { values } = devices;
    devices.values = broken;
    clock.advance(defaultLimits.statisticsMs);
    devices.values = values;
    expect([faults(), await alive()]).toEqual([['timer failed: ours'], 200]);
    devices.values = broken;
    // It is armed again.
    clock.advance(defaultLimits.statisticsMs);
    devices.values = values;
    expect(faults()).toHaveLength(2);
  });

  test('in a call of the store by a timer costs that run of it', async () => {
    await stage.agent();
    const { store } = stage.reflector;
    const { changes } = store;
    const { position } = changes;
    changes.position = broken;
    clock.advance(defaultLimits.storePollMs);
    await settled();
    changes.position = position;
    await store.devices.remove(device.id, 0);
    clock.advance(defaultLimits.storePollMs);
    await settled();
    expect([faults(), await alive(), stage.reflector.presence.local.size]).toEqual([
      ['timer failed: ours'],
      200,
      0,
    ]);
  });
});

/** Sources of the reflector, with their paths. */
function sources(): [path: string, text: string][] {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('testing'))
    .map((path) => [path, readFileSync(join(folder, path), 'utf8')]);
}

test('no object with a prototype is made from names that a peer has chosen', () => {
  // `Object.fromEntries(new Map(…))`, `{ [name]: … }` and `headers[name] = …` find `constructor`; a Map does not.
  const suspicious = /Object\.fromEntries|\{ ?\[[a-z]\w*(?:\.\w+)*\]: |: Record<string, [^>]+> = \{\}/g;
  const found = sources().flatMap(([path, text]) =>
    [...text.matchAll(suspicious)].map(([match]) => `${path}: ${match}`),
  );
  expect(found).toEqual([
    // The options of the command line, of a table of ours, and those of a program's command.
    'command-line/run.ts: Object.fromEntries',
    'command-line/run.ts: Object.fromEntries',
    'command-line/run.ts: Object.fromEntries',
    // The keys of a program.
    'command-line/serve.ts: Object.fromEntries',
  ]);
});

test('timers are those of a clock that contains them, or can do no more than end something', () => {
  const harmless = /\.destroy\(\)|resolve|boundary|emit\('close'\)|server\.setTimeout/;
  const found = sources().flatMap(([path, text]) =>
    text
      .split('\n')
      .filter((line) => /\b(?:setTimeout|setInterval|setImmediate|nextTick|queueMicrotask)\(/.test(line))
      .filter((line) => !harmless.test(line) && !/^ {2}setTimeout\(ms/.test(line))
      .map(() => path),
  );
  // Each of these runs its callback within a boundary, or calls nothing that can throw.
  expect([...new Set(found)].sort()).toEqual([
    'forwarding/web/user-response.ts',
    'listening/users-first.ts',
    'memory/minor-gc.ts',
    'system-clock.ts',
    'tunnels/channel.ts',
    'tunnels/frame-sender.ts',
  ]);
});

test('no listener of promises lets a rejection go unheard', () => {
  const found = sources().flatMap(([path, text]) =>
    [...text.matchAll(/^\s*void (?!0).*\(/gm)].map(([match]) => `${path}: ${match.trim()}`),
  );
  expect(found).toEqual([]);
});
