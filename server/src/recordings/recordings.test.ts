import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RecordingBounds, Recordings } from './recordings.ts';

const about = { user: 'alice', device: 'pump', uid: 'u1', domain: 'acme', port: 22 };
const size = { columns: 80, rows: 24 };
const dayMs = 86_400_000;
const roomy: RecordingBounds = { sessionBytes: 10_000, bytes: 100_000, days: 30 };

let folder: string;
let date: number;
let now: number;
let logged: Record<string, unknown>[];
const log = pino(
  { base: null, timestamp: false },
  { write: (line: string) => void logged.push(JSON.parse(line)) },
);
const heldMs = 1_000;
const limits = {
  recordingRefusalsMs: 60_000,
  recordingHeldMs: heldMs,
  recordingsUserShare: 4,
  recordingsDomainShare: 2,
  recordingsDeviceShare: 1,
  recordingLeastBytes: 1,
  recordings: 1_000,
};
const clock = { now: () => now, date: () => date };
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'rm-recordings-')), 'recordings');
  date = Date.UTC(2030, 0);
  now = 0;
  logged = [];
  madeRoom.length = 0;
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const madeRoom: string[] = [];
const open = (bounds: RecordingBounds = roomy, changed = {}) =>
  new Recordings(folder, bounds, clock, { ...limits, ...changed }, log, ({ id }) => madeRoom.push(id));
const text = async (recordings: Recordings, id: string) => {
  const pieces: Uint8Array[] = [];
  for await (const piece of recordings.read(id)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};
const made = async (recordings: Recordings, shown: string, user = 'alice') => {
  const { recording, end } = await recordings.begin({ ...about, user }, size);
  await recording.output(Buffer.from(shown));
  await end();
  date += 1;
};
const failure = (promise: Promise<unknown>) => promise.then(String, ({ message }: Error) => message);

test('keeps what is shown, in a file for the server alone, also after a restart', async () => {
  const recordings = open();
  const { recording, end } = await recordings.begin(about, size);
  now = 1_500;
  await recording.output(Buffer.from('ls\r\n'));
  await recording.resize({ columns: 100, rows: 30 });
  const [kept] = await recordings.list();
  expect(kept).toMatchObject({ about, isOpen: true });
  expect(await recordings.remove(kept?.id ?? '')).toBe(false);
  await end();
  const again = open();
  const [found] = await again.list();
  expect(found).toMatchObject({
    id: kept?.id,
    about,
    started: date,
    isOpen: false,
    isCut: false,
    bytes: kept?.bytes,
  });
  expect(found?.bytes).toBe(statSync(join(folder, `${found?.id}.cast`)).size);
  const lines = (await text(again, found?.id ?? '')).trim().split('\n').slice(1);
  expect(lines).toEqual(['[1.5,"o","ls\\r\\n"]', '[1.5,"r","100x30"]', '[1.5,"m","end"]']);
  expect(statSync(join(folder, `${found?.id}.cast`)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(await again.remove(found?.id ?? '')).toBe(true);
  expect([readdirSync(folder), await again.list(), await again.get(found?.id ?? '')]).toEqual([[], [], null]);
});

test('sessionBytes: one that is as long as it may be ends, and what it has stays', async () => {
  const recordings = open({ ...roomy, sessionBytes: 300 });
  const { recording, end } = await recordings.begin(about, size);
  await recording.output(Buffer.from('first'));
  const over = 'the recording of this terminal has become as long as the server keeps one';
  expect(await failure(recording.output(Buffer.from('x'.repeat(300))))).toBe(over);
  // Nothing goes on without what is missing.
  expect(await failure(recording.output(Buffer.from('x')))).toBe(over);
  await end();
  const [kept] = await recordings.list();
  expect(await text(recordings, kept?.id ?? '')).toMatch(/"first"\]\n$/);
  expect(kept?.isCut).toBe(true);
  expect(await open().list()).toMatchObject([{ isCut: true }]);
});

/** Shows so many bytes, or says why not. */
const says = async (
  recordings: Recordings,
  bytes: number,
  user = 'alice',
  domain = 'acme',
  uid = about.uid,
) => {
  const begun = await recordings.begin({ ...about, user, domain, uid }, size).catch(({ message }) => message);
  if (typeof begun === 'string') return { said: begun, end: async () => {} };
  underWay.push(begun.end);
  const said = await failure(begun.recording.output(Buffer.from('x'.repeat(bytes))));
  return { said, end: begun.end };
};
const underWay: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of underWay.splice(0)) await end();
});
const full = {
  user: 'the latest recordings of your terminals take all the room that a user has: try again tomorrow',
  device:
    'the latest recordings of your terminals at this device take all the room that one has: try again tomorrow',
  domain: 'the latest recordings of this domain take all the room that a domain has: try again tomorrow',
  all: 'the server has no room for the recording of this terminal',
};
const users = async (recordings: Recordings) =>
  (await recordings.list()).map(({ about: { user } }) => user).sort();

