import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pattern } from '../../protocol/src/testing/bytes.ts';
import type { HostFailure } from '../src/host.ts';
import { files } from './files.ts';

let directory: string;
const at = (name: string) => join(directory, name);
const mode = (name: string) => statSync(at(name)).mode & 0o777;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rm-files-'));
  mkdirSync(at('root/etc'), { recursive: true });
  writeFileSync(at('root/etc/x'), '');
  for (const [name, target] of [
    ['absolute', '/etc'],
    ['etc/up', '../../../etc/x'],
    ['etc/out', '/nowhere/y'],
    ['loop', '/loop'],
  ] as const)
    symlinkSync(target, at(`root/${name}`));
});

afterAll(() => rmSync(directory, { recursive: true }));

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return (error as HostFailure).code;
  }
  return 'none';
}

describe('files.read', () => {
  it.each([0, 1, 4095, 4096, 4097, 100_000])(
    'reads %i bytes, and takes just that many for its bound',
    (length) => {
      writeFileSync(at('x'), pattern(length));
      expect(Buffer.compare(files.read(at('x'), length), pattern(length))).toBe(0);
      if (length > 0) expect(failure(() => files.read(at('x'), length - 1))).toBe('too-large');
    },
  );

  it('reads the whole of what has no size: a pipe', async () => {
    const fifo = at('fifo');
    await new Promise((resolve) => spawn('mkfifo', [fifo]).on('exit', resolve));
    writeFileSync(at('source'), pattern(20_000));
    for (const [bound, expected] of [
      [100_000, 20_000],
      [20_000, 20_000],
      [19_999, 'too-large'],
    ] as const) {
      const writer = spawn('dd', [`if=${at('source')}`, `of=${fifo}`, 'bs=1000'], { stdio: 'ignore' });
      const ended = new Promise((resolve) => writer.on('exit', resolve));
      if (expected === 'too-large') expect(failure(() => files.read(fifo, bound))).toBe(expected);
      else expect(files.read(fifo, bound)).toHaveLength(expected);
      await ended;
    }
  });

  it.each([
    ['a missing file', 'missing', 'not-found'],
    ['a file in a file', 'x/y', 'not-found'],
    ['a directory', '.', 'other'],
  ])('of %s fails', (_name, path, code) => {
    expect(failure(() => files.read(at(path), 10))).toBe(code);
  });
});

describe('files.writeAtomically', () => {
  it('writes a file of mode 0600 and leaves nothing beside it', () => {
    const folder = at('folder');
    mkdirSync(folder);
    files.writeAtomically(join(folder, 'x'), pattern(10_000));
    files.writeAtomically(join(folder, 'x'), pattern(5));
    expect(readFileSync(join(folder, 'x'))).toHaveLength(5);
    expect(readdirSync(folder)).toEqual(['x']);
    expect(mode('folder/x')).toBe(0o600);
  });

  it('does not take over the mode of what a crash has left', () => {
    writeFileSync(at('secret+new'), 'old');
    chmodSync(at('secret+new'), 0o666);
    files.writeAtomically(at('secret'), pattern(3));
    expect(mode('secret')).toBe(0o600);
  });

  it('leaves the file of a device alone whose ID begins like that of another', () => {
    files.writeAtomically(at('state.cam.new'), pattern(5));
    files.writeAtomically(at('state.cam'), pattern(3));
    expect(readFileSync(at('state.cam.new'))).toHaveLength(5);
  });

  it('does not follow a link that was put there before', () => {
    writeFileSync(at('victim'), 'precious');
    symlinkSync(at('victim'), at('trap+new'));
    files.writeAtomically(at('trap'), pattern(3));
    expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
  });

  it('fails where it cannot write, and keeps the old content', () => {
    expect(failure(() => files.writeAtomically(at('missing/x'), pattern(1)))).toBe('not-found');
    mkdirSync(at('taken'));
    expect(failure(() => files.writeAtomically(at('taken'), pattern(1)))).toBe('other');
  });
});

describe('files', () => {
  it('append creates with mode 0600 and returns the size', () => {
    expect(files.append(at('log'), Buffer.from('one\n'))).toBe(4);
    expect(files.append(at('log'), Buffer.from('two\n'))).toBe(8);
    expect(text(files.read(at('log'), 100))).toBe('one\ntwo\n');
    expect(mode('log')).toBe(0o600);
  });

  it('rename replaces', () => {
    writeFileSync(at('a'), 'a');
    writeFileSync(at('b'), 'b');
    files.rename(at('a'), at('b'));
    expect(text(files.read(at('b'), 10))).toBe('a');
    expect(failure(() => files.rename(at('a'), at('b')))).toBe('not-found');
  });

  it('remove takes a missing file for removed', () => {
    writeFileSync(at('c'), '');
    files.remove(at('c'));
    files.remove(at('c'));
    expect(files.stat(at('c'))).toBeNull();
  });

  it('list is sorted by code unit', () => {
    mkdirSync(at('list'));
    for (const name of ['b', 'a', 'Z', 'ä', '10', '9']) writeFileSync(at(`list/${name}`), '');
    expect(files.list(at('list'))).toEqual(['10', '9', 'Z', 'a', 'b', 'ä']);
    expect(failure(() => files.list(at('nowhere')))).toBe('not-found');
  });

  it('stat follows links and knows what there is', () => {
    writeFileSync(at('d'), 'four', { mode: 0o640 });
    chmodSync(at('d'), 0o640);
    symlinkSync(at('d'), at('link'));
    const { dev, ino } = statSync(at('d'));
    expect(files.stat(at('link'))).toEqual({
      ...{ kind: 'file', size: 4, id: `${dev}:${ino}`, mode: 0o640, writable: true },
    });

    expect(files.stat(directory)?.kind).toBe('directory');
    expect(files.stat('/dev/null')?.kind).toBe('other');
    expect(files.stat(at('nowhere'))).toBeNull();
    expect(files.stat(at('d/e'))).toBeNull();
  });

  it.each([
    ['etc/x', '/etc/x'],
    ['/etc//./x', '/etc/x'],
    ['/../../etc/../etc/x', '/etc/x'],
    ['/absolute/x', '/etc/x'],
    ['/etc/up', '/etc/x'],
    ['/etc/out', '/nowhere/y'],
    ['/missing/../y', '/y'],
    ['/', ''],
  ])('pathIn keeps %s in the root', (path, expected) => {
    expect(files.pathIn(at('root'), path)).toBe(at('root') + expected);
  });

  it('pathIn refuses what is never read to an end', () => {
    expect(failure(() => files.pathIn(at('root'), '/loop'))).toBe('other');
    expect(failure(() => files.pathIn('/', '/dev/zero'))).toBe('other');
  });
});

describe('files.watch', () => {
  it('tells of changes until it is cancelled', async () => {
    mkdirSync(at('watched'));
    let calls = 0;
    await new Promise<void>((resolve, reject) => {
      const watch = files.watch?.(
        at('watched'),
        () => {
          calls++;
          resolve();
          watch?.cancel();
        },
        reject,
      );
      writeFileSync(at('watched/x'), 'one');
    });
    writeFileSync(at('watched/y'), 'two');
    expect(calls).toBe(1);
  });

  it.each([
    ['none', 'not-found'],
    ['x', 'other'],
  ])('fails for %s, later', async (name, code) => {
    writeFileSync(at('x'), '');
    let within = true;
    const failed = new Promise((resolve) => {
      files.watch?.(
        at(name),
        () => undefined,
        (error) => resolve([error.code, within]),
      );
    });
    within = false;
    expect(await failed).toEqual([code, false]);
  });
});
