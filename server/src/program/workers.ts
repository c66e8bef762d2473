import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { EventEmitter, once } from 'node:events';
import type { CommandContext, Program, ServePlace } from 'rm-reflector/program';
import { ConfigurationError } from 'rm-reflector/program';
import { readOwnConfiguration } from '../configuration/configuration.ts';
import { mostWorkers, workerCount, workerOf, workerVariable } from '../configuration/workers.ts';
import { defaultLimits } from '../limits.ts';
import { addressOf } from './postgresql.ts';
import { type Ended, Supervisor, type WorkerProcess } from './supervisor.ts';

/** What the processes say to each other. */
interface Message {
  readonly serves?: true;
  readonly signal?: NodeJS.Signals;
}

const signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

export const serveOptions: NonNullable<Program['serveOptions']> = {
  workers: {
    placeholder: 'N',
    help: `processes that share the work, at most ${mostWorkers}; more than one need a PostgreSQL database (1)`,
  },
};

/** Runs `serve` in several processes, if that many are asked for. */
export const supervise: NonNullable<Program['supervise']> = (place, context) => {
  const { environment } = context;
  if (workerOf(environment)) return null;
  const count = countOf(place, environment);
  if (count === 1) return null;
  mustSuit(place);
  return superviseWorkers(count, context);
};

function countOf(
  { sources: { file }, option }: ServePlace,
  environment: CommandContext['environment'],
): number {
  const { workers } = readOwnConfiguration({ workers: file?.values.get('workers') }, file?.path ?? null);
  return workerCount({ option: option('workers'), variable: environment.RM_SERVER_WORKERS }, workers);
}

function mustSuit({ sources, settings }: ServePlace): void {
  if (!addressOf(sources))
    throw new ConfigurationError('workers: need a database that they share: set store.url (PostgreSQL)');
  if (typeof settings.audit === 'string')
    throw new ConfigurationError(
      'workers: cannot write one audit file: leave out "audit", the audit log is in the database',
    );
  if (sources.file?.values.get('recording') !== undefined)
    throw new ConfigurationError(
      'workers: cannot keep recordings of terminals together: leave out "recording"',
    );
}

async function superviseWorkers(
  count: number,
  { clock, print, printError }: CommandContext,
): Promise<number> {
  const [exec = '', ...args] = process.argv.slice(1);
  // Each worker accepts by itself. Otherwise this process would hand over one connection after the other, each after an answer: a user
  // would wait for thousands of devices before a worker can tell who is who.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const start = (number: number) => {
    // The first one says where all listen.
    const out = number === 1 ? 'inherit' : 'ignore';
    cluster.setupPrimary({ exec, args, stdio: ['ignore', out, 'inherit', 'ipc'] });
    return forked(cluster.fork({ [workerVariable]: String(number) }));
  };
  const supervisor = new Supervisor({
    count,
    clock,
    limits: defaultLimits,
    start,
    allServe: () => print(`rm-server: ${count} workers serve\n`),
    warn: (text) => printError(`rm-server: ${text}\n`),
  });
  const pass = (signal: NodeJS.Signals) => supervisor.signal(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    return await supervisor.run();
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

function forked(worker: ClusterWorker): WorkerProcess {
  const serves = new Promise<void>((resolve) => {
    worker.on('message', (message: Message) => {
      if (message.serves) resolve();
    });
  });
  const ended = once(worker, 'exit').then(([status, signal]): Ended => ({ status, signal }));
  return {
    serves,
    ended,
    signal: (signal) => {
      if (worker.isConnected()) worker.send({ signal } satisfies Message);
    },
  };
}

/** What a worker is told by its supervisor in place of the system: a signal to the whole group of processes would come twice. */
export function workerContext(): Pick<CommandContext, 'serves' | 'signals'> {
  const told = new EventEmitter();
  let isToReload = false;
  for (const signal of signals) process.on(signal, () => {});
  process.on('message', ({ signal }: Message) => {
    if (signal === undefined || told.emit(signal, signal)) return;
    // It does not serve yet.
    if (signal !== 'SIGHUP') process.exit(0);
    isToReload = true;
  });
  return {
    signals: told,
    serves: () => {
      process.send?.({ serves: true } satisfies Message);
      if (isToReload) told.emit('SIGHUP', 'SIGHUP');
    },
  };
}
