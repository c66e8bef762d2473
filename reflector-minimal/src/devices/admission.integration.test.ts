import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { type AgentOptions, ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import { UpgradeRefused } from '../testing/web-socket-peer.ts';
import { deviceSecrets } from './digest-secrets.ts';

async function open(options: Parameters<typeof Stage.open>[0]): Promise<Stage> {
  const stage = await Stage.open(options);
  onTestFinished(() => stage.close());
  return stage;
}

/** Status and Retry-After with which an upgrade is refused. */
async function refusal(stage: Stage, options: Partial<AgentOptions> = {}): Promise<readonly unknown[]> {
  const error = await ScriptedAgent.connect(stage.port, { ...device, ...options }).catch((caught) => caught);
  if (!(error instanceof UpgradeRefused)) throw new Error(`not refused: ${error}`);
  return [error.status, ...error.values('Retry-After')];
}

/** Why an upgrade is refused. */
async function refusalText(stage: Stage, options: Partial<AgentOptions>): Promise<string> {
  const error = await ScriptedAgent.connect(stage.port, { ...device, ...options }).catch((caught) => caught);
  if (!(error instanceof UpgradeRefused)) throw new Error(`not refused: ${error}`);
  return error.values('X-PTTH-Error').join();
}

test('slowArrivalsAtOnce, slowArrivalsPerSecond, arrivalsAskedMs: who comes with too many others is told when to come again', async () => {
  const clock = new ManualClock();
  const limits = {
    arrivalsAtOnce: 2,
    arrivalsPerSecondAtStart: 1,
    arrivalsPerSecond: 1,
    arrivalsAskedMs: 3_000,
  };
  const stage = await open({ clock, limits });
  await stage.agent();
  // A wrong password takes a place as well.
  expect(await refusal(stage, { password: 'wrong' })).toEqual([401]);
  for (const seconds of ['1', '2', '3', '3']) expect(await refusal(stage)).toEqual([503, seconds]);
  // The question of an agent that uses Digest costs nothing, and takes no place.
  expect(await refusal(stage, { authorization: null })).toEqual([401]);
  clock.advance(1_000);
  await stage.agent();
  expect(await refusal(stage)).toEqual([503, '3']);
});

test('arrivalsAtOnce, arrivalsPerSecond: a device that needs no scrypt is delayed by its own kind only', async () => {
  const clock = new ManualClock();
  const limits = {
    slowArrivalsAtOnce: 1,
    arrivalsAtOnce: 3,
    arrivalsPerSecondAtStart: 1,
    arrivalsPerSecond: 1,
  };
  const stage = await open({ clock, limits });
  const password = 'k3vq-8Zp2-Xw7n-R4tm-J9bd';
  const { devices } = stage.reflector.store;
  await devices.add(
    { id: 'dev2', domain, secrets: await deviceSecrets('dev2', domain, password, false) },
    0,
    null,
  );
  const machine = { id: 'dev2', password };
  await stage.agent(machine);
  expect(await refusal(stage)).toEqual([503, '1']);
  await stage.agent(machine);
  await stage.agent(machine);
  expect(await refusal(stage, machine)).toEqual([503, '1']);
});

test('wrong answers to Digest, which cost next to nothing, take nobody else his place', async () => {
  const clock = new ManualClock();
  const limits = { arrivalsAtOnce: 3, arrivalsPerSecondAtStart: 1, arrivalsPerSecond: 1 };
  const stage = await open({ clock, limits });
  const password = 'k3vq-8Zp2-Xw7n-R4tm-J9bd';
  const { devices } = stage.reflector.store;
  await devices.add(
    { id: 'dev2', domain, secrets: await deviceSecrets('dev2', domain, password, false) },
    0,
    null,
  );
  const machine = { id: 'dev2', password };
  await stage.agent(machine);
  const digest =
    'Digest username="dev2@x", realm="r", nonce="n", uri="/", response="r", qop=auth, nc=00000001, cnonce="c"';
  for (let i = 0; i < 5; i++) {
    expect(await refusal(stage, { ...machine, authorization: digest })).toEqual([401]);
  }
  await stage.agent(machine);
});

test('a guess that scrypt has to refuse takes a place, whatever device it names', async () => {
  const limits = { slowArrivalsAtOnce: 2, slowArrivalsPerSecondAtStart: 1, slowArrivalsPerSecond: 1 };
  const stage = await open({ clock: new ManualClock(), limits });
  const password = 'k3vq-8Zp2-Xw7n-R4tm-J9bd';
  const { devices } = stage.reflector.store;
  await devices.add(
    { id: 'dev2', domain, secrets: await deviceSecrets('dev2', domain, password, false) },
    0,
    null,
  );
  await stage.agent({ id: 'dev2', password });
  // Of another domain it is another device, which nothing is known of.
  const elsewhere = { id: 'dev2', domain: '00000000-0000-0000-0000-0000000000bb', password };
  expect(await refusal(stage, elsewhere)).toEqual([401]);
  expect(await refusal(stage, elsewhere)).toEqual([503, '1']);
});

test('slowFailuresPerNetwork: who guesses is asked to wait, by the address that a trusted proxy names; nobody else is', async () => {
  const clock = new ManualClock();
  const limits = { slowFailuresPerNetwork: 2, slowFailuresPerDevice: 1, slowFailuresMs: 10_000 };
  const stage = await open({ clock, limits, trustProxy: ['127.0.0.1'] });
  const home = { forwardedFor: '198.51.100.1' };
  await stage.agent(home);
  const guess = { password: 'wrong', forwardedFor: '203.0.113.1' };
  const guesses = [guess, { ...guess, forwardedFor: '203.0.113.99, 203.0.113.2' }, guess];
  const seen: unknown[] = [];
  for (const options of guesses) seen.push(await refusal(stage, options));
  expect(seen).toEqual([[401], [401], [503, '5']]);
  // Nor does it help to name somebody else on the left.
  expect(await refusal(stage, { ...guess, forwardedFor: '192.0.2.1, 203.0.113.1' })).toEqual([503, '5']);
  await stage.agent({ forwardedFor: '192.0.2.1' });
  expect(await refusal(stage, { ...home, password: 'wrong' })).toEqual([401]);
  clock.advance(5_000);
  expect(await refusal(stage, guess)).toEqual([401]);
});

test('slowFailuresPerDevice: a device that was there before comes back beside who guesses', async () => {
  const stage = await open({ clock: new ManualClock(), limits: { slowFailuresPerNetwork: 2 } });
  await stage.agent();
  for (let i = 0; i < 2; i++) expect(await refusal(stage, { id: 'nobody', password: `${i}` })).toEqual([401]);
  expect(await refusal(stage, { id: 'nobody' })).toEqual([503, '30']);
  await stage.addDevice('dev2');
  expect(await refusal(stage, { id: 'dev2' })).toEqual([503, '30']);
  await stage.agent();
});

test('arrivalsPerSecondAtStart, slowArrivalsPerSecondAtStart, arrivalsRampMs: the rates grow after a start', async () => {
  const clock = new ManualClock();
  const limits = {
    ...{ arrivalsAtOnce: 2, arrivalsPerSecondAtStart: 1, arrivalsPerSecond: 2, arrivalsRampMs: 10_000 },
    ...{ slowArrivalsAtOnce: 2, slowArrivalsPerSecondAtStart: 1, slowArrivalsPerSecond: 2 },
  };
  const stage = await open({ clock, limits });
  /** How many of four that come now are let in. */
  const admitted = async () => {
    let count = 0;
    for (let i = 0; i < 4; i++) {
      const [status] = await refusal(stage, { password: 'wrong' });
      if (status === 401) count++;
    }
    return count;
  };
  expect(await admitted()).toBe(2);
  clock.advance(1_000);
  expect(await admitted()).toBe(1);
  clock.advance(20_000);
  expect(await admitted()).toBe(2);
  clock.advance(1_000);
  expect(await admitted()).toBe(2);
});

test('tunnels: a device too many is told to come later, and one that comes again takes its own place', async () => {
  const stage = await open({ limits: { tunnels: 1 } });
  await stage.reflector.store.devices.add(
    { id: 'dev2', domain, secrets: await deviceSecrets('dev2', domain, 's3cret', false) },
    0,
    null,
  );
  const first = await stage.agent();
  expect(await refusal(stage, { id: 'dev2' })).toEqual([503, '30']);
  await stage.agent();
  await first.ended;
  expect(stage.reflector.presence.local.size).toBe(1);
});

test('verificationsWaiting: who finds the queue full is told to come later', async () => {
  const stage = await open({ limits: { verificationsAtOnce: 1, verificationsWaiting: 1 } });
  const asked = await Promise.all(
    Array.from({ length: 20 }, (_, i) => refusal(stage, { password: `wrong ${i}` })),
  );
  // While some are verified others may still arrive on a busy machine, but never all of them.
  const [full, verified] = [503, 401].map((wanted) => asked.filter(([status]) => status === wanted));
  expect(verified?.length).toBeGreaterThanOrEqual(2);
  expect(full?.length).toBeGreaterThan(0);
  expect(full).toEqual(full?.map(() => [503, '30']));
});

test('credentials that cannot be read are refused as wrong ones are', async () => {
  const stage = await open({});
  expect(await refusal(stage, { authorization: 'Basic !' })).toEqual([401]);
});

test('a name of the reflector itself waits for nothing', async () => {
  const stage = await open({ acceptUnclaimed: true });
  for (const id of ['www', 'Reflector']) {
    expect(await refusalText(stage, { id })).toBe(
      'the host name of this device is a name of the reflector itself',
    );
  }
  expect(await stage.reflector.store.devices.get('www')).toBeNull();
});

test('unclaimedPerNetwork: strangers of one network leave places to others, who are shown with their address', async () => {
  const stage = await open({
    acceptUnclaimed: true,
    trustProxy: ['127.0.0.1'],
    limits: { unclaimedPerNetwork: 2 },
  });
  const come = (id: string, forwardedFor: string) => refusalText(stage, { id, forwardedFor });
  const waits = 'this device waits for being claimed by the operator of the reflector';
  expect(await come('new1', '203.0.113.1')).toBe(waits);
  expect(await come('new2', '203.0.113.2')).toBe(waits);
  expect(await come('new3', '203.0.113.3')).toBe('too many devices wait for being claimed');
  expect(await come('new4', '198.51.100.1')).toBe(waits);
  const { devices } = stage.reflector.store;
  expect((await devices.get('new4'))?.address).toBe('198.51.100.1');
  await devices.remove('new1', 0);
  expect(await come('new3', '203.0.113.3')).toBe(waits);
});
