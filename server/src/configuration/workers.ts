import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigurationError } from 'rm-reflector/program';

export const mostWorkers = 64;

/** The variable by which a worker is told which one it is. */
export const workerVariable = 'RM_SERVER_WORKER';

/** One of the processes of a server that has several, from 1. */
export interface Worker {
  readonly number: number;
}

/** Which worker this process is; `null`: none. */
export function workerOf(environment: Readonly<Record<string, string | undefined>>): Worker | null {
  const number = Number(environment[workerVariable]);
  return Number.isInteger(number) && number > 0 ? { number } : null;
}

/**
 * How many processes are to serve: what the option says, else the variable, else `configured`. Throws `ConfigurationError`.
 */
export function workerCount(
  given: { readonly option: string | undefined; readonly variable: string | undefined },
  configured: number,
): number {
  const [value, name] =
    given.option !== undefined ? [given.option, '--workers'] : [given.variable, 'RM_SERVER_WORKERS'];
  if (!value) return configured;
  const count = /^[0-9]{1,3}$/.test(value) ? Number(value) : 0;
  if (count < 1 || count > mostWorkers)
    throw new ConfigurationError(`${name}: must be a number from 1 to ${mostWorkers}`);
  return count;
}

/** The folder of what a worker keeps for itself, in that of the data file. Makes it, for its owner alone. */
export function workerFolder(data: string, { number }: Worker): string {
  const folder = join(dirname(data), `worker-${number}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** This host in the name of a node, where the configuration has none. */
export function nameOfHost(host = hostname()): string {
  const label = host.split('.', 1)[0] ?? '';
  const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return (
    name
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 50)
      .replace(/-+$/, '') || 'host'
  );
}

/** `HOST:PORT` of one worker: the first has that port, each other one the next. */
export function placeOfWorker(place: string, { number }: Worker, where: string): string {
  const at = place.lastIndexOf(':');
  const first = Number(place.slice(at + 1));
  const port = first === 0 ? 0 : first + number - 1;
  if (port > 0xffff) throw new ConfigurationError(`${where}: there is no port ${port} for worker ${number}`);
  return `${place.slice(0, at)}:${port}`;
}
