import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { runsUnder } from './stage/features.ts';
import { data } from './stage/frames.ts';
import { heapNoise } from './stage/heap-noise.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, scenario } from './stage/stage.ts';
import { briefly, slow, within } from './stage/wait.ts';

/** Getting a tunnel, losing it, getting it back. */

/** Attempts far apart: whatever comes sooner, the test has asked for. */
const patient = { reconnect: { min: 3600, max: 3600 } };

/** By how much the peak of the last third is above that of the first: between two collections memory rises and falls. */
function risenBy(memory: readonly number[]): number {
  const third = Math.floor(memory.length / 3);
  return Math.max(...memory.slice(-third)) - Math.max(...memory.slice(0, third));
}

describe.concurrent('a lost tunnel', () => {
  scenario('is dialled again, once', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1]));
    for (let round = 1; round <= 4; round++) {
      const tunnel = await reflector.tunnel();
      expect(reflector.connections).toBe(round);
      tunnel.drop();
    }
  });

  /** Connections to `port` whose other end has closed them, and this end has not (RFC 9293 section 3.3.2). */
  const inCloseWait = (port: number) =>
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/ +/))
      .filter(
        ([, , remote, state]) =>
          state === '08' && remote?.endsWith(`:${port.toString(16).padStart(4, '0').toUpperCase()}`),
      );

  scenario(
    'is dialled again after FIN without a close frame, and leaves nothing in CLOSE_WAIT',
    async ({ stage }) => {
      const reflector = await stage.reflector();
      stage.agent(configuration(reflector, [1]));
      for (let round = 0; round < 3; round++) (await reflector.tunnel()).socket.end();
      await reflector.tunnel();
      expect(inCloseWait(reflector.port)).toEqual([]);
    },
  );

  scenario('is dialled again when the upgrade is never answered', async ({ stage }) => {
    const reflector = await stage.reflector();
    const timeouts = { connect: briefly };
    const agent = stage.agent(configuration(reflector, [1], { timeouts }));
    const { socket } = await reflector.upgrade();
    const gone = new Promise((resolve) => socket.on('close', resolve));
    await reflector.establishedTunnel();
    await gone;
    await agent.logged(/no answer within/);
    expect(reflector.connections - reflector.abandoned).toBe(2);
  });

  scenario('is dialled again when the upgrade is answered too late', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { connect: briefly } }));
    await reflector.connection();
    // The first attempt is over now, and its upgrade waits to be taken.
    await reflector.connection();
    await reflector.establishedTunnel();
    expect(reflector.abandoned).toBeGreaterThan(0);
  });

  scenario('is dialled until the reflector is there, however long that takes', async ({ stage }) => {
    const port = await reservedPort();
    const agent = stage.agent(configuration(`http://127.0.0.1:${port}/`, [1]));
    await agent.logged(/refused/i);
    const reflector = await stage.reflector(undefined, port);
    await reflector.tunnel();
  });

  scenario('is dialled again when the name does not resolve', async ({ stage }) => {
    // A label of 64 characters: the resolver fails by itself, without asking anybody.
    const uri = `http://${'n'.repeat(64)}.invalid/`;
    const agent = stage.agent(configuration(uri, [1], { log: { level: 'debug' } }));
    for (let attempt = 0; attempt < 3; attempt++) await agent.logged(/name/i, agent.log.length);
  });

  const rounds = Number(process.env.RM_RECONNECTS ?? '60');
  const limit = { timeout: (60_000 + rounds * 500) * slow };
  scenario('costs neither descriptors nor memory, however often', limit, async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    // Of so many ends the log tells only at this level.
    const more = { ...patient, log: { level: 'debug' } };
    const agent = stage.agent(configuration(reflector, [echo.port], more));
    const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    let after10 = 0;
    const memory: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const tunnel = await reflector.tunnel();
      await tunnel.open(1, echo.port);
      if (round === 10) after10 = descriptors();
      memory.push(agent.memory('VmRSS'));
      if (round === rounds) break;
      const from = agent.log.length;
      tunnel.drop();
      await agent.logged(/disconnected/, from);
      agent.signal('SIGHUP');
    }
    expect(descriptors()).toBe(after10);
    expect(risenBy(memory)).toBeLessThan(heapNoise);
  });
});

