import { expect, onTestFinished, test, vi } from 'vitest';
import { limits } from '../limits.ts';
import { download } from './download.ts';
import { failureOf } from './failure.ts';
import { encodeName } from './names.ts';
import { PacketReader } from './packets.ts';
import { SftpSession } from './session.ts';
import { upload } from './upload.ts';

/** Numbers of four bytes, strings with their lengths, and other bytes as they are. */
type Part = number | string | Uint8Array;

function packet(type: number, ...parts: readonly Part[]): Uint8Array {
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const body = parts.flatMap((part) => {
    if (typeof part === 'number') return [uint32(part)];
    const bytes = typeof part === 'string' ? encodeName(part) : part;
    return [uint32(bytes.length), bytes];
  });
  const rest = Buffer.concat([Uint8Array.of(type), ...body]);
  return Buffer.concat([uint32(rest.length), rest]);
}

/** What a scripted server gets: type and ID of a request, and how it says something. */
type Script = (type: number, id: number, say: (bytes: Uint8Array) => void, body: Uint8Array) => void;

const hello = packet(2, 3);
const never = () => new AbortController().signal;
const ignore = () => {};

async function sessionWith(script: Script, greeting: Uint8Array | null = hello) {
  let isClosed = false;
  let end = ignore;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const session = await SftpSession.open(async (take) => {
    const reader = new PacketReader();
    return {
      send: async (bytes) => {
        for (const got of reader.receive(bytes)) {
          const id = new DataView(got.buffer).getUint32(1);
          if (got[0] !== 1) script(got[0] ?? 0, id, take, got);
          else if (greeting) take(greeting);
          else end();
        }
      },
      close: () => {
        isClosed = true;
        end();
      },
      ended,
    };
  });
  return { session, end, isClosed: () => isClosed };
}

const status = (id: number, code: number) => packet(101, id, code, 'Failure', '');

test('a server that says nothing, another version, or the version twice', async () => {
  await expect(sessionWith(ignore, null)).rejects.toMatchObject({ key: 'sftp.none' });
  await expect(sessionWith(ignore, packet(2, 6))).rejects.toMatchObject({ key: 'sftp.version' });
  const { session, isClosed } = await sessionWith((_, __, say) => say(hello));
  await expect(session.stat('/a')).rejects.toMatchObject({ key: 'sftp.malformed' });
  expect(isClosed()).toBe(true);
});

test.each<[string, Script]>([
  ['an ID that nobody waits for', (_, id, say) => say(status(id + 1, 0))],
  ['an answer of another kind', (_, id, say) => say(packet(103, id, 'data'))],
  ['that it went well, where something was asked', (_, id, say) => say(status(id, 0))],
  ['bytes that are no packet', (_, __, say) => say(encodeName('Welcome to this device\n'))],
])('%s ends the session with one line', async (_, script) => {
  const { session, isClosed } = await sessionWith(script);
  const others = [session.lstat('/b'), session.stat('/a')];
  for (const one of await Promise.allSettled(others)) {
    expect(one).toMatchObject({ status: 'rejected', reason: { key: 'sftp.malformed' } });
  }
  expect(await session.ended).toMatchObject({ key: 'sftp.malformed' });
  expect(isClosed()).toBe(true);
  await expect(session.stat('/a')).rejects.toMatchObject({ key: 'sftp.malformed' });
});

test('what waits ends with the server', async () => {
  const { session, end } = await sessionWith(ignore);
  const waiting = session.stat('/a');
  end();
  await expect(waiting).rejects.toMatchObject({ key: 'sftp.ended' });
});

