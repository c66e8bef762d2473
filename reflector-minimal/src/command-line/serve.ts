import { type Logger, pino } from 'pino';
import type { Clock } from 'rm-protocol';
import { AuditFileError } from '../audit/file.ts';
import {
  type Configuration,
  type ConfigurationFile,
  readConfigurationFile,
} from '../configuration/configuration.ts';
import { descriptorsFor, freeDescriptors, withinDescriptors } from '../descriptors.ts';
import { CookieHostTaken } from '../devices/hidden-device.ts';
import { fileFault } from '../file-fault.ts';
import { defaultLimits, type Limits, limitsFor } from '../limits.ts';
import { startMinorGc } from '../memory/minor-gc.ts';
import { isLoopback } from '../network/addresses.ts';
import { StoreError } from '../ports/store.ts';
import { type Reflector, startReflector } from '../reflector.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, ExitStatus } from './exit.ts';
import { ensureAdministrator, type FirstAdministrator } from './first-administrator.ts';
import type { Additions, Program, StoreSources } from './program.ts';

/** Bytes of log lines that may wait for a slow reader. Further lines are dropped, so that a full pipe blocks nothing. */
const logQueueBytes = 1024 * 1024;

export interface ServeOptions {
  readonly program: Program;
  readonly configuration: Configuration;
  readonly data: string;
  readonly sources: StoreSources;
  readonly context: Pick<CommandContext, 'clock' | 'environment' | 'serves' | 'signals'>;
}

/** Runs the program until SIGTERM or SIGINT and returns the exit status. Throws {@link CommandError}. */
export async function serve({
  program,
  configuration,
  data,
  sources,
  context,
}: ServeOptions): Promise<number> {
  const { clock, environment, signals = process } = context;
  const { file, given } = sources;
  const destination = pino.destination({ dest: 2, sync: false, maxLength: logQueueBytes });
  // The disk is full or the reader has gone: only the line is lost.
  destination.on('error', () => {});
  process.stdout.on('error', () => {});
  const log = pino({ level: configuration.logLevel }, destination);
  try {
    warnOfDescriptors({ ...defaultLimits, ...limitsFor(configuration.tunnels) }, log);
    let status: number = ExitStatus.ok;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const ownOf = (read: ConfigurationFile | null) =>
      Object.fromEntries(program.keys.map((key) => [key, read?.values.get(key)]));
    const carried = startMinorGc();
    const additions: Additions = (await program.additions?.({
      own: ownOf(file),
      ownAgain: () => ownOf(file && readConfigurationFile(file.path, program.keys)),
      file: file?.path ?? null,
      data,
      givenStore: given,
      settings: configuration,
      environment,
      log,
      clock,
      carried,
      end: (given) => {
        status = given;
        end();
      },
    })) ?? { options: {} };
    const reflector = await start(configuration, { ...additions, carried }, data, log, clock).catch(
      async (error) => {
        await additions.close?.();
        throw error;
      },
    );
    const { tls, host } = configuration;
    if (!tls && host !== 'localhost' && !isLoopback(host)) {
      log.warn('no TLS of its own: passwords are readable on the way unless a proxy in front speaks TLS');
    }
    const first = await ensureAdministrator(
      reflector.store,
      data,
      process.stdout.isTTY === true,
      clock,
    ).catch(async (error) => {
      await additions.close?.();
      await reflector.close();
      throw new CommandError(ExitStatus.data, `first administrator: ${error.message}`);
    });
    if (first) announceAdministrator(first, log);
    await additions.started?.(reflector);
    // Whoever reads the line may send a signal at once.
    const drainMs = configuration.drain * 1000;
    const stopped = untilStopped({ reflector, drainMs, log, additions, ended, signals });
    process.stdout.write(`${program.name} listens on ${reflector.url}\n`);
    context.serves?.();
    await stopped;
    return status;
  } finally {
    // `flushSync` could overtake the line being written. On a full disk, `end` may never complete.
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(defaultLimits.closeMs, resolve);
      const closed = () => {
        timer.cancel();
        resolve();
      };
      destination.once('close', closed).once('error', closed);
      destination.end();
    });
    destination.destroy();
  }
}

