import { beforeEach, expect, test } from 'vitest';
import { ForwardingStage, identity, type MemoryUser, requestHead } from '../testing/forwarding-stage.ts';

let stage: ForwardingStage;
let user: MemoryUser;
beforeEach(async () => {
  stage = new ForwardingStage();
  stage.verdict = identity('device');
  stage.lastsUntil = Number.POSITIVE_INFINITY;
  user = await stage.user();
});

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const statuses = ({ received }: MemoryUser) =>
  [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

/** One request after the other; returns for which of them somebody had to prove who they are. */
async function proven(...heads: readonly string[]): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const head of heads) {
    const before = stage.proofs;
    const asked = stage.tunnel.ends.length;
    await stage.send(user, head);
    results.push(stage.proofs > before);
    // On the one connection to the device, or on a new one.
    const last = Math.max(stage.tunnel.ends.length - 1, 0);
    if (asked < stage.tunnel.ends.length || statuses(user).length < stage.records.length)
      await stage.answer(answer, last);
  }
  return results;
}

const head = requestHead('GET / HTTP/1.1', 'Cookie: a=1');

test('credentials on a connection are proven twice, and each request is in the audit log', async () => {
  expect(await proven(head, head, head, head)).toEqual([true, true, false, false]);
  expect(statuses(user)).toEqual([200, 200, 200, 200]);
  expect(stage.records).toHaveLength(4);
  expect(stage.records.every(({ allowed, device }) => allowed && device === 'dev1')).toBe(true);
});

test('on another connection they are proven again', async () => {
  expect(await proven(head, head, head)).toEqual([true, true, false]);
  user = await stage.user();
  expect(await proven(head)).toEqual([true]);
});

test.each([
  ['another cookie', ['Cookie: a=2']],
  ['no cookie', []],
  ['one more cookie', ['Cookie: a=1', 'Cookie: b=1']],
  ['Authorization', ['Cookie: a=1', 'Authorization: Basic eDp5']],
  ['X-PTTH-Authorization', ['Cookie: a=1', 'X-PTTH-Authorization: Basic eDp5']],
  ['Proxy-Authorization', ['Cookie: a=1', 'Proxy-Authorization: Basic eDp5']],
  ['a browser', ['Cookie: a=1', 'User-Agent: Mozilla/5.0']],
])('a request with %s is another', async (_what, fields) => {
  const other = requestHead('GET / HTTP/1.1', ...fields);
  expect(await proven(head, head, head, other, head)).toEqual([true, true, false, true, true]);
});

test.each([
  ['address', { address: '192.0.2.2' }],
  ['protocol', { protocol: 'http' }],
] as const)('so is one from another %s', async (_what, origin) => {
  expect(await proven(head, head, head)).toEqual([true, true, false]);
  stage.origin = origin;
  expect(await proven(head)).toEqual([true]);
});

test('so is one to another port of the device, and one to a device that does not exist', async () => {
  const to = (label: string) => head.replace('dev1', label);
  expect(await proven(head, head, head, to('dev1-22'))).toEqual([true, true, false, true]);
  await stage.send(user, to('dev2'));
  expect(statuses(user).at(-1)).toBe(404);
});

test('a change of what was decided upon counts at once', async () => {
  expect(await proven(head, head, head)).toEqual([true, true, false]);
  stage.unchanged = false;
  expect(await proven(head)).toEqual([true]);
});

test('storePollMs: what was decided counts no longer than that', async () => {
  expect(await proven(head, head)).toEqual([true, true]);
  stage.clock.advance(stage.limits.storePollMs - 1);
  expect(await proven(head)).toEqual([false]);
  stage.clock.advance(1);
  expect(await proven(head)).toEqual([true]);
});

test('the end of a session or right counts when it comes', async () => {
  stage.lastsUntil = stage.clock.date() + 1_000;
  expect(await proven(head, head)).toEqual([true, true]);
  stage.clock.advance(999);
  expect(await proven(head)).toEqual([false]);
  stage.clock.advance(1);
  expect(await proven(head)).toEqual([true]);
});

test('somebody who would not be let in any more has to prove themselves', async () => {
  stage.lastsUntil = null;
  expect(await proven(head, head, head)).toEqual([true, true, true]);
});

test('proofs by something else than our store do not last', async () => {
  stage.verdict = identity(null, { by: 'directory', credential: 'password' });
  expect(await proven(head, head, head)).toEqual([true, true, true]);
  stage.verdict = identity(null);
  expect(await proven(head, head, head)).toEqual([true, true, false]);
});

test('nor do sessions of another authenticator than our own', async () => {
  stage.verdict = identity('token', { by: 'sso' });
  expect(await proven(head, head, head)).toEqual([true, true, true]);
});

test('credentials that are long are not kept', async () => {
  const long = requestHead('GET / HTTP/1.1', `Cookie: a=${'1'.repeat(4_095)}`);
  expect(await proven(long, long, long)).toEqual([true, true, true]);
  const fits = requestHead('GET / HTTP/1.1', `Cookie: a=${'1'.repeat(4_094)}`);
  expect(await proven(fits, fits, fits)).toEqual([true, true, false]);
});

test('where a request comes from is judged each time, and a refusal ends what was known', async () => {
  const foreign = requestHead('GET / HTTP/1.1', 'Cookie: a=1', 'Origin: https://evil.example');
  expect(await proven(head, head, head)).toEqual([true, true, false]);
  await stage.send(user, foreign);
  expect(statuses(user).at(-1)).toBe(403);
  expect(stage.records.at(-1)).toMatchObject({ allowed: false });
  expect(await proven(head)).toEqual([true]);
});

test('a device that has gone is off line for everybody', async () => {
  expect(await proven(head, head, head)).toEqual([true, true, false]);
  stage.online = false;
  await stage.send(user, head);
  expect(statuses(user).at(-1)).toBe(503);
});