describe.concurrent('a reflector that is away', () => {
  scenario('costs neither descriptors nor memory, however long', async ({ stage }) => {
    const port = await reservedPort();
    const more = { ...patient, log: { level: 'debug' } };
    const agent = stage.agent(configuration(`http://127.0.0.1:${port}/`, [1], more));
    const rounds = Number(process.env.RM_RECONNECTS ?? '60');
    const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
    await agent.logged(/not connected/);
    let after10 = 0;
    const memory: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const from = agent.log.length;
      agent.signal('SIGHUP');
      await agent.logged(/not connected/, from);
      if (round === 10) after10 = descriptors();
      memory.push(agent.memory('VmRSS'));
    }
    expect(descriptors()).toBe(after10);
    expect(risenBy(memory)).toBeLessThan(heapNoise);
  });
});

describe.concurrent('back-off', () => {
  /** The wait that a line of the log announces, in seconds. */
  const announced = (line: string) => Number(/(\d+(?:\.\d+)?) s\b/.exec(line)?.[1]);

  // The program on the library logs at another level.
  scenario.skipIf(runsUnder('library'))('after a refusal is slower than after a fault', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { reconnect: { min: 1, max: 3600 } }));
    (await reflector.upgrade()).refuse('503 Service Unavailable');
    expect(announced(await agent.logged(/answered 503/))).toBeLessThanOrEqual(1);
    (await reflector.upgrade()).refuse('401 Unauthorized');
    expect(announced(await agent.logged(/answered 401/))).toBeGreaterThan(60);
  });

  scenario.for(['401 Unauthorized', '403 Forbidden'])('after %s is a slow one', async (status, { stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { reconnect: { min: 1, max: 800 } }));
    (await reflector.upgrade()).refuse(status);
    const wait = announced(await agent.logged(/not connected/));
    expect(wait).toBeGreaterThanOrEqual(50);
    expect(wait).toBeLessThanOrEqual(100);
  });

  scenario('after refusals grows up to a limit of its own', async ({ stage }) => {
    const reflector = await stage.reflector();
    const reconnect = { min: 1, max: 1, refusedMax: 2 };
    const agent = stage.agent(configuration(reflector, [1], { reconnect, log: { level: 'debug' } }));
    const waits: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      (await reflector.upgrade()).refuse('403 Forbidden');
      waits.push(announced(await agent.logged(/answered 403.*next attempt/, agent.log.length)));
    }
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(2);
  });

  scenario('is a slow one when the reflector does not speak our subprotocol', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { reconnect: { min: 1, max: 3600 } }));
    (await reflector.upgrade()).accept({ subprotocol: null });
    expect(announced(await agent.logged(/not connected/))).toBeGreaterThan(60);
  });

  scenario.for([
    ['429 Too Many Requests', 'Retry-After: 500'],
    ['503 Service Unavailable', 'Retry-After: 500'],
    // The clock of the device is out of it.
    [
      '503 Service Unavailable',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'Retry-After: Thu, 01 Jan 1970 00:08:20 GMT',
    ],
  ])('is as long as the reflector asks for: %s', async ([status = '', ...lines], { stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    (await reflector.upgrade()).refuse(status, ...lines);
    const wait = announced(await agent.logged(/not connected/));
    expect(wait).toBeGreaterThanOrEqual(500);
    expect(wait).toBeLessThanOrEqual(1000);
    agent.signal('SIGHUP');
    await reflector.tunnel();
  });

  scenario('is a slow one for a device of which there are two', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { reconnect: { min: 1, max: 800 } }));
    (await reflector.tunnel()).close(4001);
    expect(announced(await agent.logged(/replaced/))).toBeGreaterThanOrEqual(50);
  });

  scenario('goes on behind a captive portal, until that lets us out', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    for (let attempt = 0; attempt < 3; attempt++) {
      const { socket } = await reflector.upgrade();
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Welcome! Please log in.</html>');
    }
    await agent.logged(/not connected: .*200 OK/);
    await reflector.tunnel();
  });

  scenario('grows although every attempt succeeds, as long as no link lasts', async ({ stage }) => {
    const reflector = await stage.reflector();
    const more = { reconnect: { min: 1, max: 300 }, log: { level: 'debug' } };
    const agent = stage.agent(configuration(reflector, [1], more));
    // A wait is random below a ceiling that doubles from 1 s: one of more than 1 s proves that it was not reset.
    let wait = 0;
    for (let round = 0; wait <= 1 && round < 12; round++) {
      const tunnel = await reflector.tunnel();
      const from = agent.log.length;
      tunnel.drop();
      wait = announced(await agent.logged(/disconnected/, from));
    }
    expect(wait).toBeGreaterThan(1);
  });
});

