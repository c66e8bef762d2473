import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import type { Authenticator } from '../ports/authenticators.ts';
import type { Store } from '../ports/store.ts';
import { ask } from '../testing/ask.ts';
import { Stage } from '../testing/stage.ts';

let stage: Stage;
afterEach(() => stage.close());

/** A key of Alice's that counts for three seconds each time. */
const keys = (store: Store, clock: ManualClock): Authenticator<'token'> => ({
  name: 'key',
  accepts: 'token',
  async prove({ token }) {
    if (token !== 'rmk_0123456789abcdef') return null;
    const user = await store.users.get('alice');
    return user && { user, session: null, until: clock.date() + 3_000 };
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
