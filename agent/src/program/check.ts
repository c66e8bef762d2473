import { closePayload, formatHttpUri, WebSocketOpcode } from 'rm-protocol';
import { prepareAttempt } from '../agent/attempt-settings.ts';
import { certificateExpiry, expiryWarning } from '../agent/certificate-expiry.ts';
import { clockWarning, judgedByBuild } from '../agent/certificate-log.ts';
import { portLabel } from '../agent/port-label.ts';
import type { Configuration } from '../config/configuration.ts';
import { defaultLimits } from '../config/limits.ts';
import { reflectorsOf } from '../config/parts.ts';
import { describeProxy } from '../dial/proxy-server.ts';
import type { Host } from '../host.ts';
import { Attempt, type Upgraded } from '../link/attempt.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';
import { CLOSING_MS, REPLACED } from '../link/link.ts';
import { FrameQueue } from '../tunnel/frame-queue.ts';
import type { DaemonStatus } from './daemon-status.ts';
import { ExitStatus } from './exit-status.ts';
import { duration } from './format-status.ts';
import { probeServices } from './probe-services.ts';
import { sendCommand } from './send-command.ts';

/** A line of `check`. */
export type Report = (mark: 'try' | 'ok' | 'FAILED', step: string, detail: string) => void;

/** The errors of the control socket when no agent listens there. */
const noAgentCodes: readonly unknown[] = ['not-found', 'refused'];

/**
 * `rm-agent check`: tries each service, then reports the tunnel of the running agent, or makes one attempt and
 * reports each step of each route that it tries. `done` gets the exit status.
 *
 * A reflector replaces the tunnel of a running agent by that of an attempt with the same identity, so none is made beside
 * a tunnel that is up, unless `dial` demands it.
 */
export function check(
  host: Host,
  configuration: Configuration,
  dial: boolean,
  done: (status: number) => void,
): void {
  let complete = true;
  const report: Report = (mark, step, detail) => {
    // Steps of an attempt may fail on one route, and work on the next.
    if (mark === 'FAILED' && (step === 'service' || step === 'configuration')) complete = false;
    host.system.print(1, `${mark.padEnd(7)}${step.padEnd(14)}${detail}\n`);
  };
  const { control } = configuration;
  const end = (connected: boolean) => done(checkStatus(connected, complete));
  const attempt = () => makeAttempt(host, configuration, report, end);
  probeServices(
    host,
    configuration,
    (service, failure) =>
      report(
        failure === null ? 'ok' : 'FAILED',
        'service',
        `${portLabel(service.port, service.name)}${failure === null ? '' : `: ${failure}`}`,
      ),
    () => {
      if (!dial && control !== null) askRunningAgent(host, configuration, control, report, attempt, end);
      else {
        const why = dial ? '--dial' : 'control is null';
        report('try', 'agent', `${why}: an agent that runs beside this loses its tunnel and dials again`);
        attempt();
      }
    },
  );
}

/** The exit status of `check`: without a way to the reflector, nothing else counts. */
export function checkStatus(connected: boolean, complete: boolean): number {
  if (!connected) return ExitStatus.unavailable;
  return complete ? ExitStatus.ok : ExitStatus.incomplete;
}

/** Reports the tunnel of the agent at `control`; `attempt` is made where there is none that it could replace. */
function askRunningAgent(
  host: Host,
  configuration: Configuration,
  control: string,
  report: Report,
  attempt: () => void,
  done: (connected: boolean) => void,
): void {
  sendCommand(host, control, 'status', (answer, error, code) => {
    if (error !== null) {
      const alone = noAgentCodes.includes(code);
      const more = alone ? '' : '; it may have a tunnel, so nobody is dialled: see check --dial';
      report(alone ? 'ok' : 'FAILED', 'agent', `${error}${more}`);
      if (alone) attempt();
      else done(false);
      return;
    }
    const { state, since, link, reflector, connectedTo, lastError } = answer as DaemonStatus;
    const age = duration(host.clock.date() - since);
    report('ok', 'agent', `runs, ${state} for ${age}`);
    if (reflector !== reflectorsOf(configuration).join(', '))
      report(
        'FAILED',
        'configuration',
        `the running agent has another one, with ${reflector}: send it SIGHUP`,
      );
    if (state === 'connected') report('ok', 'tunnel', `to ${connectedTo} for ${age}; see check --dial`);
    else if (state === 'waiting') report('FAILED', 'tunnel', lastError ?? 'no attempt yet');
    else if (state === 'connecting') {
      const before = lastError === null ? '' : `; the last one failed: ${lastError}`;
      report('try', 'tunnel', `an attempt is under way (${link})${before}`);
    } else report('FAILED', 'tunnel', 'remote access is turned off: see rm-agent enable');
    // The tunnel of another device that has replaced the agent's must stay.
    if (state === 'waiting' && !lastError?.startsWith(REPLACED)) attempt();
    else done(state === 'connected');
  });
}

export function makeAttempt(
  host: Host,
  configuration: Configuration,
  report: Report,
  done: (connected: boolean) => void,
): void {
  prepareAttempt(host, configuration, defaultLimits, [], (settings) => {
    if (!('error' in settings)) dialOnce(host, configuration, settings, report, done);
    else {
      report('FAILED', 'configuration', settings.error);
      done(false);
    }
  });
}

function dialOnce(
  host: Host,
  configuration: Configuration,
  settings: AttemptSettings,
  report: Report,
  done: (connected: boolean) => void,
): void {
  if (settings.trusted !== null) report('ok', 'trusted', settings.trusted);
  const judgedAt = judgedByBuild(settings);
  if (judgedAt !== null) report('ok', 'clock', clockWarning(host.clock.date(), judgedAt));
  const warning = expiryWarning(certificateExpiry(host, configuration.tls), judgedAt ?? host.clock.date());
  if (warning !== null) report('ok', 'certificate', `${configuration.tls.cert} ${warning}`);
  new Attempt(host, settings, {
    step: () => undefined,
    trying: ({ uri, proxy }) => {
      const through = proxy ? ` through proxy ${describeProxy(proxy)}` : '';
      report('try', 'reflector', `${formatHttpUri(uri)}${through}`);
    },
    passed: (step, detail) => report('ok', step, detail),
    upgraded: (connection) => {
      report('ok', 'upgrade', formatHttpUri(connection.uri));
      closeTunnel(host, connection, () => done(true));
    },
    lost: ({ step, message }) => report('FAILED', step, message),
    failed: () => done(false),
  });
}

/** Closes the tunnel as RFC 6455 section 7.1.2 wants it, so that the reflector sees no broken device. */
function closeTunnel(host: Host, { socket, deliverTo }: Upgraded, done: () => void): void {
  const finish = () => {
    deadline.cancel();
    socket.destroy();
    done();
  };
  const deadline = host.clock.schedule(CLOSING_MS, finish);
  deliverTo({ data: () => undefined, taken: () => undefined, ended: finish, closed: finish });
  const code = closePayload(1000);
  const queue = new FrameQueue(socket, host.clock, host.crypto, code.length);
  queue.message(WebSocketOpcode.close, code);
  queue.flush();
  socket.end();
}