describe.concurrent('SIGHUP', () => {
  scenario('dials at once after a failure', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], patient));
    (await reflector.upgrade()).refuse('503 Service Unavailable');
    await agent.logged(/answered 503/);
    agent.signal('SIGHUP');
    (await reflector.upgrade()).refuse('403 Forbidden');
    await agent.logged(/answered 403/);
    agent.signal('SIGHUP');
    await reflector.tunnel();
  });

  scenario('leaves a live tunnel and its channels alone', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [echo.port]));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    agent.signal('SIGHUP');
    for (let round = 0; round < 50; round++) {
      tunnel.send(data(1, 'still here'));
      await tunnel.expectText(1, 'still here');
    }
    expect(reflector.connections).toBe(1);
  });
});

describe.concurrent('the end', () => {
  scenario.for(['SIGTERM', 'SIGINT'] as const)(
    'by %s is a clean close and status 0',
    async (name, { stage }) => {
      const service = await stage.service();
      const reflector = await stage.reflector();
      const agent = stage.agent(configuration(reflector, [service.port]));
      const tunnel = await reflector.tunnel();
      await tunnel.open(1, service.port);
      const local = await service.connection();
      agent.signal(name);
      expect([1000, 1001]).toContain((await tunnel.closed).code);
      expect(await agent.ended()).toEqual({ status: 0, signal: null });
      await local.gone;
    },
  );

  scenario('does not wait for a reflector that has gone silent', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel();
    await agent.logged(/ connected to/);
    tunnel.socket.pause();
    agent.signal('SIGTERM');
    expect(await agent.ended()).toEqual({ status: 0, signal: null });
  });

  scenario('comes at once between two attempts', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], patient));
    (await reflector.upgrade()).refuse('503 Service Unavailable');
    await agent.logged(/answered 503/);
    agent.signal('SIGTERM');
    expect(await agent.ended()).toEqual({ status: 0, signal: null });
  });

  scenario('comes at once during an attempt', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    await reflector.upgrade();
    agent.signal('SIGTERM');
    expect(await agent.ended()).toEqual({ status: 0, signal: null });
  });
});

describe.concurrent('an agent that was killed', () => {
  /** The processes that this one has started, and those that these have. */
  const descendants = (pid: number): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .flatMap((child) => [Number(child), ...descendants(Number(child))]);

  /** Whether a process is there that is not only waiting to be reaped by its new parent. */
  const runs = (pid: number) =>
    existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

  scenario('leaves no process behind, though nothing happens on the network', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1]));
    await reflector.tunnel();
    const started = descendants(agent.pid);
    agent.signal('SIGKILL');
    await agent.exited;
    const ended = async () => {
      while (started.some(runs)) await new Promise(setImmediate);
    };
    await within(ended(), `the processes ${started} to end`);
  });
});