/** Warns at the start, not only when connections are refused. */
function warnOfDescriptors(limits: Limits, log: Logger): void {
  const { connections } = withinDescriptors(limits, freeDescriptors());
  // A small difference is not worth a warning.
  if (connections >= limits.tunnels) return;
  log.warn(
    { connections },
    `this process may open few files, and so takes ${connections} connections in place of ${limits.connections}: raise the limit to ${descriptorsFor(limits)} (ulimit -n, LimitNOFILE=)`,
  );
}

function announceAdministrator(first: FirstAdministrator, log: Logger): void {
  if (first.kind === 'shown') {
    process.stdout.write(
      `Nobody had an account: the first administrator is\n${first.text}Shown only this once.\n`,
    );
  } else if (first.kind === 'filed') {
    log.warn({ file: first.file }, 'nobody had an account: the first administrator is in this file');
  } else {
    log.warn(
      { file: first.file },
      'the password of the first administrator is still in this file: remove it',
    );
  }
}

async function start(
  configuration: Configuration,
  additions: Pick<Additions, 'options'> & { readonly carried: (bytes: number) => void },
  data: string,
  log: Logger,
  clock: Clock,
): Promise<Reflector> {
  const { unclaimed, responseTimeout, tunnels, drain: _, ...options } = configuration;
  try {
    return await startReflector({
      ...options,
      data,
      acceptUnclaimed: unclaimed,
      log,
      clock,
      carried: additions.carried,
      ...additions.options,
      limits: { ...limitsFor(tunnels), responseMs: responseTimeout * 1000, ...additions.options.limits },
    });
  } catch (error) {
    throw explain(error, configuration);
  }
}

function explain(error: unknown, { host, port, tls }: Configuration): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof AuditFileError) {
    return new CommandError(ExitStatus.configuration, `--audit: ${error.message}`);
  }
  if (error instanceof CookieHostTaken) {
    return new CommandError(ExitStatus.configuration, `--cookie-host: ${error.message}`);
  }
  if (!(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(
        ExitStatus.unavailable,
        `${host}:${port} is taken by another program; choose another with --listen ADDRESS:PORT`,
      );
    case 'EACCES':
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      if ('syscall' in error && error.syscall !== 'open') {
        return new CommandError(ExitStatus.unavailable, `--listen ${host}:${port}: ${error.message}`);
      }
  }
  const options = tls?.clientCa ? '--tls-cert, --tls-key, --client-ca' : '--tls-cert, --tls-key';
  const allowed = String(error.code).startsWith('ERR_OSSL')
    ? 'must be PEM files, the key that of the certificate: '
    : '';
  const file = 'path' in error ? `${error.path}: ` : '';
  return tls
    ? new CommandError(ExitStatus.configuration, `${options}: ${file}${allowed}${fileFault(error)}`)
    : error;
}

/**
 * The first signal ends the reflector in order, a second one at once. With a time to drain, SIGTERM drains first; a signal that
 * comes meanwhile cuts that short, and the next one ends the process at once. `ended`: the program ends itself, in order.
 */
async function untilStopped({
  reflector,
  drainMs,
  log,
  additions,
  ended,
  signals,
}: {
  readonly reflector: Reflector;
  readonly drainMs: number;
  readonly log: Logger;
  readonly additions: Additions;
  readonly ended: Promise<void>;
  readonly signals: NonNullable<CommandContext['signals']>;
}): Promise<void> {
  const reload = () => {
    try {
      reflector.reopenAudit();
    } catch (error) {
      log.error({ err: error }, 'audit file cannot be closed');
    }
    try {
      reflector.reloadTls();
      log.info('TLS files read again');
    } catch (error) {
      log.error({ err: error }, 'TLS files unusable; the old ones stay');
    }
    additions.reload?.();
  };
  signals.on('SIGHUP', reload);
  let act: (signal: NodeJS.Signals) => void = () => {};
  const next = () =>
    new Promise<NodeJS.Signals>((resolve) => {
      act = (signal) => {
        log.info({ signal }, 'signal');
        resolve(signal);
      };
    });
  const take = (signal: NodeJS.Signals) => act(signal);
  const first = next();
  signals.on('SIGTERM', take);
  signals.on('SIGINT', take);
  const signal = await Promise.race([first, ended]);
  if (signal === 'SIGTERM' && drainMs > 0) await Promise.race([reflector.drain(drainMs), next()]);
  act = (signal) => process.exit(signal === 'SIGTERM' ? 143 : 130);
  signals.off('SIGHUP', reload);
  await additions.close?.();
  await reflector.close();
}