test('sftpSilentMs: a device that does not answer any more ends it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const ids: number[] = [];
  let say: (bytes: Uint8Array) => void = ignore;
  const { session, isClosed } = await sessionWith((_, id, answer) => {
    ids.push(id);
    say = answer;
  });
  expect(vi.getTimerCount()).toBe(0);
  const [first, second] = [session.stat('/a'), session.stat('/b')];
  first.catch(ignore);
  second.catch(ignore);
  vi.advanceTimersByTime(limits.sftpSilentMs - 1);
  say(status(ids[0] ?? 0, 2));
  await expect(first).rejects.toMatchObject({ key: 'sftp.noSuchFile' });
  vi.advanceTimersByTime(limits.sftpSilentMs - 1);
  expect(isClosed()).toBe(false);
  vi.advanceTimersByTime(1);
  await expect(second).rejects.toMatchObject({ key: 'sftp.silent', values: { minutes: 5 } });
  expect([isClosed(), vi.getTimerCount()]).toEqual([true, 0]);
});

test.each([
  ['sftpPathBytes', `/${'a'.repeat(limits.sftpPathBytes)}`],
  ['no absolute path', 'home'],
])('%s: a path that is none', async (_, path) => {
  const { session } = await sessionWith((__, id, say) => say(packet(104, id, 1, path, '', 0)));
  await expect(session.realPath('.')).rejects.toMatchObject({ key: 'sftp.malformed' });
});

/** A folder whose names come in pieces of 100; after the last, the end. */
function folderOf(names: Iterable<string>): Script {
  const left = names[Symbol.iterator]();
  return (type, id, say) => {
    if (type === 11) return say(packet(102, id, 'h'));
    if (type === 4) return say(status(id, 0));
    const some: Part[] = [];
    while (some.length < 300) {
      const { value, done } = left.next();
      if (done) break;
      some.push(value, '', 0);
    }
    say(some.length === 0 ? status(id, 1) : packet(104, id, some.length / 3, ...some));
  };
}

test('sftpNameBytes: names that are none are not listed', async () => {
  const longest = 'a'.repeat(limits.sftpNameBytes);
  const names = ['.', '..', 'log', '../etc/passwd', '/etc', 'a\0', '', longest, `${longest}a`];
  const { session } = await sessionWith(folderOf(names));
  const found = await session.list('/', never());
  expect(found.names.map(({ name }) => name)).toEqual(['log', longest]);
  expect([found.refused, found.isWhole]).toEqual([5, true]);
});

test('sftpNames: a folder without an end has an end', async () => {
  function* endless() {
    for (let n = 0; ; n++) yield n % 2 === 0 ? `file-${n}` : '..';
  }
  const { session } = await sessionWith(folderOf(endless()));
  const { names, isWhole } = await session.list('/', never());
  expect([names.length, isWhole]).toEqual([limits.sftpNames / 2, false]);
});

test('a folder of empty answers is no SFTP', async () => {
  const { session } = await sessionWith((type, id, say) =>
    say(type === 11 ? packet(102, id, 'h') : packet(104, id, 0)),
  );
  await expect(session.list('/', never())).rejects.toMatchObject({ key: 'sftp.malformed' });
});

test('sftpReasonCharacters: words of the device are cut and shown as they are', () => {
  const { reason } = failureOf(4, `\u202e${'x'.repeat(2 * limits.sftpReasonCharacters)}`).values;
  expect(reason).toBe(`\\u{202e}${'x'.repeat(limits.sftpReasonCharacters - 1)}`);
  expect(failureOf(4, '').values).toEqual({ reason: '4' });
});

