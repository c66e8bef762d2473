import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { StoreError } from 'rm-reflector/ports';
import { CommandError, ExitStatus, fileFault, type ProgramCommand } from 'rm-reflector/program';
import { asOwnerOf, DataFileLock, LastingDatabase } from 'rm-reflector/store';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { mustBeFile } from './postgresql.ts';

/**
 * `rm-server backup FILE`: a copy of the data file as it is at one moment, while the server runs. It is of mode 0600, and has
 * its name once it is whole.
 */
export const backup: ProgramCommand = {
  usage: 'backup FILE',
  help: `backup writes a copy of the data file to a new file, also while the server runs.`,
  names: [1, 1],
  run: ([file = ''], place, { print }) => {
    mustBeFile('backup', place, 'pg_dump');
    const { data } = place;
    if (!existsSync(data))
      throw new CommandError(ExitStatus.data, `data file ${data}: there is no such file`);
    if (existsSync(file))
      throw new CommandError(ExitStatus.failed, `${file}: exists; a backup is a new file`);
    const partial = `${file}.partial`;
    try {
      rmSync(partial, { force: true });
      closeSync(openSync(partial, 'wx', 0o600));
      const database = asOwnerOf(
        data,
        () => new LastingDatabase(data, { fileMustExist: true, timeout: 5_000 }),
      );
      try {
        database.prepare('VACUUM INTO ?').run(resolve(partial));
      } finally {
        database.close();
      }
      check(partial);
      settle(partial, file);
    } catch (error) {
      rmSync(partial, { force: true });
      throw failure(file, error);
    }
    print(`${file}: the data of ${data}; keep it as safe as the server itself\n`);
    return ExitStatus.ok;
  },
};

/**
 * `rm-server restore FILE`: puts a backup in the place of the data file, while no server runs on it. The file that was there is
 * kept beside it.
 */
export const restore: ProgramCommand = {
  usage: 'restore FILE',
  help: `restore puts a backup in the place of the data file. Stop the server first.`,
  names: [1, 1],
  run: async ([file = ''], place, { clock, print }) => {
    mustBeFile('restore', place, 'pg_restore');
    const { data } = place;
    if (!existsSync(file)) throw new CommandError(ExitStatus.failed, `${file}: there is no such file`);
    const lock = DataFileLock.take(data);
    try {
      const partial = `${data}.partial`;
      try {
        copy(file, () =>
          asOwnerOf(data, () => {
            rmSync(partial, { force: true });
            return openSync(partial, 'wx', 0o600);
          }),
        );
        asOwnerOf(data, () => check(partial));
        // A backup of an earlier version is brought up to date here, and one of a later version refused.
        await SqliteStore.open(partial, { existing: true }).close();
        await asOwnerOf(data, () => new FleetDatabase(partial, clock, defaultLimits)).close();
      } catch (error) {
        remove(partial);
        throw failure(file, error);
      }
      const former = `${data}.before-restore`;
      if (existsSync(data)) {
        remove(former);
        for (const end of ['', '-wal', '-shm']) {
          if (existsSync(`${data}${end}`)) renameSync(`${data}${end}`, `${former}${end}`);
        }
      }
      settle(partial, data);
      const kept = existsSync(former) ? `; what was there is in ${former}` : '';
      print(`${data}: has the data of ${file} now${kept}\n`);
      return ExitStatus.ok;
    } finally {
      lock.release();
    }
  },
};

/** Throws unless it is a whole data file of ours. */
function check(path: string): void {
  const database = new LastingDatabase(path, { readonly: true, fileMustExist: true });
  try {
    const [found] = database.prepare('PRAGMA integrity_check(1)').all() as { integrity_check: string }[];
    if (found?.integrity_check !== 'ok') throw new Error(`is damaged: ${found?.integrity_check}`);
    const table = database
      .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'devices'")
      .get();
    if (table === undefined) throw new Error('is no data file of rm-server');
  } finally {
    database.close();
  }
}

/** `open` makes the new file: by its name, somebody else could have put another one there. */
function copy(from: string, open: () => number): void {
  const source = openSync(from, 'r');
  try {
    const target = open();
    try {
      const piece = Buffer.alloc(1024 * 1024);
      for (let length = readSync(source, piece); length > 0; length = readSync(source, piece)) {
        for (let at = 0; at < length; ) at += writeSync(target, piece, at, length - at);
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/** Gives a file its name once it is on the disk. */
function settle(partial: string, path: string): void {
  sync(partial);
  renameSync(partial, path);
  sync(dirname(resolve(path)));
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function remove(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
}

function failure(file: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const status = error instanceof StoreError ? ExitStatus.data : ExitStatus.failed;
  return new CommandError(status, `${file}: ${fileFault(error)}`);
}
