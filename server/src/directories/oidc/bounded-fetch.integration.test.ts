import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../../limits.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { Provider, ProviderUnavailable } from './provider.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

test('oidcAnswerBytes: an answer that is too long is not read to its end', async () => {
  let ended = false;
  const url = await serve((_request, response) => {
    response.on('close', () => {
      ended = true;
    });
    const more = () => {
      while (response.write('x'.repeat(1000)));
    };
    response.on('drain', more);
    more();
  });
  await expect(boundedFetch(url, {}, 10_000)).rejects.toThrow('more than 10000 bytes');
  await expect.poll(() => ended).toBe(true);
});

test('an answer within the bound, and one without a body', async () => {
  const url = await serve((request, response) => {
    response.statusCode = request.url === '/none' ? 204 : 200;
    response.end(request.url === '/none' ? undefined : 'x'.repeat(10));
  });
  expect(await (await boundedFetch(url, {}, 10)).text()).toBe('x'.repeat(10));
  expect((await boundedFetch(`${url}/none`, {}, 10)).status).toBe(204);
});

const nonsense: readonly (readonly [string, RequestListener])[] = [
  ['an error', (_request, response) => response.writeHead(500).end('{}')],
  [
    'no JSON',
    (_request, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('<'),
  ],
  [
    'another issuer',
    (_request, response) =>
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end('{"issuer":"https://evil.example"}'),
  ],
  [
    'a redirect',
    (_request, response) => response.writeHead(302, { Location: 'https://evil.example/' }).end(),
  ],
  ['the end of the connection', (request) => request.socket.destroy()],
];

test.each(nonsense)('a provider that answers with %s is away', async (_what, answer) => {
  const issuer = new URL(await serve(answer));
  const provider = new Provider(
    {
      id: 'corp',
      name: 'Corp',
      issuer,
      clientId: 'c',
      clientSecret: null,
      scopes: ['openid'],
      nameClaim: 'name',
      grantsClaim: null,
      grants: [],
      membershipMs: 1,
      callback: new URL('https://fleet.example.com/'),
      loggedOut: null,
    },
    defaultLimits,
    new ManualClock(),
  );
  await expect(provider.begin()).rejects.toBeInstanceOf(ProviderUnavailable);
  // Without asking again, for a while.
  server.closeAllConnections();
  server.close();
  await expect(provider.begin()).rejects.toBeInstanceOf(ProviderUnavailable);
});