/** Answers to a file of `size` bytes, of which nothing is read or written before `go`. */
function heldFile(size: number) {
  const held: { readonly id: number; readonly length: number; readonly type: number }[] = [];
  let answer = ignore;
  const script: Script = (type, id, say, body) => {
    answer = () => {
      for (const one of held.splice(0)) {
        say(one.type === 5 ? packet(103, one.id, new Uint8Array(one.length)) : status(one.id, 0));
      }
    };
    if (type === 3) return say(packet(102, id, 'h'));
    if (type === 7) return say(status(id, 2));
    if (type === 8 || type === 17) return say(packet(105, id, 1, 0, size));
    if (type !== 5 && type !== 6) return say(status(id, 0));
    held.push({ id, type, length: new DataView(body.buffer).getUint32(body.length - 4) });
  };
  return { script, held, go: () => answer() };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

test('sftpRequests, sftpPieceBytes: no more is asked for than what fits, until somebody has taken it', async () => {
  const size = 3 * limits.sftpRequests * limits.sftpPieceBytes + 5;
  const { script, held, go } = heldFile(size);
  const { session } = await sessionWith(script);
  let takeOne = ignore;
  let taken = 0;
  const write = async ({ length }: Uint8Array) => {
    await new Promise<void>((resolve) => {
      takeOne = resolve;
    });
    taken += length;
  };
  const downloaded = download(session, '/f', { write }, ignore, never());
  while (held.length < limits.sftpRequests) await turns();
  await turns();
  expect(held.length).toBe(limits.sftpRequests);
  expect(held.every(({ length }) => length === limits.sftpPieceBytes)).toBe(true);
  go();
  for (let n = 0; n < 20; n++) await turns();
  // Nobody has taken anything yet.
  expect(held.length).toBe(0);
  let isOver = false;
  downloaded
    .finally(() => {
      isOver = true;
    })
    .catch(ignore);
  while (!isOver) {
    takeOne();
    go();
    await turns();
  }
  expect([await downloaded, taken]).toEqual([size, size]);
});

test('sftpRequests: no more is sent than what fits', async () => {
  const size = 2 * limits.sftpRequests * limits.sftpPieceBytes;
  const { script, held, go } = heldFile(size);
  const { session } = await sessionWith(script);
  const source = { size, read: async (_: number, length: number) => new Uint8Array(length) };
  const uploaded = upload(session, '/f', source, () => Promise.resolve(false), ignore, never());
  while (held.length < limits.sftpRequests) await turns();
  for (let n = 0; n < 20; n++) await turns();
  expect(held.length).toBe(limits.sftpRequests);
  let isOver = false;
  uploaded
    .finally(() => {
      isOver = true;
    })
    .catch(ignore);
  while (!isOver) {
    go();
    await turns();
  }
  expect(await uploaded).toBe(true);
});

const empty = { size: 0, read: () => Promise.reject(new Error('nothing to read')) };

test('sftpRemoveMs: what a cancelled upload has left on a device that does not answer is named', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const stop = new AbortController();
  const { session } = await sessionWith((type, id, say) => {
    if (type === 7) return say(status(id, 2));
    if (type === 3) return say(packet(102, id, 'h'));
    // Nothing more comes.
    stop.abort();
  });
  const uploaded = upload(session, '/f', empty, () => Promise.resolve(false), ignore, stop.signal);
  uploaded.catch(ignore);
  while (vi.getTimerCount() < 2) await turns();
  vi.advanceTimersByTime(limits.sftpRemoveMs);
  await expect(uploaded).rejects.toMatchObject({
    key: 'sftp.left',
    values: { name: expect.stringMatching(/^\/\.upload-[-0-9a-f]{36}\.part$/) },
  });
});

test('a file that has come meanwhile is not replaced without a question', async () => {
  let looked = 0;
  const names: number[] = [];
  const { session } = await sessionWith((type, id, say) => {
    if (type === 7) return say(++looked === 1 ? status(id, 2) : packet(105, id, 1, 0, 5));
    if (type === 3) return say(packet(102, id, 'h'));
    if (type === 8) return say(packet(105, id, 1, 0, 0));
    names.push(type);
    return say(status(id, 0));
  });
  await expect(
    upload(session, '/f', empty, () => Promise.resolve(true), ignore, never()),
  ).rejects.toMatchObject({ key: 'sftp.appeared' });
  // It was closed and removed, and nothing renamed.
  expect(names).toEqual([4, 13]);
});