test('bytes: the oldest of who has most make room, once they are old enough, and the log has it', async () => {
  const recordings = open({ ...roomy, bytes: 4_000 });
  for (const user of ['bob', 'mallory', 'mallory']) {
    await (await says(recordings, 600, user)).end();
    date += heldMs;
  }
  const [, , oldest] = await recordings.list();
  await (await says(recordings, 600, 'bob', 'other')).end();
  date += heldMs;
  await (await says(recordings, 700, 'carol', 'third')).end();
  expect(await users(recordings)).toEqual(['bob', 'bob', 'carol', 'mallory']);
  expect(oldest?.about.user).toBe('bob');
  expect(logged).toMatchObject([{ user: 'mallory', of: 'carol' }]);
  expect(madeRoom).toEqual([logged[0]?.id]);
});

test('one that is in the way of two others at once is told of once', async () => {
  const recordings = open({ ...roomy, bytes: 4_000 });
  for (const user of ['one', 'two', 'three', 'more']) await (await says(recordings, 700, user, user)).end();
  date += heldMs;
  const later = await Promise.all(
    ['four', 'five'].map((user) => recordings.begin({ ...about, user, domain: user }, size)),
  );
  underWay.push(...later.map(({ end }) => end));
  const more = Buffer.from('x'.repeat(700));
  await Promise.all(later.map(({ recording }) => recording.output(more)));
  expect(madeRoom.length).toBeGreaterThan(0);
  expect(new Set(madeRoom).size).toBe(madeRoom.length);
  expect(logged).toHaveLength(madeRoom.length);
});

test('recordingsUserShare: who has just recorded much, open or ended, gets no more and pushes out nobody', async () => {
  const recordings = open({ ...roomy, bytes: 4_000 });
  await (await says(recordings, 500, 'bob', 'other')).end();
  date += heldMs;
  const { end } = await says(recordings, 500, 'mallory');
  expect((await says(recordings, 500, 'mallory')).said).toBe(full.user);
  await end();
  expect((await says(recordings, 500, 'mallory')).said).toBe(full.user);
  expect((await says(recordings, 500, 'alice')).said).toBe('undefined');
  expect(await users(recordings)).toContain('bob');
});

test('recordingsDomainShare: the users of one domain leave room for those of others', async () => {
  const recordings = open({ ...roomy, bytes: 4_000 });
  expect((await says(recordings, 700, 'one')).said).toBe('undefined');
  expect((await says(recordings, 700, 'two')).said).toBe('undefined');
  expect((await says(recordings, 700, 'three')).said).toBe(full.domain);
  expect((await says(recordings, 700, 'four', 'other')).said).toBe('undefined');
});

test('recordingsDeviceShare: a device that says much keeps its user from no other device', async () => {
  const recordings = open({ ...roomy, bytes: 8_000 }, { recordingsDeviceShare: 2 });
  await (await says(recordings, 600, 'alice', 'acme', 'loud')).end();
  expect((await says(recordings, 400, 'alice', 'acme', 'loud')).said).toBe(full.device);
  expect((await says(recordings, 300, 'alice', 'acme', 'other')).said).toBe('undefined');
  expect((await says(recordings, 600, 'bob', 'acme', 'loud')).said).toBe('undefined');
  date += heldMs;
  expect((await says(recordings, 300, 'alice', 'acme', 'loud')).said).toBe('undefined');
});

test('recordingHeldMs: nobody erases what was just recorded; a day later there is room again', async () => {
  const recordings = open({ ...roomy, bytes: 4_000 });
  await (await says(recordings, 600, 'mallory')).end();
  const [misdeed] = await recordings.list();
  for (let times = 0; times < 9; times++) await (await says(recordings, 600, 'mallory')).end();
  expect(await recordings.get(misdeed?.id ?? '')).not.toBeNull();
  for (const domain of ['two', 'three']) {
    for (const user of ['a', 'b']) await (await says(recordings, 700, user + domain, domain)).end();
  }
  expect((await says(recordings, 700, 'last', 'four')).said).toBe(full.all);
  // Also after a restart.
  const again = open({ ...roomy, bytes: 4_000 });
  expect((await says(again, 900, 'mallory')).said).toBe(full.user);
  date += heldMs;
  expect((await says(again, 700, 'last', 'four')).said).toBe('undefined');
});

