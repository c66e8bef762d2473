import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { addDevice } from '../testing/test-device.ts';
import { TestServer } from '../testing/test-server.ts';
import { Destinations } from './destinations.ts';
import { post, type Resolve } from './post.ts';

let receiver: Server | undefined;
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  receiver?.closeAllConnections();
  receiver?.close();
  server = undefined;
});

async function receive(listener: RequestListener): Promise<string> {
  receiver = createServer(listener).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece as string;
  return text;
}

describe('one post', () => {
  const clock = new ManualClock();
  const limits = { ...defaultLimits, webhookAnswerBytes: 100 };
  const at = (
    url: string,
    { allow = ['127.0.0.1'], resolve }: { allow?: string[]; resolve?: Resolve } = {},
  ) => {
    const context = { clock, limits, destinations: new Destinations(allow), ...(resolve ? { resolve } : {}) };
    return post(context, { url, headers: {}, body: '{}' }, new AbortController().signal);
  };

  test('webhookAnswerBytes: a receiver that answers without end is read for some bytes only', async () => {
    const url = await receive((_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await at(url)).toMatchObject({ status: 200, answer: 'x'.repeat(100) });
  });

  test('webhookMs: a receiver that does not answer is waited for for a while', async () => {
    let came = () => {};
    const asked = new Promise<void>((resolve) => {
      came = resolve;
    });
    const outcome = at(await receive(() => came()));
    await asked;
    clock.advance(defaultLimits.webhookMs);
    expect(await outcome).toMatchObject({ status: null, error: 'no answer within 15 s' });
  });

  test('webhookMs: a receiver that answers with its head only is waited for for a while', async () => {
    const url = await receive((_request, response) => response.flushHeaders());
    const answered = new Promise<void>((resolve) => {
      const heard = () => {
        unsubscribe('http.client.response.finish', heard);
        resolve();
      };
      subscribe('http.client.response.finish', heard);
    });
    const outcome = at(url);
    await answered;
    clock.advance(defaultLimits.webhookMs);
    expect(await outcome).toMatchObject({ status: 200 });
  });

  test('a redirect is not followed', async () => {
    let requests = 0;
    const url = await receive((_request, response) => {
      requests++;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await at(url)).toMatchObject({ status: 302 });
    expect(requests).toBe(1);
  });

  test.each([
    ...[
      'http://127.0.0.1/',
      'http://[::1]/',
      'http://0x7f.1/',
      'http://2130706433/',
      'https://169.254.169.254/latest',
    ],
    ...['https://localhost/', 'http://[::ffff:127.0.0.1]/'],
  ])('%s is refused', async (url) => {
    expect(await at(url, { allow: [] })).toMatchObject({
      status: null,
      error: expect.stringContaining('not an address of the public internet'),
    });
  });

  test('a name is judged by where it leads when the connection is made', async () => {
    const url = await receive((_request, response) => response.end('hello'));
    const { port } = new URL(url);
    let address = '127.0.0.1';
    const resolve: Resolve = async () => [{ address, family: 4 }];
    const named = `http://receiver.example:${port}/`;
    expect(await at(named, { resolve })).toMatchObject({ status: 200, answer: 'hello' });
    address = '10.0.0.1';
    expect(await at(named, { resolve })).toMatchObject({
      status: null,
      error: expect.stringContaining('10.0.0.1'),
    });
  });
});

describe('by the API', () => {
  const north = '00000000-0000-0000-0000-00000000000a';
  interface Shown {
    readonly id: string;
    readonly secret: string;
    readonly version: number;
  }
  beforeEach(async () => {
    server = await TestServer.start({
      own: { webhooks: { allow: ['127.0.0.1'] } },
      limits: { eventsBatchMs: 10, eventsPollMs: 20, webhookTickMs: 20, webhookPauseMs: 20 },
    });
    expect((await api().post('/domains', { id: north })).status).toBe(201);
  });
  const api = (user = 'alice') => {
    if (!server) throw new Error('no server');
    return server.as(user);
  };
  const created = async (body: object): Promise<Shown> => {
    const { status, body: shown } = await api().post('/webhooks', body);
    expect(status).toBe(201);
    return shown as Shown;
  };

  test('events come signed, are seen, and can be sent again', async () => {
    const posts: { headers: Record<string, string>; body: string }[] = [];
    const url = await receive(async (request, response) => {
      posts.push({ headers: request.headers as Record<string, string>, body: await bodyOf(request) });
      response.end('thanks');
    });
    const { id, secret } = await created({ url, kinds: ['device.added'], domain: north });
    if (!server) throw new Error('no server');
    await addDevice(server, 'dev1', north);
    await expect.poll(() => posts.length, { timeout: 60_000 }).toBe(1);
    const [first] = posts;
    expect(new Verifier(secret).verify(first?.body ?? '', first?.headers ?? {})).toEqual({
      type: 'device.added',
      timestamp: expect.any(String),
      data: { device: 'dev1', domain: north },
    });
    const deliveries = async () =>
      ((await api().get(`/webhooks/${id}/deliveries`)).body as { items: Record<string, unknown>[] }).items;
    await expect.poll(async () => (await deliveries())[0]?.state, { timeout: 60_000 }).toBe('delivered');
    const [delivery] = await deliveries();
    expect(delivery).toMatchObject({ attempts: 1, status: 200, answer: 'thanks', kind: 'device.added' });
    const one = await api().get(`/webhooks/${id}/deliveries/${delivery?.id}`);
    expect(one.body).toMatchObject({ payload: first?.body });
    expect((await api().post(`/webhooks/${id}/deliveries/${delivery?.id}/replay`)).status).toBe(202);
    await expect.poll(() => posts.length, { timeout: 60_000 }).toBe(2);
    expect(posts[1]?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect((await api().get(`/webhooks/${id}`)).text).not.toContain(secret);
  });

  test('both secrets sign after the secret was renewed', async () => {
    const posts: { headers: Record<string, string>; body: string }[] = [];
    const url = await receive(async (request, response) => {
      posts.push({ headers: request.headers as Record<string, string>, body: await bodyOf(request) });
      response.end();
    });
    const { id, secret } = await created({ url });
    const renewed = (await api().post(`/webhooks/${id}/secret`)).body as Shown;
    expect(renewed.secret).not.toBe(secret);
    expect((await api().post(`/webhooks/${id}/test`)).status).toBe(202);
    await expect
      .poll(() => posts.some(({ body }) => body.includes('webhook.test')), { timeout: 60_000 })
      .toBe(true);
    const test = posts.find(({ body }) => body.includes('webhook.test'));
    for (const one of [secret, renewed.secret])
      new Verifier(one).verify(test?.body ?? '', test?.headers ?? {});
  });

  test('a webhook is changed by its version, and removed', async () => {
    const { id, version } = await created({ url: 'https://example.com/hook' });
    expect((await api().patch(`/webhooks/${id}`, { enabled: false })).status).toBe(428);
    const changed = await api().patch(`/webhooks/${id}`, { enabled: false }, { 'if-match': `"${version}"` });
    expect([changed.status, changed.body]).toMatchObject([200, { enabled: false, version: version + 1 }]);
    expect((await api().patch(`/webhooks/${id}`, {}, { 'if-match': `"${version}"` })).status).toBe(412);
    expect((await api().post(`/webhooks/${id}/test`)).status).toBe(409);
    expect((await api().delete(`/webhooks/${id}`)).status).toBe(204);
    expect((await api().get(`/webhooks/${id}`)).status).toBe(404);
  });

  test.each([
    ['ftp://example.com/', 'must begin with'],
    ['https://a:b@example.com/', 'name and password'],
    ['https://example.com/#x', 'fragment'],
    ['nonsense', 'no address'],
  ])('%s is no webhook', async (url, detail) => {
    expect(await api().post('/webhooks', { url })).toMatchObject({
      status: 422,
      body: { errors: [{ field: '/url', detail: expect.stringContaining(detail) }] },
    });
  });

  test('what was sent of everything is not shown to who has the webhook of one domain then', async () => {
    const { id } = await created({ url: 'https://example.com/', domain: null });
    await api().post(`/webhooks/${id}/test`);
    const deliveries = async () => (await api().get(`/webhooks/${id}/deliveries`)).body;
    expect(await deliveries()).toMatchObject({ items: [{ kind: 'webhook.test' }] });
    await api().patch(`/webhooks/${id}`, { description: 'x' }, { 'if-match': '*' });
    expect(await deliveries()).toMatchObject({ items: [{}] });
    await api().patch(`/webhooks/${id}`, { domain: north }, { 'if-match': '*' });
    expect(await deliveries()).toEqual({ items: [], next: null });
  });

  test('an API key has to name all that a webhook is told', async () => {
    const all = ['webhooks.write', 'events.read', 'audit.read'];
    for (const [permissions, status] of [
      [all.slice(0, 1), 403],
      [all, 201],
    ] as const) {
      const made = (await api().post('/keys', { name: permissions.join(), permissions })).body as Shown;
      const program = server?.withToken(made.secret);
      expect((await program?.post('/webhooks', { url: 'https://example.com/' }))?.status).toBe(status);
    }
  });

  test('an API key has to name all that a webhook is told to read what it was told', async () => {
    const { id } = await created({ url: 'https://example.com/' });
    const { body } = await api().post(`/webhooks/${id}/test`);
    const permissions = ['webhooks.write'];
    const made = (await api().post('/keys', { name: 'of a program', permissions })).body as Shown;
    const program = server?.withToken(made.secret);
    expect((await program?.get(`/webhooks/${id}`))?.status).toBe(200);
    for (const path of ['', `/${(body as Shown).id}`]) {
      expect((await program?.get(`/webhooks/${id}/deliveries${path}`))?.status).toBe(403);
    }
  });

  test('a domain has to be there', async () => {
    const unknown = {
      status: 422,
      body: { errors: [{ field: '/domain', detail: 'there is no such domain, or you may not see it' }] },
    };
    const url = 'https://example.com/';
    expect(await api().post('/webhooks', { url, domain: 'nowhere' })).toMatchObject(unknown);
    const { id } = await created({ url });
    const moved = await api().patch(`/webhooks/${id}`, { domain: 'nowhere' }, { 'if-match': '*' });
    expect(moved).toMatchObject(unknown);
  });

  test('it ends with the rights of who has made it, also where another user gets that name', async () => {
    const posts: string[] = [];
    const url = await receive(async (request, response) => {
      posts.push(await bodyOf(request));
      response.end();
    });
    await server?.addUser('dora');
    const grant = { user: 'dora', role: 'administrator', domain: north };
    const { id: granted } = (await api().post('/grants', grant)).body as Shown;
    const made = await api('dora').post('/webhooks', { url, domain: north, kinds: ['device.added'] });
    const { id } = made.body as Shown;
    expect(made).toMatchObject({ status: 201, body: { creator: 'dora' } });
    const isEnabled = async () => ((await api().get(`/webhooks/${id}`)).body as { enabled: boolean }).enabled;
    expect((await api().delete(`/grants/${granted}`)).status).toBe(204);
    await expect.poll(isEnabled, { timeout: 60_000 }).toBe(false);
    expect((await api().get(`/webhooks/${id}`)).body).toMatchObject({
      reason: 'dora, whose it was, may not have it any more',
    });
    await api().post('/grants', grant);
    if (!server) throw new Error('no server');
    await addDevice(server, 'dev1', north);
    expect((await api('dora').patch(`/webhooks/${id}`, { enabled: true }, { 'if-match': '*' })).status).toBe(
      200,
    );
    await addDevice(server, 'dev2', north);
    await expect.poll(() => posts.length, { timeout: 60_000 }).toBe(1);
    expect(posts[0]).toContain('dev2');
    await server.reflector.store.users.remove('dora', false);
    await server.addUser('dora', north);
    await api().post('/grants', grant);
    await expect.poll(isEnabled, { timeout: 60_000 }).toBe(false);
  });

  test('who may not write webhooks does not see them', async () => {
    const { id } = await created({ url: 'https://example.com/' });
    await server?.addUser('carol', north);
    for (const path of ['/webhooks', `/webhooks/${id}`, `/webhooks/${id}/deliveries`]) {
      expect((await api('carol').get(path)).status).toBe(403);
    }
  });
});
