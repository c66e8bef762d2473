import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import type { Authenticator } from '../ports/authenticators.ts';
import type { Store } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { ask } from '../testing/ask.ts';
import { RawUser } from '../testing/raw-user.ts';
import { authorization, Stage } from '../testing/stage.ts';

let stage: Stage;
afterEach(() => stage.close());

/** A key of Alice's that counts for three seconds each time, and one that opens no devices. */
const keys = (store: Store, clock: ManualClock): Authenticator<'token'> => ({
  name: 'key',
  accepts: 'token',
  async prove({ token }) {
    const user = await store.users.get('alice');
    if (!user) return null;
    const proof = { user, session: null, until: clock.date() + 3_000 };
    if (token === 'rmk_api') return { ...proof, key: 'inventory', only: 'own' };
    return token === 'rmk_0123456789abcdef' ? proof : null;
  },
});

test('an added authenticator lets in, has its name in the audit log, and what it let in ends in time', async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const recorded = () => lines.filter((line) => line.includes('"by":"key"')).length;
  stage = await Stage.open({ clock, log, authenticators: (store) => [keys(store, clock)] });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  await stage.web((request, response) => {
    if (request.url !== '/stream') response.end('page');
    else response.write('begun', begin);
  });
  const by = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
  expect((await ask(stage.port, '/', by('rmk_0123456789abcdef'))).text).toBe('page');
  expect((await ask(stage.port, '/', by('rmk_another'))).status).toBe(401);
  expect(recorded()).toBe(1);

  let ended = false;
  const stream = ask(stage.port, '/stream', by('rmk_0123456789abcdef'))
    .catch(() => {})
    .finally(() => {
      ended = true;
    });
  await begun;
  // As often as it is looked at what is live; the last time is after the proof has ended.
  for (const expected of [false, true]) {
    clock.advance(defaultLimits.storePollMs);
    expect((await ask(stage.port, '/', by('rmk_0123456789abcdef'))).text).toBe('page');
    if (expected) await stream;
    expect(ended).toBe(expected);
  }
});

test('a key for interfaces alone opens no device, names itself to routes, and reaches no device', async () => {
  const clock = new ManualClock();
  stage = await Stage.open({
    clock,
    authenticators: (store) => [keys(store, clock)],
    routes: [
      {
        access: 'user',
        methods: ['GET'],
        path: '/key',
        answer: ({ identity }) => ({ status: 200, body: `${identity.key}` }),
      },
    ],
  });
  const seen: (string | undefined)[] = [];
  await stage.web((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const api = { Authorization: 'Bearer rmk_api' };
  expect((await ask(stage.port, '/key', { host: 'localhost', headers: api })).text).toBe('inventory');
  const refused = await ask(stage.port, '/', { headers: api });
  expect([refused.status, refused.headers['x-ptth-error']]).toEqual([403, refusals.forOwnHost.error]);
  const proxy = new RawUser(stage.port);
  proxy.send('CONNECT dev1.localhost:22 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Bearer rmk_api\r\n\r\n');
  expect(await proxy.whole()).toContain(refusals.forOwnHost.error);
  // Beside other credentials it is not taken for one of the device's own.
  const other = { ...api, 'X-PTTH-Authorization': authorization };
  expect((await ask(stage.port, '/', { headers: other })).status).toBe(200);
  expect(seen).toEqual([undefined]);
});
