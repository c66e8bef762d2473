import { createHook } from 'node:async_hooks';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { defaultLimits } from '../limits.ts';
import { Destinations } from './destinations.ts';
import { lookUpName } from './name-lookup.ts';
import { post } from './post.ts';

const types = { 1: 'A', 28: 'AAAA' } as const;
type Question = `${string} ${(typeof types)[keyof typeof types]}`;

/** A name server with these answers, as bytes of addresses; `null`: it says that there is no such name, `undefined`: nothing. */
class NameServer {
  readonly asked: Question[] = [];
  readonly #socket: Socket;

  static async start(answers: (question: Question) => readonly number[] | null | undefined) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket, answers);
  }

  private constructor(socket: Socket, answers: Parameters<typeof NameServer.start>[0]) {
    this.#socket = socket;
    socket.on('message', (query, { port, address }) => {
      const labels: string[] = [];
      let at = 12;
      while (query[at]) {
        const length = query[at++] ?? 0;
        labels.push(query.toString('latin1', at, at + length));
        at += length;
      }
      const type = query.readUInt16BE(at + 1) as keyof typeof types;
      const question: Question = `${labels.join('.')} ${types[type]}`;
      this.asked.push(question);
      const answer = answers(question);
      if (answer === undefined) return;
      // A response, recursion desired and available, and 3: there is no such name (RFC 1035, 4.1.1).
      const flags = answer === null ? [0x81, 0x83] : [0x81, 0x80];
      const counts = [0, 1, 0, answer?.length ? 1 : 0, 0, 0, 0, 0];
      const record = [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, answer?.length ?? 0, ...(answer ?? [])];
      const reply = [
        ...[query.subarray(0, 2), Buffer.from(flags), Buffer.from(counts)],
        query.subarray(12, at + 5),
        ...(answer?.length ? [Buffer.from(record)] : []),
      ];
      socket.send(Buffer.concat(reply), port, address);
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Resolves with the next question. */
  async question(): Promise<void> {
    await once(this.#socket, 'message');
  }

  end(): void {
    this.#socket.close();
  }
}

let folder: string;
let server: NameServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-names-'));
});
afterEach(() => {
  server?.end();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
/** What waits for an answer waits for ever. */
let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

/** Asks the name server of this test, on a machine with these files. */
async function look(
  name: string,
  answers: Parameters<typeof NameServer.start>[0],
  { hosts = '', settings = '' } = {},
): Promise<string[]> {
  server = await NameServer.start(answers);
  const [hostsFile, resolverFile] = [join(folder, 'hosts'), join(folder, 'resolv.conf')];
  writeFileSync(hostsFile, hosts);
  writeFileSync(resolverFile, settings);
  const found = await lookUpName(
    name,
    { signal: never, clock },
    { servers: [server.address], hostsFile, resolverFile },
  );
  return found.map(({ address, family }) => `${address} ${family}`);
}

const v4 = [192, 0, 2, 1];
const v6 = [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), 1];

describe('the addresses of a name', () => {
  test('are those of both families', async () => {
    const found = await look('Receiver.example.com', (question) => (question.endsWith(' A') ? v4 : v6));
    expect(found).toEqual(['192.0.2.1 4', '2001:db8::1 6']);
  });

  test('are those of one family where there is no other', async () => {
    expect(await look('a.example', (question) => (question.endsWith(' A') ? v4 : null))).toEqual([
      '192.0.2.1 4',
    ]);
  });

  test.each([
    ['A', '192.0.2.1 4', v4],
    ['AAAA', '2001:db8::1 6', v6],
  ])('of family %s are used though nobody answers for the other', async (family, address, bytes) => {
    const looking = look('a.example', (question) => (question.endsWith(` ${family}`) ? bytes : undefined));
    await until(() => clock.pending === 1);
    clock.advance(1_000);
    expect([await looking, clock.pending]).toEqual([[address], 0]);
  });

  test('there are none, once the name server says so for one family', async () => {
    const looking = look('a.example', (question) => (question.endsWith(' A') ? null : undefined));
    await until(() => clock.pending === 1);
    clock.advance(1_000);
    await expect(looking).rejects.toThrow('the name a.example has no address');
  });

  test('of the second family are waited for while the first one has none', async () => {
    const none: number[] = [];
    const found = await look('a.example', (question) => (question.endsWith(' A') ? none : v6));
    expect(found).toEqual(['2001:db8::1 6']);
  });

  test('are those of the hosts file, and nobody is asked', async () => {
    const hosts = '# 192.0.2.8 a.example\n192.0.2.9 other A.example # own\n2001:db8::9\ta.example\n';
    expect(await look('a.Example.', () => v4, { hosts })).toEqual(['192.0.2.9 4', '2001:db8::9 6']);
    expect(server?.asked).toEqual([]);
  });

  test.each(['localhost', 'a.localhost'])('of %s are loopback, whatever is said', async (name) => {
    expect(await look(name, () => v4, { hosts: '192.0.2.9 localhost' })).toEqual(['127.0.0.1 4', '::1 6']);
  });

  test('are found by the search list, which does not count for a name with a dot at its end', async () => {
    const settings = 'search former.example\nnameserver 192.0.2.7\nsearch one.example two.example.\n';
    const inTwo = (question: Question) => (question === 'receiver.two.example A' ? v4 : null);
    expect(await look('receiver', inTwo, { settings })).toEqual(['192.0.2.1 4']);
    expect(server?.asked).not.toContain('receiver.former.example A');
    server?.end();
    await expect(look('receiver.', inTwo, { settings })).rejects.toThrow('the name receiver has no address');
  });
});

test('a look-up that nobody waits for ends at once, though no name server answers', async () => {
  server = await NameServer.start(() => undefined);
  const stop = new AbortController();
  const files = { hostsFile: join(folder, 'none'), resolverFile: join(folder, 'none') };
  const looking = lookUpName(
    'a.example',
    { signal: stop.signal, clock },
    { servers: [server.address], ...files },
  );
  await server.question();
  stop.abort();
  await expect(looking).rejects.toBe(stop.signal.reason);
});

describe('a post', () => {
  const context = { clock: new ManualClock(), limits: defaultLimits, destinations: new Destinations([]) };
  const posting = { url: 'https://receiver.invalid/', headers: {}, body: '{}' };

  test('webhookMs: ends its look-up when its time is over', async () => {
    const looks: AbortSignal[] = [];
    const resolve = (_name: string, signal: AbortSignal) => {
      looks.push(signal);
      return new Promise<never>(() => {});
    };
    const outcome = post({ ...context, resolve }, posting, never);
    expect(looks.map(({ aborted }) => aborted)).toEqual([false]);
    context.clock.advance(defaultLimits.webhookMs);
    expect(await outcome).toMatchObject({ status: null, error: 'no answer within 15 s' });
    expect(looks.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('takes none of the threads of the process for its look-up', async () => {
    const begun: string[] = [];
    const hook = createHook({ init: (_id, type) => begun.push(type) }).enable();
    const stop = new AbortController();
    const outcome = post(context, posting, stop.signal);
    stop.abort();
    await outcome;
    hook.disable();
    expect(begun).not.toContain('GETADDRINFOREQWRAP');
  });
});
