import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { root } from '../checkout.ts';
import { within } from '../scenarios/stage/wait.ts';
import { openLoggedIn, startChromium } from '../system/chromium.ts';
import { curl, startCurl } from '../system/curl.ts';
import { gone } from '../system/end-process.ts';
import { RemoteSystem } from '../system/remote-system.ts';
import { type WireConnection, WireDevice } from '../system/wire-device.ts';

/*
 * What is not whole never looks whole to curl and Chromium: a download that only the end of the connection delimits, on
 * every way in which it can be cut in the middle, and an upload that the device answers before it has the whole of it.
 */

const agents: [string, string[]][] = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
];

/** CURLE_PARTIAL_FILE and CURLE_RECV_ERROR. */
const failed = [18, 56];

const directory = mkdtempSync(join(tmpdir(), 'rm-losses-'));
const control = join(directory, 'control.sock');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let device: WireDevice;
let system: RemoteSystem;
afterEach(async () => {
  await system?.stop();
  await device?.stop();
});

async function start(agent: readonly string[]): Promise<void> {
  device = await WireDevice.start(({ socket, head }) => {
    const status = /^Upgrade: websocket/im.test(head) ? '403 No' : '200 OK';
    socket.write(`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n\r\nthe first part`);
  });
  system = await RemoteSystem.start({
    services: [{ port: device.port, kind: 'http' }],
    agent,
    configuration: { control },
  });
}

/** curl, once it has the first part. */
async function download(...args: string[]): Promise<{ child: ChildProcess; connection: WireConnection }> {
  const child = startCurl(system, ['--no-buffer', ...args, `${system.url}/`]);
  const connection = await device.connections.next();
  if (!child.stdout) throw new Error('no output');
  await within(once(child.stdout, 'data'), 'the first part');
  return { child, connection };
}

async function statusOf(curl: ChildProcess): Promise<number | null> {
  await within(gone(curl), 'curl to end');
  return curl.exitCode;
}

const ways: Record<string, (connections: readonly WireConnection[]) => void> = {
  'the device resets the connection': (connections) => {
    for (const { socket } of connections) socket.resetAndDestroy();
  },
  'the agent is ended': () => system.agent?.signal('SIGTERM'),
  'the agent is killed': () => system.agent?.signal('SIGKILL'),
  'the device is disabled': () => {
    const { status } = spawnSync(
      agent[0] ?? '',
      [...agent.slice(1), 'disable', '--config', join(system.directory, 'rm-agent.json')],
      { cwd: root },
    );
    expect(status).toBe(0);
  },
  'the reflector is ended': () => system.reflector.kill('SIGTERM'),
  'the reflector is killed': () => system.reflector.kill('SIGKILL'),
};

let agent: readonly string[];

describe.each(agents)('a download with %s', (_name, words) => {
  const users: [string, string[]][] = [
    ['HTTP/1.1', []],
    ['HTTP/1.0', ['--http1.0']],
    [
      'a refused upgrade',
      [
        '--header',
        'Connection: Upgrade',
        '--header',
        'Upgrade: websocket',
        '--header',
        'Sec-WebSocket-Version: 13',
        '--header',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
    ],
  ];

  test.each(Object.keys(ways))('fails for every user when %s', async (way) => {
    agent = words;
    await start(words);
    const downloads = [];
    for (const [name, args] of users) downloads.push({ name, ...(await download(...args)) });
    ways[way]?.(downloads.map(({ connection }) => connection));
    // Nobody is left to reset a connection that only its end delimits.
    const told = way.endsWith('reflector is killed') ? users.filter(([name]) => name !== 'HTTP/1.0') : users;
    const ended = await Promise.all(downloads.map(async ({ name, child }) => [name, await statusOf(child)]));
    expect(ended.filter(([name]) => told.some(([user]) => user === name))).toEqual(
      told.map(([name]) => [name, expect.toBeOneOf(failed)]),
    );
  });

  test('is whole when the device closes in order', async () => {
    await start(words);
    for (const [, args] of users) {
      const { child, connection } = await download(...args);
      connection.socket.end('and the last');
      expect(await statusOf(child)).toBe(0);
    }
  });
});

describe.each(agents)('an upload that is answered first with %s', (_name, words) => {
  const size = 8 * 1024 * 1024;
  /** A CGI that prints "do not switch off" and stores the image then. */
  const answers: Record<string, string> = {
    'with its length': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwait',
    'in chunks, and closes':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n0\r\n\r\n',
    'without a body': 'HTTP/1.1 204 None\r\n\r\n',
    'in HTTP/1.0': 'HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nwait',
    'with a fault': 'HTTP/1.1 500 Fault\r\nContent-Length: 4\r\n\r\nwait',
  };

  async function startAnswering(answer: string): Promise<void> {
    device = await WireDevice.start(({ socket, head }) => {
      socket.write(/^POST/.test(head) ? answer : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    system = await RemoteSystem.start({ services: [{ port: device.port, kind: 'http' }], agent: words });
  }

  test.each(Object.keys(answers).filter((name) => name !== 'with a fault'))('by curl: %s', async (name) => {
    await startAnswering(answers[name] ?? '');
    for (const framing of [[], ['--header', 'Transfer-Encoding: chunked']]) {
      const result = await curl(
        system,
        ['--header', 'Expect:', ...framing, '--data-binary', '@-', `${system.url}/`],
        Buffer.alloc(size, 7),
      );
      const { until, socket } = await device.connections.next();
      expect([result.status, result.output.toString()]).toEqual([0, name === 'without a body' ? '' : 'wait']);
      // The chunks' own lines come on top.
      expect(await until(size)).toBeGreaterThanOrEqual(size);
      // Until it has closed, the next one waits: the device may take one connection at a time.
      socket.end();
    }
  });

  test('by Chromium, of every kind', async () => {
    let answer = '';
    device = await WireDevice.start(({ socket, head }) => {
      socket.write(/^POST/.test(head) ? answer : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    system = await RemoteSystem.start({ services: [{ port: device.port, kind: 'http' }], agent: words });
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      await openLoggedIn(page, `${system.url}/`, system);
      for (const [name, said] of Object.entries(answers)) {
        answer = said;
        const status = await page.evaluate(async (bytes) => {
          const response = await fetch('/', { method: 'POST', body: new Uint8Array(bytes) });
          await response.text();
          return response.status;
        }, size);
        let upload = await device.connections.next();
        while (!upload.head.startsWith('POST')) upload = await device.connections.next();
        expect([name, status, await upload.until(size)]).toEqual([name, Number(said.slice(9, 12)), size]);
        upload.socket.end();
      }
    } finally {
      await browser.close();
    }
  });
});

describe('the page of a device that answers something else', () => {
  test('says what was wrong with it', async () => {
    device = await WireDevice.start(({ socket }) => {
      socket.end('HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n');
    });
    system = await RemoteSystem.start({ services: [{ port: device.port, kind: 'http' }] });
    const { output } = await curl(system, [`${system.url}/`]);
    expect(output.toString()).toBe(
      "The device's answer is not HTTP: header line 1 holds a carriage return\n",
    );
  });
});
