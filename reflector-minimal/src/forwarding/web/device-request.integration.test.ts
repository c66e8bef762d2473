import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../testing/ask.ts';
import { authorization, extensions, Stage } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** `events.once` would reject: a request that breaks off has an error as well. */
const closed = (request: IncomingMessage) =>
  new Promise<void>((resolve) => request.once('close', () => resolve()));

/** Sends bytes to the reflector and gives all that comes back until it closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return received;
}

function rawHead(port: number, first: string, ...lines: string[]): string {
  return [first, `Host: dev1.localhost:${port}`, `Authorization: ${authorization}`, ...lines, '\r\n'].join(
    '\r\n',
  );
}

describe.each([
  ['with windows', { extensions }],
  ['an original agent', {}],
])('HTTP to a device, %s', (_title, options) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  test('head, body and their order arrive as sent, without what is of the reflector', async () => {
    const seen: IncomingMessage[] = [];
    const { port: devicePort } = await stage.web((request, response) => {
      seen.push(request);
      response.writeHead(207, 'Fine', [
        'X-B',
        '1',
        'x-a',
        '2',
        'X-B',
        '3',
        'Connection',
        'X-Hop',
        'X-Hop',
        'gone',
      ]);
      response.end('hello');
    }, options);
    const answer = await raw(
      stage.port,
      rawHead(
        stage.port,
        'GET /a/../b?q=%20 HTTP/1.1',
        'x-Second: 2',
        'X-First: 1',
        'x-Second: 3',
        'Connection: close, X-Mine',
        'X-Mine: hop',
        'X-Forwarded-For: 6.6.6.6',
        'Forwarded: for=6.6.6.6',
        'Cookie: a=b',
      ),
    );
    expect(seen[0]?.url).toBe('/a/../b?q=%20');
    const sent = seen[0]?.rawHeaders ?? [];
    expect(sent.slice(0, 8)).toEqual([
      'Host',
      `dev1.localhost:${stage.port}`,
      'x-Second',
      '2',
      'X-First',
      '1',
      'x-Second',
      '3',
    ]);
    const text = sent.join('\n');
    expect(text).not.toMatch(/authorization|x-mine|6\.6\.6\.6|Forwarded\n/i);
    expect(text).toContain('X-Forwarded-For\n127.0.0.1');
    expect(text).toContain('X-Forwarded-Proto\nhttp');
    expect(text).toContain(`X-Forwarded-Host\ndev1.localhost:${stage.port}`);
    expect(text).toContain('Cookie\na=b');
    expect(answer).toMatch(/^HTTP\/1\.1 207 Fine\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\n/);
    expect(answer).not.toMatch(/x-hop/i);
    expect(answer).toMatch(/hello/);
    expect(devicePort).toBeGreaterThan(0);
  });

  test('an upload of 5 MiB in chunks and its echo are the same bytes', async () => {
    await stage.web((request, response) => {
      expect(request.headers['content-length']).toBeUndefined();
      request.pipe(response);
    }, options);
    const body = randomBytes(5 * 1024 * 1024);
    const answer = await ask(stage.port, '/echo', {
      method: 'PUT',
      body,
      headers: { 'Transfer-Encoding': 'chunked' },
    });
    expect(answer.status).toBe(200);
    expect(sha256(answer.body)).toBe(sha256(body));
  });

  test('HEAD, 204, 304 and ranges have the framing that the device gave', async () => {
    const content = randomBytes(100_000);
    await stage.web((request, response) => {
      if (request.url === '/none') return response.writeHead(204).end();
      if (request.url === '/same') return response.writeHead(304, { ETag: '"1"' }).end();
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      const [from, to] = range ? [Number(range[1]), Number(range[2])] : [0, content.length - 1];
      response.writeHead(range ? 206 : 200, {
        'Content-Length': to - from + 1,
        'Content-Range': `bytes ${from}-${to}/${content.length}`,
      });
      return response.end(request.method === 'HEAD' ? undefined : content.subarray(from, to + 1));
    }, options);
    const head = await ask(stage.port, '/', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '100000', 0]);
    expect((await ask(stage.port, '/none')).status).toBe(204);
    const same = await ask(stage.port, '/same');
    expect([same.status, same.headers.etag]).toEqual([304, '"1"']);
    const part = await ask(stage.port, '/', { headers: { Range: 'bytes=70000-70099' } });
    expect(part.status).toBe(206);
    expect(part.body.equals(content.subarray(70_000, 70_100))).toBe(true);
  });

  test('trailers pass in both directions', async () => {
    await stage.web((request, response) => {
      request.resume();
      request.on('end', () => {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('body');
        response.addTrailers({ 'X-Sum': `of ${request.trailers['x-end']}` });
        response.end();
      });
    }, options);
    const request = httpRequest({
      port: stage.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: {
        Host: 'dev1.localhost',
        Authorization: authorization,
        'Transfer-Encoding': 'chunked',
        Trailer: 'X-End',
      },
      agent: false,
    });
    request.write('some');
    request.addTrailers({ 'X-End': 'me' });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    expect(response.trailers).toEqual({ 'x-sum': 'of me' });
  });

  test('"100 Continue" comes from the device, and its refusal too', async () => {
    const { server } = await stage.web((request, response) => request.pipe(response), options);
    const continued: string[] = [];
    server.on('checkContinue', (request, response) => {
      continued.push(request.url ?? '');
      if (request.url === '/no') {
        response.writeHead(417).end();
        return;
      }
      response.writeContinue();
      request.pipe(response);
    });
    const send = (path: string) => {
      const request = httpRequest({
        port: stage.port,
        host: '127.0.0.1',
        path,
        method: 'POST',
        headers: {
          Host: 'dev1.localhost',
          Authorization: authorization,
          Expect: '100-continue',
          'Content-Length': 5,
        },
        agent: false,
      });
      request.flushHeaders();
      return request;
    };
    const yes = send('/yes');
    await once(yes, 'continue');
    yes.end('12345');
    const [response] = (await once(yes, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    const no = send('/no');
    no.on('error', () => {});
    const [refused] = (await once(no, 'response')) as [IncomingMessage];
    expect(refused.statusCode).toBe(417);
    no.destroy();
    expect(continued).toEqual(['/yes', '/no']);
  });

  test('early hints pass', async () => {
    await stage.web((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.end('x');
    }, options);
    const answer = await raw(stage.port, rawHead(stage.port, 'GET / HTTP/1.1', 'Connection: close'));
    expect(answer).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200/i,
    );
  });

  test('a head without a body, and each server-sent event, arrive when they are sent', async () => {
    const events: { send: (text: string) => void; closed: Promise<unknown> }[] = [];
    await stage.web((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      events.push({ send: (text) => response.write(`data: ${text}\n\n`), closed: closed(request) });
    }, options);
    const request = httpRequest({
      port: stage.port,
      host: '127.0.0.1',
      headers: { Host: 'dev1.localhost', Authorization: authorization },
      agent: false,
    });
    request.on('error', () => {});
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    for (const text of ['one', 'two']) {
      events[0]?.send(text);
      const [chunk] = (await once(response, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(`data: ${text}\n\n`);
    }
    // The user leaves: the device's connection ends.
    request.destroy();
    await events[0]?.closed;
  });

  test('a client of HTTP/1.0 gets a response that ends with its connection', async () => {
    await stage.web((_request, response) => {
      response.write('part ');
      response.end('whole');
    }, options);
    const answer = await raw(stage.port, rawHead(stage.port, 'GET / HTTP/1.0'));
    expect(answer).not.toMatch(/transfer-encoding/i);
    expect(answer).toMatch(/\r\n\r\npart whole$/);
  });

  test('a POST without a body says so to the device', async () => {
    await stage.web((request, response) => {
      response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']}`);
    }, options);
    const answer = await raw(stage.port, rawHead(stage.port, 'POST / HTTP/1.1', 'Connection: close'));
    expect(answer).toMatch(/0 undefined/);
  });

  test("an upload that is cut off ends the device's connection", async () => {
    let broken: Promise<unknown> | null = null;
    let started: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const { forwarding } = await stage.web((request) => {
      request.on('error', () => {});
      broken = closed(request);
      request.once('data', () => started());
    }, options);
    const request = httpRequest({
      port: stage.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { Host: 'dev1.localhost', Authorization: authorization, 'Content-Length': 1_000_000 },
      agent: false,
    });
    request.on('error', () => {});
    request.write('begin');
    await begun;
    request.destroy();
    await broken;
    expect(forwarding.opens).toBe(1);
  });
});

describe('HTTP to a device', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage.close());

  test('requests without a body share a connection; the device closing it costs nobody an error', async () => {
    const { forwarding, server } = await stage.web((_request, response) => response.end('ok'));
    for (let i = 0; i < 3; i++) expect((await ask(stage.port, '/')).text).toBe('ok');
    expect(forwarding.opens).toBe(1);
    // The connection is dropped just when the next request is under way: it goes out once more.
    server.once('request', () => {});
    let dropped = false;
    server.prependListener('request', (request) => {
      if (dropped) return;
      dropped = true;
      request.socket.destroy();
    });
    expect((await ask(stage.port, '/again')).text).toBe('ok');
    expect(dropped).toBe(true);
    expect(forwarding.opens).toBe(2);
  });

  test('a request with a body is never sent twice', async () => {
    let requests = 0;
    await stage.web((request) => {
      requests++;
      request.socket.destroy();
    });
    const answer = await ask(stage.port, '/', { method: 'POST', body: 'pay' });
    expect(answer.status).toBe(502);
    expect(requests).toBe(1);
  });

  test('a response that breaks off is not passed on as a whole one', async () => {
    await stage.web((_request, response) => {
      response.writeHead(200, { 'Content-Length': 1000 });
      response.write('a part');
      setImmediate(() => response.socket?.destroy());
    });
    await expect(ask(stage.port, '/')).rejects.toThrow();
  });

  test('an answer before the end of the request reaches the user, and the rest is dropped', async () => {
    await stage.web((request, response) => {
      request.on('error', () => {});
      request.once('data', () => {
        response.writeHead(413);
        response.end('too large');
      });
    });
    const answer = await ask(stage.port, '/', { method: 'POST', body: Buffer.alloc(3_000_000) });
    expect([answer.status, answer.text]).toEqual([413, 'too large']);
  });

  test('a device that answers first and then reads gets the whole upload', async () => {
    const received: number[] = [];
    await stage.web((request, response) => {
      let bytes = 0;
      request.once('data', () => {
        response.writeHead(200, { 'Content-Length': 4 });
        response.write('wait');
      });
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        received.push(bytes);
        response.end();
      });
    });
    const answer = await ask(stage.port, '/', { method: 'POST', body: Buffer.alloc(8_000_000) });
    expect([answer.status, answer.text]).toEqual([200, 'wait']);
    // The last bytes may still be on their way.
    await until(() => received.length === 1);
    expect(received).toEqual([8_000_000]);
  });

  test('a final answer in place of "100 Continue" is the end of it', async () => {
    const { server, forwarding } = await stage.web((_request, response) => response.end());
    server.on('checkContinue', (_request, response) => response.writeHead(403).end('no'));
    const answer = await raw(
      stage.port,
      rawHead(
        stage.port,
        'POST / HTTP/1.1',
        'Expect: 100-continue',
        'Content-Length: 5',
        'Connection: close',
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*no(?:\r\n0\r\n\r\n)?$/);
    expect(forwarding.opens).toBe(1);
  });

  test('a device that resets all but one connection serves page, form and page', async () => {
    let taken = 0;
    const { server } = await stage.web((request, response) => response.end(request.method));
    server.on('connection', (socket) => {
      if (taken === 1) socket.resetAndDestroy();
      else {
        taken++;
        socket.on('close', () => taken--);
      }
    });
    const methods = ['GET', 'POST', 'GET', 'POST', 'POST', 'GET'];
    const answers: string[] = [];
    for (const method of methods) {
      const body = method === 'POST' ? 'form' : '';
      answers.push((await ask(stage.port, '/', { method, body })).text);
    }
    expect(answers).toEqual(methods);
  });

  test('a slow user holds back the device, and gets everything', async () => {
    const size = 8 * 1024 * 1024;
    let sent = () => 0;
    await stage.web(({ url }, response) => {
      if (url === '/small') return response.end();
      const socket = response.socket as Socket;
      sent = () => socket.bytesWritten - socket.writableLength;
      return response.end(Buffer.alloc(size, 7));
    });
    const request = httpRequest({
      port: stage.port,
      host: '127.0.0.1',
      headers: { Host: 'dev1.localhost', Authorization: authorization },
      agent: false,
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    // Nothing is read until what is on the way has come to rest: others get there and back, and it does not move on.
    for (let before = -1; before !== sent(); ) {
      before = sent();
      for (let round = 0; round < 20; round++) await ask(stage.port, '/small');
    }
    const device = [...stage.reflector.presence.local.values()][0];
    expect(device?.tunnel.bytesFrom).toBeLessThan(size);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(size);
  });

  test('a head that breaks HTTP is answered with 502', async () => {
    const { agent, forwarding } = await stage.web((_request, response) => response.end());
    expect(forwarding.opens).toBe(0);
    agent.onFrame = (frame) => {
      if (frame.opcode === 0x01) agent.confirm(frame.channel);
      else if (frame.opcode === 0x00) agent.data(frame.channel, 'SSH-2.0-OpenSSH\r\n');
    };
    const answer = await ask(stage.port, '/', { headers: { Accept: 'text/html' } });
    expect(answer.status).toBe(502);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.text).toContain(
      '<h1>The device&#39;s answer is not HTTP: it begins with “SSH-2.0-OpenSSH”</h1>',
    );
  });
});
