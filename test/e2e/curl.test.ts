import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Mailbox, within } from '../scenarios/stage/wait.ts';
import { curl, startCurl } from '../system/curl.ts';
import { Lighttpd } from '../system/lighttpd.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { memory } from '../system/process-figures.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** curl as the user, three kinds of web server as the device. */

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rm-curl-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('lighttpd as the device', () => {
  const content = randomBytes(3_000_000);
  let lighttpd: Lighttpd;
  let system: RemoteSystem;

  beforeAll(async () => {
    lighttpd = await Lighttpd.start();
    writeFileSync(join(lighttpd.documents, 'data.bin'), content);
    writeFileSync(join(lighttpd.documents, 'index.html'), '<h1>Device</h1>');
    writeFileSync(join(lighttpd.documents, 'empty.html'), '');
    system = await RemoteSystem.start({ services: [{ port: lighttpd.port, kind: 'http' }] });
  });

  afterAll(async () => {
    await system?.stop();
    await lighttpd?.stop();
  });

  test('serves its pages and files', async () => {
    expect((await curl(system, [`${system.url}/`])).output.toString()).toBe('<h1>Device</h1>');
    expect((await curl(system, [`${system.url}/empty.html`])).output).toHaveLength(0);
    expect(Buffer.compare((await curl(system, [`${system.url}/data.bin`])).output, content)).toBe(0);
  });

  test.each([
    ['0-0', 0, 1],
    ['1000-1999', 1000, 2000],
    ['2999999-', 2_999_999, 3_000_000],
    ['-500', 2_999_500, 3_000_000],
  ])('serves the range %s', async (range, start, end) => {
    const { output } = await curl(system, ['--range', range, `${system.url}/data.bin`]);
    expect(Buffer.compare(output, content.subarray(start, end))).toBe(0);
  });

  test('answers HEAD, 404, 416 and conditional requests as itself', async () => {
    const status = ['--output', '/dev/null', '--write-out', '%{http_code} %header{content-length}'];
    const ask = async (...args: string[]) => (await curl(system, [...status, ...args])).output.toString();
    expect(await ask('--head', `${system.url}/data.bin`)).toBe('200 3000000');
    expect(await ask(`${system.url}/nothing`)).toMatch(/^404 /);
    expect(await ask('--range', '9000000-', `${system.url}/data.bin`)).toMatch(/^416 /);
    const etag = (
      await curl(system, [
        '--head',
        '--write-out',
        '%header{etag}',
        '--output',
        '/dev/null',
        `${system.url}/data.bin`,
      ])
    ).output.toString();
    expect(etag).toMatch(/^".*"$/);
    expect(await ask('--header', `If-None-Match: ${etag}`, `${system.url}/data.bin`)).toMatch(/^304 /);
  });

  test('serves many requests over one connection of the user', async () => {
    const urls = Array.from({ length: 50 }, () => `${system.url}/data.bin`);
    const targets = urls.flatMap((url) => ['--range', '0-99', url]);
    const { output, status } = await curl(system, [...targets, '--write-out', '%{stderr}%{num_connects} ']);
    expect(status).toBe(0);
    expect(output).toHaveLength(50 * 100);
  });

  test('serves many users at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => curl(system, [`${system.url}/data.bin`])));
    for (const { output } of all) expect(Buffer.compare(output, content)).toBe(0);
  });
});

