import { accessSync, constants, readFileSync } from 'node:fs';
import {
  CommandError,
  type CommandPlace,
  ExitStatus,
  fileFault,
  type ProgramCommand,
} from 'rm-reflector/program';
import { hasPassword, type PostgresqlAddress } from '../store/postgresql/connection.ts';
import { transfer } from '../store/transfer/transfer.ts';
import { addressOf } from './postgresql.ts';

/**
 * `rm-server migrate`: moves the data file, or that of `--from`, to the PostgreSQL database of `--to` or of the configuration, which has no
 * data yet: everything or nothing. The file stays.
 */
export const migrate: ProgramCommand = {
  usage: 'migrate [--from FILE] [--to URL] [--password-file FILE] [--ca FILE] [--tls off]',
  help: `migrate moves everything from the data file (--from, or the one that the server uses) into the PostgreSQL database of --to, or
of the configuration: all of it, or nothing. Stop the server first. The database must have no data; the file stays as it is.`,
  names: [0, 0],
  options: ['from', 'to', 'password-file', 'ca', 'tls'],
  run: async (_names, place, { clock, print, printError }) => {
    const from = place.option('from') ?? place.data;
    const to = targetOf(place);
    const warn = (text: string) => printError(`rm-server: ${text}\n`);
    const { rows, altered } = await transfer({ from, to }, { clock, warn });
    const width = Math.max(...[...rows.keys()].map((table) => table.length));
    for (const [table, count] of rows) print(`${table.padEnd(width)}  ${count}\n`);
    if (altered > 0) print(`${altered} texts had a NUL character, and have U+FFFD in its place\n`);
    const all = [...rows.values()].reduce((sum, count) => sum + count, 0);
    print(`${all} rows of ${from} are in ${to.url} now; the file stays as it is\n`);
    return ExitStatus.ok;
  },
};

/** Throws `CommandError`. */
function targetOf({ option, sources }: CommandPlace): PostgresqlAddress {
  const [url, file, ca, tls] = [option('to'), option('password-file'), option('ca'), option('tls')];
  if (url === undefined) {
    const surplus = ['password-file', 'ca', 'tls'].find((name) => option(name) !== undefined);
    const configured = surplus === undefined ? addressOf(sources) : null;
    if (configured) return configured;
    throw new CommandError(
      ExitStatus.usage,
      'migrate: needs --to postgresql://USER@HOST:PORT/DATABASE, or "store" in the configuration file',
    );
  }
  if (hasPassword(url)) {
    throw new CommandError(
      ExitStatus.usage,
      '--to: has a password, which all users of this machine can read; put it into a file, and give --password-file FILE',
    );
  }
  if (tls !== undefined && tls !== 'off' && tls !== 'verify-full') {
    throw new CommandError(ExitStatus.usage, `--tls ${JSON.stringify(tls)}: must be verify-full or off`);
  }
  // It may be a pipe, which gives it once, and each connection needs it.
  const password = file === undefined ? null : read('--password-file', file).replace(/\r?\n$/, '');
  if (ca !== undefined) mustBeReadable('--ca', ca);
  return {
    url,
    ...(password !== null && { password: () => password }),
    ...(ca !== undefined && { ca }),
    ...(tls !== undefined && { tls }),
  };
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new CommandError(ExitStatus.usage, `${name} ${path}: ${fileFault(error)}`);
  }
}

/** It is not opened: a pipe would be empty for the connection. */
function mustBeReadable(name: string, path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new CommandError(ExitStatus.usage, `${name} ${path}: ${fileFault(error)}`);
  }
}