/** A server that replaces `/f`, which is of user 7 and has these permissions; those that are set are noted. */
async function replacing(mode: number, mayGiveAway: boolean): Promise<number[][]> {
  const set: number[][] = [];
  const { session } = await sessionWith((type, id, say, body) => {
    if (type === 3) return say(packet(102, id, 'h'));
    if (type === 7) return say(packet(105, id, 6, 7, 7, 0o100_000 | mode));
    if (type === 8) return say(packet(105, id, 3, 0, 0, 0, 0));
    if (type === 17) return say(packet(105, id, 1, 0, 0));
    if (type !== 10) return say(status(id, 0));
    const view = new DataView(body.buffer, body.byteOffset + 10);
    const words = Array.from({ length: view.byteLength / 4 }, (_, at) => view.getUint32(4 * at));
    set.push(words);
    return say(status(id, words[0] === 2 && !mayGiveAway ? 3 : 0));
  });
  expect(await upload(session, '/f', empty, () => Promise.resolve(true), ignore, never())).toBe(true);
  return set;
}

test('what takes the place of a file gets its owner, and then its permissions', async () => {
  expect(await replacing(0o4750, true)).toEqual([
    [2, 7, 7],
    [4, 0o4750],
  ]);
});

test('what cannot get its owner does not run as another one', async () => {
  expect(await replacing(0o4750, false)).toEqual([
    [2, 7, 7],
    [4, 0o750],
  ]);
});

test('a device that has stored another size than was sent', async () => {
  const { script } = heldFile(4);
  const { session } = await sessionWith(script);
  await expect(
    upload(session, '/f', empty, () => Promise.resolve(false), ignore, never()),
  ).rejects.toMatchObject({ key: 'sftp.size', values: { size: 4, sent: 0 } });
});

test('a device that gives more than was asked for, or nothing', async () => {
  for (const length of [limits.sftpPieceBytes + 1, 0]) {
    const { session } = await sessionWith((type, id, say) => {
      if (type === 3) return say(packet(102, id, 'h'));
      if (type === 5) return say(packet(103, id, new Uint8Array(length)));
      return say(packet(105, id, 1, 0, limits.sftpPieceBytes));
    });
    await expect(
      download(session, '/f', { write: () => Promise.resolve() }, ignore, never()),
    ).rejects.toMatchObject({ key: 'sftp.malformed' });
  }
});

/** A file that says `sizes`, one after the other, and has `content`; after its first end, also `later`. */
function fileOf(sizes: readonly number[], content: string, later = ''): Script {
  let stats = 0;
  let isAfterEnd = false;
  return (type, id, say, body) => {
    if (type === 3) return say(packet(102, id, 'h'));
    if (type === 8 || type === 17) {
      // The first is by name.
      const size = sizes[Math.min(Math.max(0, stats++ - 1), sizes.length - 1)] ?? 0;
      return say(packet(105, id, 1, 0, size));
    }
    if (type !== 5) return say(status(id, 0));
    const view = new DataView(body.buffer, body.byteOffset);
    const offset = view.getUint32(body.length - 8);
    const bytes = new TextEncoder().encode(isAfterEnd ? content + later : content).subarray(offset);
    if (bytes.length === 0) {
      isAfterEnd = true;
      return say(status(id, 1));
    }
    return say(packet(103, id, bytes.subarray(0, view.getUint32(body.length - 4))));
  };
}

test.each<[string, readonly number[], string, string, number | null]>([
  ['is as long as it says', [4], 'text', '', 4],
  ['has no size, as in /proc', [0], 'text', '', 4],
  ['never was as long as it says, as in /sys', [4096], '1500\n', '', 5],
  ['says a size and is empty', [4096], '', '', 0],
  ['has become shorter', [4096, 5], '1500\n', '', null],
  ['was emptied', [4096, 0], '', '', null],
  ['was written again to the same size', [4096], '1500\n', 'more', null],
])('a file that %s', async (_, sizes, content, later, bytes) => {
  const { session } = await sessionWith(fileOf(sizes, content, later));
  let text = '';
  const sink = {
    write: (piece: Uint8Array) => {
      text += new TextDecoder().decode(piece);
      return Promise.resolve();
    },
  };
  const done = download(session, '/f', sink, ignore, never());
  if (bytes === null) await expect(done).rejects.toMatchObject({ key: 'sftp.shorter' });
  else expect([await done, text]).toEqual([bytes, content]);
});
