import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import { TestServer } from '../testing/test-server.ts';

test('domains that the configuration names and do not exist are in the log, at the start and on SIGHUP', async () => {
  const logged: string[] = [];
  const own = {
    desktop: { domains: { acme: 'both' } },
    recording: { domains: { Acme: 'always', acme: 'never' } },
    terminal: { domains: { acme: 'allowed', constructor: 'allowed' } },
  };
  const server = await TestServer.start({ own, logged });
  onTestFinished(() => server.close());
  const warned = () =>
    logged
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter(({ msg }) => msg === 'the configuration names a domain that does not exist')
      .map(({ key, domain }) => `${key} ${domain}`);
  const unknown = ['recording.domains Acme', 'terminal.domains constructor'];
  await until(() => warned().length >= 5);
  expect(warned().sort()).toEqual(
    [...unknown, 'desktop.domains acme', 'recording.domains acme', 'terminal.domains acme'].sort(),
  );
  const alice = await server.signedIn('alice');
  expect((await alice.post('/domains', { id: 'acme' })).status).toBe(201);
  logged.length = 0;
  server.reload();
  await until(() => warned().length >= 2);
  expect(warned()).toEqual(unknown);
});