test.each([
  ['recordingLeastBytes: what is short takes room, too', { recordingLeastBytes: 10_000 }],
  ['recordings: what is short takes room, too', { recordings: 10 }],
])('%s', async (_, changed) => {
  const recordings = open(roomy, changed);
  for (const user of ['one', 'one', 'two', 'two', 'three']) {
    await made(recordings, 'x', user);
    expect(await users(recordings)).toContain(user);
  }
  expect(await failure(recordings.begin({ ...about, user: 'one' }, size))).toBe(full.user);
  expect(await failure(recordings.begin({ ...about, user: 'four' }, size))).toBe(full.domain);
});

test('nothing follows the end, and what the server did not end is cut', async () => {
  const recordings = open();
  const { recording, end } = await recordings.begin(about, size);
  await recording.output(Buffer.from('seen'));
  const [{ id, isCut } = { id: '', isCut: true }] = await recordings.list();
  expect(isCut).toBe(false);
  // A server that is killed in the middle of a line, and of a header.
  appendFileSync(join(folder, `${id}.cast`), '[2,"o","ha');
  writeFileSync(join(folder, '1893456000001-0123456789abcdef.cast'), '{"version":2,"wid');
  expect(await open().list()).toMatchObject([{ id, isCut: true, isOpen: false }]);
  await end();
  expect(await failure(recording.output(Buffer.from('late')))).toBe(
    'the recording of this terminal has ended',
  );
  expect(await text(recordings, id)).not.toContain('late');
});

test('one that cannot be removed is kept, and said to be', async () => {
  const recordings = open();
  await made(recordings, 'one');
  const [{ id } = { id: '' }] = await recordings.list();
  rmSync(join(folder, `${id}.cast`));
  mkdirSync(join(folder, `${id}.cast`));
  expect(await failure(recordings.remove(id))).not.toBe('true');
  expect(await recordings.list()).toHaveLength(1);
});

test('days: what was kept for long enough goes', async () => {
  const recordings = open();
  await made(recordings, 'old');
  date += 29 * dayMs;
  await made(recordings, 'new');
  await recordings.sweep();
  expect(await recordings.list()).toHaveLength(2);
  date += dayMs;
  await recordings.sweep();
  expect(await recordings.list()).toHaveLength(1);
});

test('recordingRefusalsMs: what cannot be written ends at once; the user is told so, and the log why', async () => {
  writeFileSync(folder, '');
  const recordings = open();
  const reason = 'the folder of the recordings cannot be used';
  for (const time of [0, 1, 59_999, 60_000]) {
    now = time;
    expect(await failure(recordings.begin(about, size))).toBe(reason);
  }
  const line = { user: 'alice', device: 'pump', reason, file: folder, err: { code: 'EEXIST' } };
  expect(logged).toMatchObject([
    { ...line, more: 0 },
    { ...line, more: 2 },
  ]);
});

test('a bound that ends a terminal is in the log, too, also while something else cannot be written', async () => {
  const recordings = open({ ...roomy, sessionBytes: 300 });
  const { recording, end } = await recordings.begin(about, size);
  const reason = await failure(recording.output(Buffer.from('x'.repeat(300))));
  await end();
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  await failure(recordings.begin(about, size));
  expect(logged.map((line) => [line.reason, 'err' in line])).toEqual([
    [reason, false],
    ['the folder of the recordings cannot be used', true],
  ]);
});

test('an entry that cannot be read is left out, and in the log', async () => {
  await made(open(), 'one');
  mkdirSync(join(folder, '1700000000000-0123456789abcdef.cast'));
  symlinkSync(join(folder, 'gone'), join(folder, '1700000000001-0123456789abcdef.cast'));
  const recordings = open();
  expect(await recordings.list()).toHaveLength(1);
  await made(recordings, 'two');
  expect(await recordings.list()).toHaveLength(2);
  expect(logged).toMatchObject([
    { entries: 2, file: join(folder, '1700000000000-0123456789abcdef.cast'), err: { message: 'is no file' } },
  ]);
});

test('one that cannot be removed keeps no other', async () => {
  const recordings = open();
  await made(recordings, 'one');
  await made(recordings, 'two');
  const file = join(folder, `${(await recordings.list())[1]?.id}.cast`);
  rmSync(file);
  mkdirSync(file);
  date += 31 * dayMs;
  expect(await failure(recordings.sweep())).toContain(file);
  expect(await recordings.list()).toHaveLength(1);
});

test('what lies in the folder besides is left alone', async () => {
  const recordings = open();
  await made(recordings, 'one');
  writeFileSync(join(folder, 'notes.txt'), 'x');
  writeFileSync(join(folder, '1893456000000-0123456789abcdef.cast'), 'no recording');
  expect(await open().list()).toHaveLength(1);
  expect(readdirSync(folder)).toHaveLength(3);
});