describe('a scripted device', () => {
  interface Exchange {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
  }

  let server: Server;
  let requests: Mailbox<Exchange>;
  let continues: Mailbox<Exchange>;
  let system: RemoteSystem;

  beforeEach(async () => {
    requests = new Mailbox('a request at the device');
    continues = new Mailbox('a request that expects 100-continue');
    server = createServer((request, response) => requests.put({ request, response }));
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      continues.put({ request, response });
    });
    // Nobody else's when it goes away.
    const port = await reservedPort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    system = await RemoteSystem.start({ services: [{ port, kind: 'http' }] });
  });

  afterEach(async () => {
    await system?.stop();
    server.closeAllConnections();
    server.close();
  });

  async function body(request: IncomingMessage): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const bytes of request) parts.push(bytes as Buffer);
    return Buffer.concat(parts);
  }

  test('gets a chunked upload as such', async () => {
    const content = randomBytes(5_000_000);
    const args = ['--header', 'Expect:', '--upload-file', '-', `${system.url}/put`];
    const upload = curl(system, args, content);
    const { request, response } = await requests.next();
    expect(request.headers['transfer-encoding']).toBe('chunked');
    expect(request.headers['content-length']).toBeUndefined();
    expect(Buffer.compare(await body(request), content)).toBe(0);
    response.end('stored');
    expect((await upload).output.toString()).toBe('stored');
  });

  const expecting = ['--header', 'Expect: 100-continue', '--expect100-timeout', '60'];

  test('decides on 100-continue before the body comes', async () => {
    const content = randomBytes(1_000_000);
    const args = [...expecting, '--data-binary', '@-', '--verbose', `${system.url}/post`];
    const upload = curl(system, args, content);
    const { request, response } = await continues.next();
    expect(request.headers.expect).toBe('100-continue');
    response.writeContinue();
    expect(Buffer.compare(await body(request), content)).toBe(0);
    response.end('done');
    const { output, errors } = await upload;
    expect(output.toString()).toBe('done');
    expect(errors).toContain('HTTP/1.1 100 Continue');
  });

  test('refuses a body that it was asked about, and does not get it', async () => {
    const args = [
      ...expecting,
      '--data-binary',
      '@-',
      '--write-out',
      '%{http_code} %{size_upload}',
      `${system.url}/post`,
    ];
    const upload = curl(system, args, randomBytes(1_000_000));
    const { response } = await continues.next();
    response.writeHead(413, { Connection: 'close' }).end();
    expect((await upload).output.toString()).toBe('413 0');
  });

  test('is freed of a download whose client was killed half-way', async () => {
    const child = startCurl(system, ['--output', '/dev/null', `${system.url}/endless`]);
    const { response } = await requests.next();
    const freed = within(once(response, 'close'), 'the connection at the device to be freed');
    const block = randomBytes(1 << 20);
    for (let sent = 0; sent < 64 << 20; sent += block.length) {
      if (!response.write(block)) await once(response, 'drain');
    }
    child.kill('SIGKILL');
    await freed;
    expect(response.writableFinished).toBe(false);
  });

  test('is freed of an upload whose client was killed half-way', async () => {
    const child = startCurl(system, ['--header', 'Expect:', '--upload-file', '-', `${system.url}/put`]);
    child.stdin?.on('error', () => {});
    child.stdin?.write(randomBytes(1_000_000));
    const { request } = await requests.next();
    const closed = new Promise((resolve) => request.socket.on('close', resolve));
    const freed = within(closed, 'the connection at the device to be freed');
    request.on('error', () => {});
    await once(request, 'data');
    request.resume();
    child.kill('SIGKILL');
    await freed;
    expect(request.complete).toBe(false);
  });

  test('is held back by a client that does not read, and then gives all', async () => {
    const child = startCurl(system, [`${system.url}/slow`]);
    const { response } = await requests.next();
    const total = 64 << 20;
    const content = randomBytes(1 << 20);
    let written = 0;
    const writing = (async () => {
      for (; written < total; written += content.length) {
        if (!response.write(content)) await once(response, 'drain');
      }
      response.end();
    })();
    // Nobody reads curl's output: the pipe, then curl, then every buffer on the way fills.
    const before = memory(system.reflector.pid ?? 0).resident;
    await within(once(child.stdout ?? child, 'readable'), 'the first bytes');
    for (let last = -1; written > last; ) {
      last = written;
      // What there is room for has moved on by the time that others have been there and back.
      for (let round = 0; round < 5; round++) {
        const other = curl(system, [`${system.url}/`]);
        (await requests.next()).response.end();
        await other;
      }
    }
    expect(written).toBeLessThan(total);
    expect(memory(system.reflector.pid ?? 0).resident - before).toBeLessThan(16 * 1024);
    let received = 0;
    for await (const bytes of child.stdout ?? []) received += (bytes as Buffer).length;
    await writing;
    expect(received).toBe(total);
  });

  test('that went away gives 502 with a page that says so', async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    const { output } = await curl(system, [
      ...['--header', 'Accept: text/html', '--write-out', '\n%{http_code}'],
      `${system.url}/`,
    ]);
    expect(output.toString()).toMatch(/\n502$/);
    expect(output.toString()).toMatch(/<html/i);
  });

  test('that is off line gives 503', async () => {
    system.agent?.signal('SIGTERM');
    await system.agent?.ended();
    const { output } = await curl(system, ['--write-out', '\n%{http_code}', `${system.url}/`]);
    expect(output.toString()).toMatch(/\n503$/);
  });
});
