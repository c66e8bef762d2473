import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, temporaryDirectory } from './guest.ts';

describe('files', () => {
  it('are written so that a reader sees all or nothing, and only the owner may read', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'settings');
    writeFileSync(path, 'old', { mode: 0o644 });
    // Of a device whose ID begins like that of another.
    writeFileSync(`${path}.new`, 'its own');
    const guest = run((native, report, file) => {
      native.files.writeAtomically(file, Uint8Array.from([110, 101, 119]));
      report('read', Array.from(native.files.read(file, 3)));
      report('stat', native.files.stat(file));
      report('append', native.files.append(file, Uint8Array.from([33])));
      native.files.rename(file, `${file}.1`);
      native.files.remove(file);
      report('gone', native.files.stat(file));
      report('created', native.files.append(`${file}.2`, new Uint8Array(2)));
      report('list', native.files.list(file.slice(0, file.lastIndexOf('/'))).length);
    }, path);
    const events = await guest.finish();
    expect(events.slice(0, 5)).toEqual([
      ['read', [...Buffer.from('new')]],
      [
        'stat',
        { kind: 'file', size: 3, mode: 0o600, id: expect.stringMatching(/^\d+:\d+$/), writable: true },
      ],
      ['append', 4],
      ['gone', null],
      ['created', 2],
    ]);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('new!');
    expect(statSync(`${path}.2`).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(['settings.1', 'settings.2', 'settings.new']);
    expect(readFileSync(`${path}.new`, 'utf8')).toBe('its own');
  });

  it('that are pipes are read to their end, however slow their writer', async () => {
    const path = join(temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [path]);
    // For reading too, so that it opens without a reader.
    const pipe = openSync(path, 'r+');
    const guest = run((native, report, file) => {
      report('reads');
      report('read', native.files.read(file, 1_000_000).length);
    }, path);
    await guest.expect('reads');
    // More than a pipe holds (pipe(7)): when all is written, the guest is reading.
    for (let written = 0; written < 200_000; written += 1_000) writeSync(pipe, Buffer.alloc(1_000));
    closeSync(pipe);
    expect(await guest.finish()).toEqual([['read', 200_000]]);
  });

  it('tell why they cannot be had', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'four'), '1234');
    mkdirSync(join(directory, 'folder'));
    const guest = run((native, report, folder) => {
      const attempt = (use: () => unknown) => {
        try {
          use();
          report('no failure');
        } catch (error) {
          report(
            'failure',
            (error as { code: string }).code,
            (error as Error).message,
            error instanceof Error,
          );
        }
      };
      attempt(() => native.files.read(`${folder}/none`, 10));
      attempt(() => native.files.read(`${folder}/four`, 3));
      attempt(() => native.files.read(`${folder}/folder`, 10));
      attempt(() => native.files.list(`${folder}/none`));
      attempt(() => native.files.writeAtomically(`${folder}/none/file`, new Uint8Array(1)));
      attempt(() => native.files.rename(`${folder}/none`, `${folder}/other`));
      attempt(() => native.files.writeAtomically('/proc/version', new Uint8Array(1)));
      attempt(() => native.files.append('/dev/full', new Uint8Array(10)));
    }, directory);
    expect((await guest.finish()).map(([event, ...rest]) => [event, ...rest.slice(0, 2)])).toEqual([
      ['failure', 'not-found', 'no such file'],
      ['failure', 'too-large', 'larger than 3 bytes'],
      ['failure', 'other', 'is a directory'],
      ['failure', 'not-found', 'no such file'],
      ['failure', 'not-found', 'no such file'],
      ['failure', 'not-found', 'no such file'],
      ['failure', expect.stringMatching(/access|not-found|other/), expect.any(String)],
      ['failure', 'no-resources', 'no space left'],
    ]);
    expect(readdirSync(directory).sort()).toEqual(['folder', 'four']);
  });

  it('without a size of their own are read whole', async () => {
    const guest = run((native, report) =>
      report('lines', native.files.read('/proc/self/status', 65_536).length > 100),
    );
    expect(await guest.finish()).toEqual([['lines', true]]);
  });

  it('of a root file system stay in it, whatever its links', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/x'), '');
    symlinkSync('/etc', join(root, 'absolute'));
    symlinkSync('../../../etc/x', join(root, 'etc/up'));
    symlinkSync('/nowhere/y', join(root, 'etc/out'));
    symlinkSync('/loop', join(root, 'loop'));
    symlinkSync('etc/loop', join(root, 'etc/loop'));
    const long = `/${'n'.repeat(200)}`.repeat(30);
    const guest = run(
      (native, report, top, tooLong) => {
        const place = (path: string) => {
          try {
            return native.files.pathIn(top, path);
          } catch (error) {
            return (error as Error).message;
          }
        };
        for (const path of [
          'etc/x',
          '/etc//./x',
          '/../../etc/../etc/x',
          '/absolute/x',
          '/etc/up',
          '/etc/out',
        ])
          report(place(path));
        for (const path of ['/missing/../y', '/', '/loop', '/etc/loop/y', tooLong]) report(place(path));
        report(native.files.pathIn('/', '/etc/passwd'));
        try {
          native.files.pathIn('/', '/dev/zero');
        } catch (error) {
          report((error as Error).message);
        }
      },
      root,
      long,
    );
    expect((await guest.finish()).map(([event]) => `${event}`.replace(root, ''))).toEqual([
      ...['/etc/x', '/etc/x', '/etc/x', '/etc/x', '/etc/x', '/nowhere/y'],
      ...['/y', '', 'too many links', '/etc/etc/loop/y', expect.stringMatching(/name/i)],
      '//etc/passwd',
      'is neither a file nor a directory',
    ]);
  });

  it('are watched: names that come and go, and contents that change', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'device.json');
    const guest = run((native, report, folder) => {
      const watch = native.files.watch?.(
        folder,
        () => report('changed'),
        ({ code }) => report('failed', code),
      );
      native.files.watch?.(
        `${folder}/none`,
        () => report('changed'),
        ({ code, message }) => report('failed', code, message),
      );
      native.system.onSignal('SIGTERM', () => {
        watch?.cancel();
        watch?.cancel();
        report('cancelled');
      });
      report('ready');
    }, directory);
    await guest.expect('ready');
    expect(await guest.expect('failed')).toEqual(['not-found', expect.stringContaining('inotify')]);
    const change = async (act: () => void) => {
      act();
      await guest.expect('changed');
    };
    await change(() => writeFileSync(path, 'one'));
    await change(() => writeFileSync(path, 'two'));
    await change(() => renameSync(path, `${path}.old`));
    await change(() => rmSync(`${path}.old`));
    guest.process.kill('SIGTERM');
    let event = await guest.next('cancelled');
    // A call too many is allowed.
    while (event[0] === 'changed') event = await guest.next('cancelled');
    expect(event).toEqual(['cancelled']);
    await guest.finish();
  });
});
