import { createHash, randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { get, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { limits } from './limits.ts';
import { pattern } from './pattern.ts';
import { type DemoDevice, startDemoDevice } from './server.ts';

const host = '127.0.0.1';
let device: DemoDevice;
let url: string;

beforeEach(async () => {
  device = await startDemoDevice({ port: 0, host });
  url = `http://${host}:${device.port}`;
});

afterEach(() => device.close());

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

async function body(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

async function command(
  value: string,
  type = 'application/json',
): Promise<[number, { error?: string; setPoint?: number }]> {
  const response = await fetch(`${url}/api/pump`, {
    method: 'POST',
    headers: { 'Content-Type': type },
    body: value,
  });
  return [response.status, (await response.json()) as object];
}

describe('the page', () => {
  it('stands alone: nothing in it is fetched from elsewhere', async () => {
    const response = await fetch(`${url}/`);
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(
      /default-src 'none'; script-src 'sha256-[^']{44}'/,
    );
    for (const id of [
      'live',
      'upload-file',
      'upload-button',
      'upload-sha256',
      'download-link',
      'download-sha256',
    ]) {
      expect(page).toContain(`id="${id}"`);
    }
    expect(page.match(/\b(?:src|href)="(?!data:|download\?)/g)).toBeNull();
  });

  it('is answered to HEAD without a body', async () => {
    const response = await fetch(`${url}/?x`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1000);
    expect(await response.text()).toBe('');
  });

  it('is all there is besides the API', async () => {
    const response = await fetch(`${url}/etc/passwd`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: 'nothing answers to GET /etc/passwd' });
  });
});

describe('the download', () => {
  async function download(path: string, options: RequestOptions = {}): Promise<[IncomingMessage, Buffer]> {
    const [response] = (await once(get(`${url}${path}`, options), 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return [response, Buffer.concat(chunks)];
  }

  it('has the digest that the device tells', async () => {
    const [response, content] = await download('/download?bytes=5000000');
    expect(response.headers).toMatchObject({ 'content-length': '5000000', 'accept-ranges': 'bytes' });
    const told = await (await fetch(`${url}/api/download?bytes=5000000`)).json();
    expect(told).toEqual({ bytes: 5_000_000, sha256: sha256(content) });
  });

  it.each([
    ['bytes=65530-65545', 65_530, 65_546],
    ['bytes=-5', 999_995, 1_000_000],
    ['bytes=999000-', 999_000, 1_000_000],
  ])('sends the range %s', async (range, start, end) => {
    const [response, content] = await download('/download?bytes=1000000', { headers: { range } });
    expect(response.statusCode).toBe(206);
    expect(response.headers['content-range']).toBe(`bytes ${start}-${end - 1}/1000000`);
    expect(content.equals(Buffer.concat([...pattern(start, end)]))).toBe(true);
  });

  it('refuses a range beyond the end', async () => {
    const [response] = await download('/download?bytes=10', { headers: { range: 'bytes=10-' } });
    expect(response.statusCode).toBe(416);
    expect(response.headers['content-range']).toBe('bytes */10');
  });

  it('sends everything when the range is of another content (If-Range)', async () => {
    const range = 'bytes=0-0';
    const [first] = await download('/download?bytes=10', { headers: { range } });
    const [same] = await download('/download?bytes=10', {
      headers: { range, 'if-range': first.headers.etag },
    });
    const [other] = await download('/download?bytes=10', { headers: { range, 'if-range': '"pattern-11"' } });
    expect([first.statusCode, same.statusCode, other.statusCode]).toEqual([206, 206, 200]);
  });

  it('answers HEAD with the length alone', async () => {
    const [response, content] = await download('/download?bytes=4294967296', { method: 'HEAD' });
    expect(response.headers['content-length']).toBe('4294967296');
    expect(content.length).toBe(0);
  });

  it.each(['-1', '1.5', 'x', '', String(limits.downloadBytes + 1)])('refuses bytes=%s', async (bytes) => {
    for (const path of ['/download', '/api/download']) {
      const [response, content] = await download(`${path}?bytes=${bytes}`);
      expect(response.statusCode).toBe(400);
      expect(content.toString()).toContain('bytes must be an integer from 0 to 4294967296');
    }
  });

  it('survives a reader that goes away', async () => {
    const socket = connect(device.port, host);
    socket.write('GET /download?bytes=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect((await fetch(`${url}/api/status`)).status).toBe(200);
  });
});

describe('the upload', () => {
  it.each(['POST', 'PUT'])('is hashed (%s)', async (method) => {
    const content = randomBytes(3_000_001);
    const response = await fetch(`${url}/upload`, { method, body: content });
    expect(await response.json()).toMatchObject({ bytes: content.length, sha256: sha256(content) });
  });

  it('may be chunked, and may wait for 100 Continue', async () => {
    const upload = request(`${url}/upload`, {
      method: 'POST',
      headers: { expect: '100-continue', 'transfer-encoding': 'chunked' },
    });
    upload.flushHeaders();
    await once(upload, 'continue');
    const block = randomBytes(50_000);
    for (let i = 0; i < 20; i++) upload.write(block);
    upload.end();
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    const sent = Buffer.concat(Array.from({ length: 20 }, () => block));
    expect(JSON.parse(await body(response))).toMatchObject({ bytes: 1_000_000, sha256: sha256(sent) });
  });

  it('may be empty', async () => {
    const response = await fetch(`${url}/upload`, { method: 'POST' });
    expect(await response.json()).toMatchObject({ bytes: 0, sha256: sha256(Buffer.of()) });
  });

  it('survives a sender that goes away', async () => {
    const socket = connect(device.port, host);
    socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc');
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect((await fetch(`${url}/api/status`)).status).toBe(200);
  });
});

describe('the live feed', () => {
  it('sends readings that move', async () => {
    const client = new WebSocket(`${url.replace('http', 'ws')}/live`);
    const flows = new Set<number>();
    for await (const [data] of on(client, 'message')) {
      flows.add((JSON.parse(String(data)) as { flow: number }).flow);
      if (flows.size === 3) break;
    }
    client.close();
    await once(client, 'close');
    expect(flows.size).toBe(3);
  });

  it('says good-bye when the device ends', async () => {
    const client = new WebSocket(`${url.replace('http', 'ws')}/live`);
    await once(client, 'message');
    const [[code]] = await Promise.all([once(client, 'close'), device.close()]);
    expect(code).toBe(1001);
  });

  it('ends a client that sends too much', async () => {
    const client = new WebSocket(`${url.replace('http', 'ws')}/live`);
    await once(client, 'open');
    client.send(Buffer.alloc(limits.commandBytes + 1));
    const [code] = await once(client, 'close');
    expect(code).toBe(1009);
  });

  it('is at one path only, and for a bounded number', async () => {
    const elsewhere = new WebSocket(`${url.replace('http', 'ws')}/`);
    const [, refused] = (await once(
      elsewhere.on('error', () => {}),
      'unexpected-response',
    )) as [unknown, IncomingMessage];
    expect(refused.statusCode).toBe(404);
    const clients = Array.from(
      { length: limits.streams },
      () => new WebSocket(`${url.replace('http', 'ws')}/live`),
    );
    await Promise.all(clients.map((client) => once(client, 'open')));
    const late = new WebSocket(`${url.replace('http', 'ws')}/live`).on('error', () => {});
    const [, full] = (await once(late, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(full.statusCode).toBe(503);
  });
});

describe('the events', () => {
  /** The texts of the first `count` events. */
  async function events(
    count: number,
    headers: Record<string, string> = {},
  ): Promise<{ id: number; text: string }[]> {
    const [response] = (await once(get(`${url}/events`, { headers }), 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toBe('text/event-stream');
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      const found = [...text.matchAll(/^data: (.*)\n\n/gm)].map(
        ([, data = '']) => JSON.parse(data) as { id: number; text: string },
      );
      if (found.length >= count) return found;
    }
    throw new Error(`the stream ended with ${text}`);
  }

  it('tells what happened before and what happens', async () => {
    const stream = events(4);
    await command('{ "running": false }');
    await command('{ "running": true, "setPoint": 600 }');
    expect((await stream).map(({ text }) => text)).toEqual([
      'Device started',
      'Pump stopped',
      'Pump started',
      'Set point 600 rpm',
    ]);
  });

  it('repeats what a reader has missed, and no more', async () => {
    await command('{ "running": false }');
    const [first] = await events(2);
    expect((await events(1, { 'Last-Event-ID': String(first?.id) })).map(({ text }) => text)).toEqual([
      'Pump stopped',
    ]);
  });

  it('keeps a bounded number', async () => {
    for (let i = 0; i < limits.events + 5; i++) await command(`{ "setPoint": ${i} }`);
    const kept = await events(limits.events);
    expect(kept).toHaveLength(limits.events);
    expect(kept[0]?.text).toBe('Set point 5 rpm');
  });

  it('has a bounded number of readers, who count no more when they are gone', async () => {
    const open = () => once(get(`${url}/events`), 'response') as Promise<[IncomingMessage]>;
    const readers = await Promise.all(Array.from({ length: limits.streams }, open));
    const [late] = await open();
    expect(late.statusCode).toBe(503);
    for (const [reader] of readers) reader.destroy();
    await expect.poll(async () => (await open())[0].statusCode, { timeout: 120_000 }).toBe(200);
  });
});

describe('the JSON API', () => {
  it('tells the status', async () => {
    const status = await (await fetch(`${url}/api/status`)).json();
    expect(status).toMatchObject({ name: 'Pump 7', setPoint: 1800, reading: { running: true } });
  });

  it.each([
    ['{ "setPoint": 900 }', 200, undefined],
    ['{ "setPoint": 3001 }', 400, 'setPoint must be a number from 0 to 3000'],
    ['{ "setPoint": "1" }', 400, 'setPoint must be a number from 0 to 3000'],
    ['{ "running": 1 }', 400, 'running must be true or false'],
    ['[', 400, 'the command is not JSON'],
    ['null', 400, 'the command is not an object'],
    [`"${'x'.repeat(limits.commandBytes)}"`, 413, 'a command has at most 1024 bytes'],
  ])('answers the command %j with %i', async (value, status, error) => {
    expect(await command(value)).toMatchObject(error === undefined ? [status, {}] : [status, { error }]);
  });

  it('takes no command that a form of another site could send', async () => {
    expect((await command('{ "running": false }', 'text/plain'))[0]).toBe(415);
  });
});

describe('startDemoDevice', () => {
  it('says in one line that the port is taken, and what to do', async () => {
    await expect(startDemoDevice({ port: device.port, host })).rejects.toThrow(
      `port ${device.port} on 127.0.0.1 is taken, choose another with --port`,
    );
  });

  it('says that the address is not its own', async () => {
    await expect(startDemoDevice({ port: 0, host: '192.0.2.1' })).rejects.toThrow(
      '192.0.2.1 is not an address of this machine, choose another with --host',
    );
  });
});
