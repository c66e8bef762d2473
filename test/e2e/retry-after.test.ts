import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Clock, deviceSecrets, type Limits, type Reflector, startReflector } from 'rm-reflector';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { Stage } from '../scenarios/stage/stage.ts';
import { Mailbox } from '../scenarios/stage/wait.ts';

/** What a reflector asks for that has no room, or is overrun after a start, is what real agents do. */

const agents = [['node', 'dist/node/rm-agent.mjs'], ['dist/x86_64/rm-agent']].filter((words) =>
  existsSync(join(root, words.at(-1) ?? '')),
);

const domain = '00000000-0000-0000-0000-0000000000aa';

/** An attempt of a device as it is seen on the way: when it came, and what it was answered, before the device knew. */
interface Visit {
  readonly cameMs: number;
  readonly answeredMs: number;
  readonly status: string;
  readonly retryAfter: number | null;
}

let stage: Stage;
let endings: (() => unknown)[];

beforeEach(() => {
  stage = new Stage();
  endings = [];
});

afterEach(async () => {
  await stage.end();
  for (const end of endings.reverse()) await end();
});

async function reflectorWith(limits: Partial<Limits>, clock?: Clock): Promise<Reflector> {
  const reflector = await startReflector({ limits, ...(clock && { clock }) });
  endings.push(() => reflector.close());
  return reflector;
}

/** A way to the reflector on which attempts are seen. */
async function way(
  reflector: Reflector,
): Promise<{ readonly port: number; readonly visits: Mailbox<Visit> }> {
  const visits = new Mailbox<Visit>('the next attempt to be answered');
  const server = createServer((device) => {
    const cameMs = performance.now();
    const peer = connect(reflector.port, '127.0.0.1');
    peer.once('data', (bytes) => {
      const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1')) ?? [];
      const [, seconds] = /^Retry-After: (\d+)\r$/im.exec(bytes.toString('latin1')) ?? [];
      const retryAfter = seconds === undefined ? null : Number(seconds);
      visits.put({ cameMs, answeredMs: performance.now(), status, retryAfter });
    });
    for (const [from, to] of [
      [device, peer],
      [peer, device],
    ] as const) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, visits };
}

/** An agent that would come again within a second if nobody asked it to wait. */
async function agentFor(
  reflector: Reflector,
  port: number,
  id: string,
  command: readonly string[],
): Promise<AgentProcess> {
  await reflector.store.devices.add(
    { id, domain, secrets: await deviceSecrets(id, domain, 'password', false) },
    Date.now(),
    null,
  );
  const file = stage.file(
    JSON.stringify({
      reflector: `http://127.0.0.1:${port}/`,
      device: { id, domain, password: 'password' },
      services: [{ port: 80, kind: 'http' }],
      control: null,
      stateFile: null,
      reconnect: { min: 1, max: 1 },
      log: { level: 'debug' },
    }),
  );
  return stage.adopt(AgentProcess.start(['--config', file], {}, command));
}

/** Whatever the machine is busy with, a visit is never seen to come sooner than the device made it. */
function expectPatience(refused: Visit, next: Visit, seconds: number): void {
  expect(refused).toMatchObject({ status: '503', retryAfter: seconds });
  expect(next.cameMs - refused.answeredMs).toBeGreaterThanOrEqual(seconds * 1000);
}

describe.each(agents.map((command) => [command.join(' '), command] as const))('%s', (_name, command) => {
  it('waits as long as a reflector without room asks, and gets in when there is some', async () => {
    const reflector = await reflectorWith({ tunnels: 1, arrivalsAskedMs: 20_000 });
    const first = await agentFor(reflector, reflector.port, 'dev1', command);
    await first.logged(/connected to/);
    const { port, visits } = await way(reflector);
    const second = await agentFor(reflector, port, 'dev2', command);
    const refused = await visits.next();
    expect(await second.logged(/not connected: .*503/)).toMatch(/next attempt in [2-4](\.\d+)? s/);
    const again = await visits.next();
    expectPatience(refused, again, 2);
    first.signal('SIGTERM');
    await first.ended();
    const last = await visits.next();
    expectPatience(again, last, 2);
    expect(last.status).toBe('101');
    await second.logged(/ connected to/);
  });

  it('comes again when it is its turn after a start', async () => {
    let nowMs = 0;
    const clock: Clock = {
      now: () => nowMs,
      date: () => Date.now(),
      schedule(delayMs, run) {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    };
    const rate = { arrivalsAtOnce: 1, arrivalsPerSecondAtStart: 0.5, arrivalsPerSecond: 0.5 };
    const reflector = await reflectorWith(rate, clock);
    const first = await agentFor(reflector, reflector.port, 'dev1', command);
    await first.logged(/connected to/);
    const { port, visits } = await way(reflector);
    const second = await agentFor(reflector, port, 'dev2', command);
    const refused = await visits.next();
    nowMs = 2000;
    const next = await visits.next();
    expectPatience(refused, next, 2);
    expect(next.status).toBe('101');
    await second.logged(/ connected to/);
  });
});
