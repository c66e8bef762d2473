import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../../limits.ts';
import { Provider } from './provider.ts';

test('oidcDiscoveryMs: the configuration of a provider is asked for again after that', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    const { port } = server.address() as AddressInfo;
    const issuer = `http://localhost:${port}`;
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` }),
    );
  }).listen(0, 'localhost');
  await once(server, 'listening');
  const clock = new ManualClock();
  const settings = {
    ...{ id: 'corp', name: 'Example Corp', clientId: 'rm', clientSecret: 'secret', scopes: ['openid'] },
    issuer: new URL(`http://localhost:${(server.address() as AddressInfo).port}`),
    ...{ nameClaim: 'name', grantsClaim: null, grants: [], membershipMs: 1, loggedOut: null },
    callback: new URL('https://devices.example.com/log-in/oidc/corp/callback'),
  };
  const provider = new Provider(settings, defaultLimits, clock);
  await provider.begin();
  clock.advance(defaultLimits.oidcDiscoveryMs - 1);
  await provider.begin();
  expect(asked).toBe(1);
  clock.advance(1);
  await provider.begin();
  expect(asked).toBe(2);
  server.closeAllConnections();
  server.close();
});
